"""What load reports say of an overloaded API: what its traffic takes, however much waits or is turned away."""

from __future__ import annotations

import pytest

from cortex_cdk.autoscaling import Observation, Policy, observe
from cortex_cdk.simulation import Platform, parse_service_time, pattern, simulate
from cortex_cdk.simulation.policies.base import Metrics
from tests.simulation.scenarios import Script

DRAINING = Policy(window_s=60, upscale_window_s=10, queue_drain_period_s=600)


def seen(service_time: str, rate: float, replicas: int, platform: Platform, at_s: float = 255.0) -> Observation:
    """What is observed of a constant load on so many replicas, after some minutes."""
    found: list[Observation] = []

    def look(now: float, metrics: Metrics) -> None:
        if now == at_s:
            found.append(observe(DRAINING, metrics.reports(200.0), now, replicas))

    script = Script([replicas], interval_s=10.0, first_tick_s=5.0, look=look)
    simulate(pattern(f"constant:{rate}", 260), parse_service_time(service_time), script, platform, seed=3)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("service_time", ["50ms", "exp:50ms", "lognormal:50ms,cv=2"])
def test_of_replicas_that_keep_up_it_is_what_is_in_flight(service_time: str) -> None:
    observation = seen(service_time, 200, 5, Platform(slots=4))
    assert observation.average_work == pytest.approx(observation.average_in_flight, rel=0.03)
    assert observation.average_work == pytest.approx(200 * 0.05, rel=0.06)


@pytest.mark.parametrize("service_time", ["50ms", "exp:50ms", "lognormal:50ms,cv=2"])
@pytest.mark.parametrize("limit", [20, 1024, 65_535])
def test_of_replicas_that_do_not_it_is_what_the_arrivals_take(service_time: str, limit: int) -> None:
    # 400 per second take 20 slots; there are 8, so 240 per second wait or are turned away.
    observation = seen(service_time, 400, 2, Platform(slots=4, max_replica_concurrency=limit))
    assert observation.average_in_flight is not None
    queued = observation.average_in_flight - 8
    assert queued == pytest.approx(min(2 * limit - 8, 240 * 220), rel=0.05)
    for work in (observation.average_work, observation.burst_work):
        assert work == pytest.approx(400 * 0.05 + queued * 0.05 / 600, rel=0.08)


def test_where_none_may_wait_arrivals_tell_what_is_turned_away() -> None:
    # Of 10 offered to 4 slots, 3.53 are carried (Erlang B: https://en.wikipedia.org/wiki/Erlang_(unit)#Erlang_B_formula).
    observation = seen("100ms", 100, 1, Platform(slots=4, max_replica_concurrency=4))
    assert observation.average_in_flight == pytest.approx(3.53, rel=0.03)
    assert observation.average_work == pytest.approx(10, rel=0.05)
