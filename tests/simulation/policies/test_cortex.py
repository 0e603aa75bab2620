"""The adapter of the real rules: it hands over reports, counts and the past, and adds nothing."""

from __future__ import annotations

from cortex_cdk.autoscaling import History, LoadReport, Policy, decide, observe
from cortex_cdk.simulation.policies.cortex import Cortex
from tests.simulation.policies.scripted import Fleet, Readings, counts, run

POLICY = Policy(init_replicas=2, max_replicas=50)


def step(second: int) -> float:
    return 2.0 if second < 300 else 20.0


def test_a_step_fills_the_window_bucket_by_bucket() -> None:
    # Ticks are 5 s into each bucket. At 315 s the window holds 50 s of 2 and 10 s of 20 requests: 5 on average.
    ticks = run(Cortex(POLICY), step, 400)
    assert counts(ticks) == [(5, 2), (315, 5), (325, 8), (335, 11), (345, 14), (355, 17), (365, 20)]


def test_a_short_upscale_window_follows_at_once() -> None:
    policy = Policy(init_replicas=2, max_replicas=50, upscale_window_s=10)
    assert counts(run(Cortex(policy), step, 400)) == [(5, 2), (315, 20)]


def test_it_decides_as_the_rules_do_at_every_tick() -> None:
    def load(second: int) -> float:
        return abs((second * 7919) % 40 - 15) if second // 100 % 2 else 3.0

    policy = Policy(init_replicas=3, max_replicas=12, downscale_stabilization_period_s=60, window_s=30)
    cortex, history = Cortex(policy), History()
    fleet = Fleet(load, cortex.initial())
    seen = set()
    for number in range(120):
        now = 5.0 + 10 * number
        fleet.now = now
        everything = fleet.reports(now + 10)
        expected = decide(policy, observe(policy, everything, now, fleet.requested), history, now)
        outcome = cortex.decide(now, fleet)
        assert outcome.decision == expected
        assert outcome.desired == expected.desired
        history = expected.history
        fleet.request(outcome.desired)
        seen.add(outcome.desired)
    assert len(seen) > 3


def test_without_reports_it_holds_and_says_so() -> None:
    class Silent(Readings):
        def reports(self, window_s: float) -> list[LoadReport]:
            return []

    outcome = Cortex(POLICY).decide(5.0, Silent(requested=7, ready=7))
    assert outcome.desired == 7
    assert outcome.decision is not None
    assert not outcome.decision.valid
    assert "no fresh load report" in outcome.reason


def test_a_missed_report_in_the_middle_of_the_window_is_noticed() -> None:
    # A replica is missing from one bucket 50 s ago: that takes the reports before the window, too.
    class Gap(Fleet):
        def reports(self, window_s: float) -> list[LoadReport]:
            return [report for report in super().reports(window_s) if (report.replica, report.bucket) != ("r0", 150)]

    fleet = Gap(lambda second: 2.0, 2)
    fleet.now = 205.0
    outcome = Cortex(POLICY).decide(205.0, fleet)
    assert outcome.decision is not None
    assert outcome.decision.observation.average_if_full is not None


def test_each_run_begins_anew() -> None:
    cortex = Cortex(POLICY)
    first = run(cortex, step, 900)
    assert run(cortex, step, 900) == first
    assert cortex.interval_s == 10
