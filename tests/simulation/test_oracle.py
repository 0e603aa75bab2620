"""The oracle and the lower bound: nobody waits under the one, nobody is below the other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cortex_cdk.simulation import Platform, parse_service_time, pattern, simulate
from cortex_cdk.simulation.lower_bound import least_replica_hours
from cortex_cdk.simulation.policies.fixed import Fixed, fixed_for_peak, replicas_for_peak
from cortex_cdk.simulation.policies.oracle import oracle, running_peaks
from cortex_cdk.simulation.workload import workload
from tests.simulation.scenarios import ListServiceTime, ListTrace, Script

TIMES = st.integers(0, 480).map(lambda quarters: quarters / 4) | st.floats(0, 120)


def test_peaks_of_a_worked_example() -> None:
    # Two run at once in [2, 3), one from 8 to 31 across two borders, one ends as the next arrives at 12.
    trace = ListTrace([0.0, 2.0, 8.0, 11.0, 12.0], 50.0)
    service_time = ListServiceTime([3.0, 1.0, 23.0, 1.0, 0.5])
    assert running_peaks(trace, service_time, 10.0).tolist() == [2, 2, 1, 1, 0]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(TIMES, st.floats(0.01, 30)), max_size=40),
    st.integers(1, 3),
    st.sampled_from([0.0, 4.0, 10.0, 25.0, 60.0]),
    st.sampled_from([0.0, 30.0]),
    st.sampled_from([5.0, 10.0]),
)
def test_nobody_waits(
    requests: list[tuple[float, float]], slots: int, task_s: float, node_s: float, tick_s: float
) -> None:
    requests.sort()
    trace = ListTrace([moment for moment, _ in requests], 121.0)
    services = [service for _, service in requests]
    platform = Platform(slots=slots, task_startup_s=task_s, node_startup_s=node_s)
    policy = oracle(trace, ListServiceTime(services), platform, interval_s=tick_s)
    run = simulate(trace, ListServiceTime(services), policy, platform)
    assert run.summary.rejected == 0
    if requests:
        assert run.summary.queue_time.max == 0
    # Never more: what is ready at a tick is what was needed since, or will be before a new one would be ready.
    peaks = running_peaks(trace, ListServiceTime(services), tick_s)
    ahead = math.ceil((task_s + node_s) / tick_s)
    for now, outcome in run.decisions:
        tick = round(now / tick_s)
        assert outcome.desired == max([-(-int(peak) // slots) for peak in peaks[tick : tick + ahead + 1]], default=0)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(TIMES, st.floats(0.01, 8)), min_size=1, max_size=60),
    st.lists(st.integers(0, 8), min_size=1, max_size=25),
    st.integers(1, 3),
    st.sampled_from([0.0, 4.0, 10.0, 25.0]),
    st.sampled_from([5.0, 10.0]),
    st.sampled_from([0.0, 3.0]),
    st.sampled_from([8.0, 12.0, 30.0]),
)
def test_no_policy_that_meets_the_objective_costs_less(
    requests: list[tuple[float, float]],
    desired: list[int],
    slots: int,
    task_s: float,
    tick_s: float,
    phase_s: float,
    objective_s: float,
) -> None:
    requests.sort()
    trace = ListTrace([moment for moment, _ in requests], 121.0)
    services = [service for _, service in requests]
    platform = Platform(slots=slots, task_startup_s=task_s)
    policies = [Fixed(n) for n in range(1, 4)]
    policies += [Script(desired, tick_s, phase_s or tick_s), Script([8, *desired], tick_s, phase_s or tick_s)]
    policies += [oracle(trace, ListServiceTime(services), platform, interval_s=tick_s)] if not phase_s else []
    runs = [
        simulate(trace, ListServiceTime(services), policy, platform, objective_s=objective_s) for policy in policies
    ]
    met = [run.summary.replica_hours for run in runs if run.summary.fraction_within_objective == 1.0]
    assume(met)
    bound = least_replica_hours(
        workload(trace, ListServiceTime(services), 0),
        platform,
        duration_s=121.0,
        tick_s=tick_s,
        objective_s=objective_s,
        phase_s=phase_s,
    )
    assert bound <= min(met) * (1 + 1e-9)


def bound_of(requests: list[tuple[float, float]], platform: Platform, objective_s: float, duration_s: float) -> float:
    arrivals, services = np.array(requests).T
    chunks = (
        [(arrivals[:1], services[:1]), (arrivals[1:], services[1:])] if len(requests) > 1 else [(arrivals, services)]
    )
    hours = least_replica_hours(chunks, platform, duration_s=duration_s, tick_s=10.0, objective_s=objective_s)
    return hours * 3600


def test_bounds_of_worked_examples() -> None:
    at_once = Platform(task_startup_s=0.0)
    # One request: one replica for the 10 s between two ticks.
    assert bound_of([(12.0, 1.0)], at_once, 2.0, 40.0) == pytest.approx(10.0)
    # 5 s of work at one moment that must be done within 2 s: three replicas.
    assert bound_of([(12.0, 1.0)] * 5, at_once, 2.0, 40.0) == pytest.approx(30.0)
    assert bound_of([(12.0, 1.0)] * 5, Platform(task_startup_s=0.0, slots=3), 2.0, 40.0) == pytest.approx(10.0)
    # A start of 20 s: paid for two intervals longer, but not before the trace begins.
    assert bound_of([(32.0, 1.0)], Platform(task_startup_s=20.0), 2.0, 40.0) == pytest.approx(30.0)
    assert bound_of([(12.0, 1.0)], Platform(task_startup_s=20.0), 2.0, 40.0) == pytest.approx(20.0)
    # Twelve requests of 8 s on one slot each, all at once, within 30 s: work counts more than the interval.
    assert bound_of([(0.0, 8.0)] * 12, at_once, 30.0, 120.0) == pytest.approx(96.0)
    # Longer than the objective: nobody can.
    assert bound_of([(12.0, 3.0)], at_once, 2.0, 40.0) == math.inf


def test_bound_is_near_what_the_oracle_needs_where_nothing_can_wait() -> None:
    trace, service_time = pattern("constant:200", 600), parse_service_time("100ms")
    platform = Platform(task_startup_s=10.0)
    run = simulate(trace, service_time, oracle(trace, service_time, platform), platform, objective_s=0.1001)
    assert run.summary.fraction_within_objective == 1.0
    requests = workload(trace, service_time, 0)
    bound = least_replica_hours(requests, platform, duration_s=600, tick_s=10, objective_s=0.1001)
    assert 0.6 * run.summary.replica_hours < bound <= run.summary.replica_hours


def test_fixed_size_for_the_busiest_minute() -> None:
    # 84 s of work in the second minute: 1.4 busy slots, 2 at 70 %.
    trace = ListTrace([0.0] * 10 + [61.0] * 84 + [130.0] * 3, 150.0, chunk=40)
    assert replicas_for_peak(trace, ListServiceTime([1.0] * 97), 1) == 2
    assert replicas_for_peak(trace, ListServiceTime([1.01] * 97), 1) == 3
    assert replicas_for_peak(trace, ListServiceTime([1.01] * 97), 2) == 2
    assert replicas_for_peak(trace, ListServiceTime([1.0] * 97), 1, utilization=1.0) == 2
    assert fixed_for_peak(ListTrace([], 10.0), ListServiceTime([]), 1).replicas == 1
    with pytest.raises(ValueError, match="utilization is 0"):
        replicas_for_peak(trace, ListServiceTime([1.0] * 97), 1, utilization=0)
    with pytest.raises(ValueError, match="replicas is 0"):
        Fixed(0)
