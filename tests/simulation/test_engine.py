"""The engine's promises: repeatable, bounded, honest about its inputs, and metrics that are what they say."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from cortex_cdk.simulation import Platform, parse_service_time, pattern, simulate
from cortex_cdk.simulation.kernel import new_state
from cortex_cdk.simulation.policies.base import Metrics, Outcome
from cortex_cdk.simulation.policies.fixed import Fixed
from cortex_cdk.simulation.run import Run
from cortex_cdk.simulation.traffic import Traffic
from cortex_cdk.simulation.workload import workload
from tests.simulation.scenarios import ListServiceTime, ListTrace, Log, Script


@dataclasses.dataclass(frozen=True)
class Step:
    at_s: float
    from_rate: float
    to_rate: float


def same(a: Run, b: Run) -> bool:
    for field in dataclasses.fields(a.series):
        np.testing.assert_array_equal(getattr(a.series, field.name), getattr(b.series, field.name))
    return repr(dataclasses.replace(a, series=None)) == repr(dataclasses.replace(b, series=None))  # type: ignore[arg-type]


def busy_run(seed: int = 0, chunk: int = 2**18) -> Run:
    arrivals = np.sort(np.random.default_rng(seed).random(5000) * 300)
    trace = ListTrace(arrivals.tolist(), 300.0, chunk)
    script = Script([1, 3, 2, 6, 4, 1, 5] * 4)
    return simulate(trace, parse_service_time("exp:200ms"), script, Platform(task_startup_s=7.0), seed=seed)


def test_same_seed_same_run_and_chunks_do_not_matter() -> None:
    assert same(busy_run(), busy_run())
    assert same(busy_run(), busy_run(chunk=17))
    assert busy_run().summary != busy_run(seed=1).summary


def test_sums_of_the_series_are_those_of_the_summary() -> None:
    run = busy_run()
    assert run.series.arrivals.sum() == run.summary.requests == 5000
    assert run.series.rejected.sum() == run.summary.rejected
    assert run.series.within_objective.sum() == run.summary.within_objective
    assert run.summary.littles_law_residual < 1e-9
    assert run.summary.answered + run.summary.rejected == run.summary.requests
    assert run.objective_s == pytest.approx(2.0)


def test_percentiles_are_within_half_a_percent() -> None:
    log = Log()
    arrivals = np.sort(np.random.default_rng(5).random(20_000) * 100).tolist()
    trace = ListTrace(arrivals, 100.0)
    run = simulate(trace, parse_service_time("lognormal:40ms,cv=2"), Fixed(9), Platform(slots=1), requests=log)
    arrived, started, answered, _ = log.arrays
    for values, found in ((answered - arrived, run.summary.latency), (started - arrived, run.summary.queue_time)):
        assert found.mean == pytest.approx(values.mean())
        assert found.max == values.max()
        for share, percentile in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
            exact = np.quantile(values, share, method="inverted_cdf")
            assert percentile == pytest.approx(exact, rel=0.005001, abs=1e-6)
    second = (arrived >= 10) & (arrived < 20)
    exact = np.quantile((answered - arrived)[second], 0.95, method="inverted_cdf")
    assert run.series.latency_p95_s[1] == pytest.approx(exact, rel=0.005001)


def test_metrics_of_a_worked_example() -> None:
    seen: dict[float, tuple[object, ...]] = {}

    def look(now: float, metrics: Metrics) -> None:
        seen[now] = (
            metrics.requested,
            metrics.ready,
            metrics.in_flight(4.0),
            metrics.in_flight(4.0, 2.0),
            metrics.utilization(4.0),
            metrics.arrival_rate(2.0),
            [(report.replica, report.bucket, report.in_flight, report.seconds) for report in metrics.reports(30.0)],
        )

    # Two replicas of one slot. Requests at 1 (6 s), 2 (2 s), 3 (4 s) and 3.5 (1 s), each replica chosen in turn.
    trace = ListTrace([1.0, 2.0, 3.0, 3.5], 25.0)
    platform = Platform(max_replica_concurrency=2, task_startup_s=3.0, report_delay_s=2.0)
    service_time = ListServiceTime([6.0, 2.0, 4.0, 1.0])
    run = simulate(trace, service_time, Script([2, 2, 3, 3], 4.0, 4.0, look=look), platform, requests=(log := Log()))
    assert log.arrays[3].tolist() == [1, 2, 1, 2]
    assert log.arrays[2].tolist() == [7.0, 4.0, 11.0, 5.0]
    # In flight: 1 from 1, 2 from 2, 3 from 3, 4 from 3.5, 3 from 4, 2 from 5, 1 from 7 to 11.
    requested, ready, in_flight, delayed, utilization, rate, reports = seen[4.0]
    assert (requested, ready) == (2, 2)
    assert in_flight == pytest.approx((0 + 1 + 2 + 3.5) / 4)
    assert delayed == pytest.approx((0 + 1) / 2)
    assert utilization == pytest.approx((0 + 1 + 2 + 2) / 8)
    assert rate == 1.5  # three in the last 2 s
    assert reports == []
    requested, ready, in_flight, delayed, utilization, rate, reports = seen[12.0]
    assert (requested, ready) == (3, 3)  # the third was ready at 11
    assert in_flight == pytest.approx(3 / 4)
    assert utilization == pytest.approx(3 / 9)  # 1, 1, 1, 0 busy of 2, 2, 2, 3
    assert rate == 0.0
    assert reports == [("replica-1", 0, 1.3, 10.0), ("replica-2", 0, 0.35, 10.0)]
    assert [report[:2] + report[3:] for report in seen[24.0][-1]] == [
        *(("replica-1", 0, 10.0), ("replica-2", 0, 10.0)),
        *(("replica-1", 10, 10.0), ("replica-2", 10, 10.0), ("replica-3", 10, 9.0)),
    ]
    assert run.summary.rejected == 0


def test_metrics_before_anything_and_too_far_back() -> None:
    seen: list[object] = []

    def look(now: float, metrics: Metrics) -> None:
        seen.extend([metrics.in_flight(10.0, 10.0), metrics.utilization(10.0), metrics.arrival_rate(1.0, 5.0)])
        with pytest.raises(ValueError, match="at most 21600"):
            metrics.in_flight(21_600.0, 1.0)
        with pytest.raises(ValueError, match="must be above 0"):
            metrics.reports(0.0)

    simulate(ListTrace([], 5.0), ListServiceTime([]), Script([0], 5.0, 1.0, look=look), Platform())
    assert seen == [None, None, None]


def test_503_without_replicas_and_at_the_limit() -> None:
    trace = ListTrace([1.0, 2.0, 2.0, 2.0, 2.0], 20.0)
    none = simulate(trace, ListServiceTime([5.0] * 5), Script([0]), Platform())
    assert (none.summary.rejected, none.summary.answered) == (5, 0)
    assert none.summary.fraction_within_objective == 0.0
    assert math.isnan(none.summary.latency.p50)
    assert none.summary.replica_hours == none.summary.node_hours == none.summary.littles_law_residual == 0.0
    full = simulate(trace, ListServiceTime([5.0] * 5), Fixed(1), Platform(max_replica_concurrency=2), objective_s=9.0)
    assert (full.summary.rejected, full.summary.answered) == (3, 2)
    assert full.series.rejected.tolist() == [3, 0]
    assert full.summary.within_objective == 2
    assert full.summary.fraction_within_objective == 0.4


def test_costs_end_with_the_trace_and_answers_do_not() -> None:
    trace = ListTrace([19.0], 20.0)
    platform = Platform(node_price_per_hour=3.6)
    run = simulate(trace, ListServiceTime([3600.0]), Fixed(2), platform, objective_s=4000.0)
    assert run.summary.replica_hours * 3600 == pytest.approx(40.0)
    assert run.summary.dollars == pytest.approx(0.04)
    assert (run.summary.answered, run.summary.within_objective) == (1, 1)
    assert run.summary.latency.max == 3600.0
    assert run.summary.littles_law_residual < 1e-9


def test_reaction_to_steps() -> None:
    trace = ListTrace([], 200.0, steps=(Step(42.0, 1.0, 30.0), Step(100.0, 30.0, 1.0), Step(150.0, 1.0, 9.9)))
    desired = [1] * 5 + [2, 4] + [4] * 6 + [3, 1] + [1] * 10
    run = simulate(trace, ListServiceTime([], mean_s=0.1), Script(desired), Platform(task_startup_s=25.0))
    up, down, small = run.summary.steps
    # Ticks are at 10, 20, ...: 2 at 50, 4 at 60, which are ready at 85. At 30/s 3 are busy, so 4 are needed.
    assert (up.decided_after_s, up.needed, up.ready_after_s) == (8.0, 4, 43.0)
    assert (down.decided_after_s, down.needed, down.ready_after_s) == (30.0, 1, None)
    assert (small.decided_after_s, small.needed, small.ready_after_s) == (None, 1, 0.0)
    assert (run.summary.scale_ups, run.summary.scale_downs) == (2, 2)


def test_ticks_by_the_wall_clock_and_by_interval() -> None:
    @dataclasses.dataclass
    class Ticking:
        interval_s: float
        name: str = "ticking"

        def initial(self) -> int:
            return 1

        def decide(self, now: float, metrics: Metrics) -> int:
            return 1

    def times(policy: Ticking) -> list[float]:
        run = simulate(ListTrace([], 30.0), ListServiceTime([]), policy, Platform(tick_phase_s=3.0))
        assert all(isinstance(outcome, Outcome) for _, outcome in run.decisions)
        return [moment for moment, _ in run.decisions]

    assert times(Ticking(10.0)) == [3.0, 13.0, 23.0]
    assert times(Ticking(12.0)) == [12.0, 24.0]


def test_progress_goes_from_0_to_1() -> None:
    shares: list[float] = []
    simulate(ListTrace([1.0], 40.0), ListServiceTime([1.0]), Fixed(1), Platform(), progress=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_memory_does_not_grow_with_the_trace() -> None:
    class Endless(ListTrace):
        def chunks(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
            for second in range(int(self.duration_s)):
                yield second + np.arange(100) / 100

    states = []
    for seconds in (50.0, 500.0):
        traffic = Traffic(workload(Endless([], seconds), parse_service_time("5ms"), 0), Platform(), 1.0)
        traffic.open(1, 0.0)
        traffic.advance(seconds)
        states.append(sum(array.nbytes for array in traffic.state))
    assert states[0] == states[1] == sum(array.nbytes for array in new_state(1))


@pytest.mark.parametrize(
    ("arrivals", "words"),
    [
        ([2.0, 1.0], "must be ascending"),
        ([-1.0], "from 0 s on"),
        ([1.0, 50.0], "an arrival at 50.0 s is not before its end, 50.0 s"),
        ([1.0, math.nan], "must be ascending"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 10])
def test_bad_traces(arrivals: list[float], words: str, chunk: int) -> None:
    with pytest.raises(ValueError, match=f"trace list: .*{words}"):
        simulate(ListTrace(arrivals, 50.0, chunk), ListServiceTime([1.0] * 2), Fixed(1), Platform())


def test_bad_arguments() -> None:
    trace, service_time = ListTrace([], 50.0), ListServiceTime([])
    with pytest.raises(ValueError, match="objective_s is 0"):
        simulate(trace, service_time, Fixed(1), Platform(), objective_s=0)
    with pytest.raises(ValueError, match="seed is -1"):
        simulate(trace, service_time, Fixed(1), Platform(), seed=-1)
    with pytest.raises(ValueError, match="policy script asks for -1 replicas"):
        simulate(trace, service_time, Script([1, -1]), Platform())
    with pytest.raises(ValueError, match=r"duration is 0\.0 s"):
        simulate(ListTrace([], 0.0), service_time, Fixed(1), Platform())
    with pytest.raises(ValueError, match="interval_s is 0"):
        simulate(trace, service_time, Script([1], 0.0), Platform())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"slots": 0}, "slots is 0, must be a whole number from 1"),
        ({"slots": 1.5}, "slots is 1.5"),
        ({"max_replica_concurrency": 70_000}, "to 65535"),
        ({"max_nodes": 0}, "max_nodes is 0"),
        ({"task_startup_s": -1.0}, "task_startup_s is -1.0, must be a finite number, at least 0"),
        ({"node_price_per_hour": math.nan}, "node_price_per_hour is nan"),
    ],
)
def test_bad_platforms(values: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Platform(**values)  # type: ignore[arg-type]


def test_importing_the_package_is_cheap() -> None:
    code = (
        "import sys; import cortex_cdk.simulation as s; assert not {'numpy', 'numba'} & sys.modules.keys();"
        "s.simulate, s.Platform, s.pattern, s.read_trace, s.parse_service_time;"
        "assert not {'matplotlib', 'pydantic', 'boto3'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_poisson_day_is_the_same_for_every_policy() -> None:
    trace, service_time = pattern("constant:20", 100), parse_service_time("exp:50ms")
    logs = [Log(), Log()]
    for policy, log in zip((Fixed(3), Script([5, 1, 4])), logs, strict=True):
        simulate(trace, service_time, policy, Platform(), seed=4, requests=log)
    (arrived, started, answered, _), (other_arrived, other_started, other_answered, _) = (log.arrays for log in logs)
    np.testing.assert_array_equal(arrived, other_arrived)
    np.testing.assert_allclose(answered - started, other_answered - other_started, atol=1e-12)
