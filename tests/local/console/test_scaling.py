"""What the scaler would do: the rules of ``cortex_cdk.autoscaling`` fed with one replica's reports, tick by tick."""

import pytest

from cortex_cdk.autoscaling import LoadReport, Policy
from cortex_cdk.local.console.scaling import WouldScale

START = 1_000_000


def run(policy: Policy, loads: list[float | None]) -> list[int]:
    """The counts that are decided a second after each bucket with this load; None: nothing was reported."""
    scaling = WouldScale(policy)
    counts = []
    for i, load in enumerate(loads):
        if load is not None:
            scaling.report(LoadReport("r", START + 10 * i, load))
        counts.append(scaling.decide(START + 10 * i + 11).desired)
    return counts


def test_the_count_follows_the_load_and_is_remembered():
    policy = Policy(window_s=10, downscale_stabilization_period_s=0, max_downscale_factor=0.5)
    assert run(policy, [0.0, 4.0, 4.0, 0.0, 0.0, 0.0]) == [1, 4, 4, 2, 1, 1]


def test_stabilization_holds_a_step_down():
    policy = Policy(window_s=10, downscale_stabilization_period_s=30)
    assert run(policy, [4.0, 0.5, 0.5, 0.5, 0.5]) == [4, 4, 4, 2, 2]  # half of 4, which is held for 30 s in turn


def test_it_begins_with_init_replicas():
    assert run(Policy(min_replicas=2, init_replicas=3, max_replicas=5), [None]) == [3]


def test_without_reports_the_count_is_held():
    scaling = WouldScale(Policy())
    outcome = scaling.decide(START)
    assert (outcome.at, outcome.desired, outcome.valid, outcome.headline) == (START, 1, False, "Hold 1 replica.")
    assert outcome.steps[0][0] == "no data"


def test_the_words_are_those_of_explain():
    scaling = WouldScale(Policy(window_s=10))
    scaling.report(LoadReport("r", START, 2.5))
    outcome = scaling.decide(START + 11)
    assert (outcome.valid, outcome.headline) == (True, "Scale up from 1 to 3 replicas.")
    assert outcome.steps == (
        ("load", "2.5 requests in flight on average over 10 s, at a target of 1 per replica, fill 2.5 replicas -> 3"),
    )


@pytest.mark.parametrize("window_s", [10.0, 60.0, 600.0])
def test_old_reports_are_forgotten_and_make_no_difference(window_s: float):
    """After hours the outcome is that of a scaler which knows only what its table gives it."""
    policy = Policy(window_s=window_s, downscale_stabilization_period_s=0)
    long, short = WouldScale(policy), WouldScale(policy)
    reports = [LoadReport("r", START + 10 * i, float(i % 7)) for i in range(400)]
    for report in reports:
        long.report(report)
        end = report.bucket + 11
        last = long.decide(end)
    assert len(long._reports) <= (window_s + 80) / 10
    for report in reports:
        if report.bucket >= end - window_s - 50:
            short.report(report)
    short._requested, short._history = last.desired, long._history
    before = long._reports.copy()
    assert long.decide(end + 10).steps == short.decide(end + 10).steps
    assert len(before) >= window_s / 10


def test_a_changed_policy_is_in_force_at_the_next_tick():
    scaling = WouldScale(Policy())
    scaling.decide(START)
    scaling.policy = Policy(min_replicas=3, init_replicas=3)
    outcome = scaling.decide(START + 10)
    assert outcome.desired == 3
    assert "min_replicas is 3" in outcome.steps[0][1]
