"""The reaction to a burst, against the simulator with single requests and against the rules read by hand."""

from __future__ import annotations

import pytest

from cortex_cdk.autoscaling import LoadReport, Observation, Policy, observe
from cortex_cdk.plan import reaction as module
from cortex_cdk.plan.reaction import Burst, reaction
from cortex_cdk.simulation.platform import Platform
from cortex_cdk.spec import autoscaling_of

FAST = Platform(task_startup_s=0.0)


def test_a_burst_is_seen_in_the_first_bucket_that_it_fills_enough() -> None:
    """Of a window of one bucket: 5 s after the bucket of the burst, or of the next one, in which it is all there."""
    policy = Policy(window_s=10.0)
    found = reaction(policy, Platform(slots=10, task_startup_s=30), Burst(before=1.0, after=10.0), 0.05)
    assert (found.replicas_before, found.replicas_needed) == (1, 10)
    assert found.decided_s == (6.0, 15.0)  # 1 s of a bucket at 10 in flight makes 1.9 on average
    assert found.enough_s == (14.0, 23.0)  # 9 s make 9.1, for which it takes 10 replicas
    assert found.ready_s == (44.0, 53.0)


def test_a_long_window_takes_long_where_nothing_queues() -> None:
    """With slots for all, in flight is the load; of a minute, a sixth is new with each bucket."""
    found = reaction(Policy(), Platform(slots=100), Burst(before=1.0, after=2.0), 0.05)
    assert found.decided_s is not None
    assert found.enough_s == found.decided_s
    short = reaction(Policy(window_s=10.0), Platform(slots=100), Burst(before=1.0, after=2.0), 0.05)
    assert short.decided_s is not None
    assert short.decided_s[1] < found.decided_s[1]


def test_an_upscale_window_brings_it_forward() -> None:
    slow = reaction(Policy(), Platform(slots=100), Burst(before=1.0, after=10.0), 0.05)
    fast = reaction(Policy(upscale_window_s=10.0), Platform(slots=100), Burst(before=1.0, after=10.0), 0.05)
    assert slow.enough_s is not None
    assert fast.enough_s == (14.0, 23.0)
    assert slow.enough_s == (59.0, 74.0)  # 54 s of 60 make 9.1; at worst, 9 stay as within the tolerance of 9.85


def test_stabilization_holds_it_up() -> None:
    policy = Policy(window_s=10.0, upscale_stabilization_period_s=60.0)
    found = reaction(policy, Platform(slots=100), Burst(before=1.0, after=10.0), 0.05)
    assert found.decided_s == (56.0, 65.0)  # 60 s after the tick before it would have been


def test_steps_are_limited() -> None:
    policy = Policy(window_s=10.0, max_upscale_factor=2.0, max_replicas=16)
    found = reaction(policy, Platform(slots=100, task_startup_s=0), Burst(before=1.0, after=16.0), 0.05)
    assert found.decided_s is not None
    assert found.enough_s is not None
    assert found.enough_s[0] - found.decided_s[0] >= 20  # 2, 4, 8, 16


def test_what_is_within_the_tolerance_is_never_decided() -> None:
    policy = Policy(upscale_tolerance=1.0, max_replicas=4)
    found = reaction(policy, Platform(slots=100), Burst(before=2.0, after=3.0), 0.05)
    assert (found.decided_s, found.enough_s, found.ready_s) == (None, None, None)


def test_no_more_is_served_than_came_or_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicas come one by one, with two requests at most each; at 8 of them what waits is worked off."""
    seen: list[LoadReport] = []

    def watched(policy: Policy, reports: list[LoadReport], now: float, replicas: int) -> Observation:
        seen.append(reports[-1])
        return observe(policy, reports, now, replicas)

    monkeypatch.setattr(module, "observe", watched)
    policy = Policy(target_replica_concurrency=0.7, max_upscale_factor=1.01, max_replicas=10)
    platform = Platform(max_replica_concurrency=2, task_startup_s=0.0)
    reaction(policy, platform, Burst(before=0.7, after=7.0), 0.05)
    assert all(report.arrived in (140, 1400) or 140 < (report.arrived or 0) < 1400 for report in seen)
    worked_off = [(report.served or 0) - (report.arrived or 0) for report in seen]
    assert 0 < max(worked_off) <= 9  # eight replicas hold 16, of which 8 run
    assert max(report.in_flight for report in seen) <= 16


def test_no_burst_is_enough_at_once() -> None:
    found = reaction(Policy(max_replicas=4), FAST, Burst(before=4.0, after=4.0), 0.05)
    assert found.replicas_needed == found.replicas_before == 4
    assert found.decided_s is None
    assert found.enough_s is not None


@pytest.mark.parametrize("preset", [None, "responsive"])
@pytest.mark.parametrize(("service_s", "rate"), [(0.1, 50.0), (0.5, 12.0), (1.0, 9.0)])
def test_the_simulator_says_the_same(preset: str | None, service_s: float, rate: float) -> None:
    """Its requests come at random times and its steps at the start of a bucket: within a tick of the worst case."""
    pytest.importorskip("numba")
    from cortex_cdk.simulation import parse_service_time, pattern
    from cortex_cdk.simulation.engine import simulate
    from cortex_cdk.simulation.policies.cortex import Cortex

    policy = autoscaling_of(**({"preset": preset} if preset else {})).policy()
    platform = Platform(task_startup_s=60.0)
    trace = pattern(f"step:{rate / 10:g}..{rate:g}@600s", 1200.0)
    service = parse_service_time(f"{service_s}s")
    (step,) = simulate(trace, service, Cortex(policy, "cortex"), platform, seed=1).summary.steps
    assert step.decided_after_s is not None
    found = reaction(policy, platform, Burst(before=rate / 10 * service_s, after=rate * service_s), service_s)
    assert found.decided_s is not None
    assert found.decided_s[0] <= step.decided_after_s <= found.decided_s[1] + 10
