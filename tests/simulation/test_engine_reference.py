"""The engine against a plain and slow simulation, request by request, on random small scenarios."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_cdk.autoscaling import LoadReport
from cortex_cdk.simulation import Platform, simulate
from tests.simulation.scenarios import ListServiceTime, ListTrace, Log, Script, last_reports
from tests.support.simulation_reference import Reference, Request

GRID = st.integers(0, 400).map(lambda quarters: quarters / 4)  # makes for many things at one moment
REAL = st.floats(0, 100, allow_nan=False)
SERVICE = st.integers(1, 60).map(lambda quarters: quarters / 4) | st.floats(0.001, 20)


@st.composite
def scenarios(draw: st.DrawFn) -> tuple[Platform, list[int], float, list[float], list[float], int]:
    size = draw(st.integers(0, 60))
    arrivals = sorted(draw(st.lists(GRID | REAL, min_size=size, max_size=size)))
    services = draw(st.lists(SERVICE, min_size=size, max_size=size))
    platform = Platform(
        slots=draw(st.integers(1, 3)),
        max_replica_concurrency=draw(st.integers(3, 8)),
        task_startup_s=draw(st.sampled_from([0.0, 2.5, 10.0, 13.7, 30.0])),
        node_startup_s=draw(st.sampled_from([0.0, 5.0, 21.3])),
        replicas_per_node=draw(st.integers(1, 3)),
        max_nodes=draw(st.none() | st.integers(1, 3)),
        node_idle_s=draw(st.sampled_from([0.0, 7.5, 20.0])),
        report_delay_s=draw(st.sampled_from([0.0, 1.0, 12.0])),
    )
    tick_s = draw(st.sampled_from([2.5, 5.0, 10.0]))
    desired = draw(st.lists(st.integers(0, 6), min_size=1, max_size=1 + math.ceil(100.5 / tick_s)))
    return platform, desired, tick_s, arrivals, services, draw(st.integers(1, 7))


@settings(max_examples=200, deadline=None)
@given(scenarios())
def test_agrees_with_the_reference(scenario: tuple[Platform, list[int], float, list[float], list[float], int]) -> None:
    platform, desired, tick_s, arrivals, services, chunk = scenario
    duration_s = 100.5
    ticks = 1 + math.ceil(duration_s / tick_s)
    desired += [desired[-1]] * (ticks - len(desired))
    reports: dict[tuple[int, str], LoadReport] = {}
    log = Log()
    run = simulate(
        ListTrace(arrivals, duration_s, chunk),
        ListServiceTime(services),
        Script(desired, tick_s, tick_s, look=last_reports(reports)),
        platform,
        objective_s=6.0,
        requests=log,
    )
    requests = [Request(*pair) for pair in zip(arrivals, services, strict=True)]
    reference = Reference(platform, desired, tick_s, duration_s, requests).run()

    arrived, started, answered, replica = log.arrays
    np.testing.assert_array_equal(arrived, arrivals)
    np.testing.assert_array_equal(replica, [request.replica for request in requests])
    np.testing.assert_array_equal(started, [request.started for request in requests])
    np.testing.assert_array_equal(answered, [request.answered for request in requests])

    summary = run.summary
    got = [request for request in requests if request.replica >= 0]
    assert summary.requests == len(requests)
    assert summary.answered == len(got)
    assert summary.answered + summary.rejected == summary.requests
    assert summary.within_objective == sum(request.answered - request.arrived <= 6.0 for request in got)
    assert summary.littles_law_residual < 1e-9
    assert math.isclose(summary.replica_hours * 3600, reference.replica_seconds(), rel_tol=1e-9, abs_tol=1e-9)
    assert math.isclose(summary.node_hours * 3600, reference.node_seconds(), rel_tol=1e-9, abs_tol=1e-9)
    assert summary.peak_replicas == reference.peak
    if got:
        assert math.isclose(summary.latency.mean, np.mean([request.answered - request.arrived for request in got]))
        assert summary.latency.max == max(request.answered - request.arrived for request in got)

    series = run.series
    assert series.start_s.tolist() == [10.0 * bucket for bucket in range(11)]
    for i, start in enumerate(series.start_s.tolist()):
        found = {name: getattr(series, name)[i] for name in ("pending", "starting", "ready", "draining", "nodes")}
        assert found == reference.counts[start]
        end = min(start + 10, duration_s)
        mean = sum(replica.means(start, end)[0] for replica in reference.replicas if replica.history)
        assert math.isclose(series.in_flight[i], mean, rel_tol=1e-9, abs_tol=1e-9)
        assert series.arrivals[i] == sum(start <= moment < start + 10 for moment in arrivals)
    last_tick = (math.ceil(duration_s / tick_s) - 1) * tick_s
    assert reports.keys() == {
        (bucket, f"replica-{replica.number}")
        for replica in reference.replicas
        for bucket in range(0, 100, 10)
        if bucket + 10 + platform.report_delay_s <= last_tick
        and replica.history
        and replica.opened < bucket + 10
        and (replica.stopped is None or replica.stopped > bucket)
        and replica.stopped != replica.opened
    }
    for (bucket, name), report in reports.items():
        replica = reference.replicas[int(name.removeprefix("replica-")) - 1]
        end = bucket + 10 if replica.stopped is None else min(bucket + 10, replica.stopped)
        begin = max(bucket, replica.opened)
        assert math.isclose(report.seconds, end - begin, rel_tol=1e-9)
        in_flight, queued = replica.means(begin, end)
        assert math.isclose(report.in_flight, in_flight, rel_tol=1e-9, abs_tol=1e-9)
        assert report.queued is not None
        assert math.isclose(report.queued, queued, rel_tol=1e-9, abs_tol=1e-9)
        assert report.arrived == sum(bucket <= moment < bucket + 10 for moment in replica.came)
        assert report.served == sum(bucket < moment <= bucket + 10 for moment in replica.left)
