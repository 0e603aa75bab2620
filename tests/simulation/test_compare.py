"""Several policies on one workload: each run is that of the engine, and long ones stay small."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cortex_cdk.autoscaling import Policy
from cortex_cdk.simulation import Platform, parse_service_time, pattern, simulate
from cortex_cdk.simulation.compare import Watched, compare, lower_bound
from cortex_cdk.simulation.decision_log import DecisionLog, read
from cortex_cdk.simulation.lower_bound import least_replica_hours
from cortex_cdk.simulation.policies import PolicyContext, create
from cortex_cdk.simulation.run import Run
from cortex_cdk.simulation.workload import workload
from tests.simulation.scenarios import ListServiceTime, ListTrace, Script

TRACE = pattern("step:2..20@60s", 300.0)
SERVICE_TIME = parse_service_time("exp:200ms")
PLATFORM = Platform(task_startup_s=20.0, max_replica_concurrency=40)
CONTEXT = PolicyContext(policy=Policy(), platform=PLATFORM, trace=TRACE, service_time=SERVICE_TIME, seed=7)
NAMES = ("cortex", "knative", "ecs", "fixed", "oracle")


def assert_same(one: Run, other: Run) -> None:
    assert one.summary == other.summary
    assert (one.policy, one.objective_s, one.seed) == (other.policy, other.objective_s, other.seed)
    for field in dataclasses.fields(one.series):
        np.testing.assert_array_equal(getattr(one.series, field.name), getattr(other.series, field.name))


@pytest.mark.parametrize("objective_s", [None, 0.5])
def test_each_run_is_that_of_the_engine(objective_s: float | None) -> None:
    for run in compare(NAMES, TRACE, SERVICE_TIME, CONTEXT, objective_s=objective_s):
        alone = simulate(TRACE, SERVICE_TIME, create(run.policy, CONTEXT), PLATFORM, seed=7, objective_s=objective_s)
        assert_same(run, alone)
        assert run.decisions == alone.decisions


def test_a_policy_itself_may_be_given() -> None:
    script = Script([1, 2, 3], name="mine")
    first, second = compare([script, "fixed:2"], TRACE, SERVICE_TIME, CONTEXT)
    assert_same(first, simulate(TRACE, SERVICE_TIME, Script([1, 2, 3], name="mine"), PLATFORM, seed=7))
    assert [run.policy for run in (first, second)] == ["mine", "fixed:2"]


def test_a_wrong_name_is_found_before_anything_runs() -> None:
    told: list[str] = []
    with pytest.raises(ValueError, match="there is no policy 'nope'"):
        compare(["cortex", "nope"], TRACE, SERVICE_TIME, CONTEXT, progress=lambda name, share: told.append(name))
    assert told == []


def test_progress_goes_from_policy_to_policy() -> None:
    told: list[tuple[str, float]] = []
    compare(NAMES[:2], TRACE, SERVICE_TIME, CONTEXT, progress=lambda name, share: told.append((name, share)))
    for name in NAMES[:2]:
        shares = [share for told_of, share in told if told_of == name]
        assert shares[0] < 0.1
        assert shares[-1] == 1.0
        assert all(before <= after for before, after in pairwise(shares))
    assert [name for name, _ in told] == sorted((name for name, _ in told), key=NAMES.index)


def test_the_log_has_every_tick_with_its_reasons(tmp_path: Path) -> None:
    with DecisionLog(tmp_path, TRACE, NAMES) as log:
        runs = compare(NAMES, TRACE, SERVICE_TIME, CONTEXT, log=log)
    logged = list(read(tmp_path)[1])
    for run in runs:
        of_run = [one for one in logged if one.policy == run.policy]
        before = int(run.series.desired[0])
        for time, outcome in run.decisions:
            (one,) = (one for one in of_run if one.t_s <= time <= one.until_s)
            assert (one.requested, one.desired) == (before, outcome.desired)
            if outcome.decision is not None:
                assert all(step.reason in " ".join(one.words) for step in outcome.decision.steps)
            elif outcome.reason:
                assert one.words[1] == f"  {outcome.reason}"
            before = outcome.desired


def test_a_long_run_keeps_the_reasons_of_changes_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    full = compare(NAMES, TRACE, SERVICE_TIME, CONTEXT)
    monkeypatch.setattr("cortex_cdk.simulation.compare.REASONED_TICKS", 20)
    with DecisionLog(tmp_path, TRACE, NAMES) as log:
        small = compare(NAMES, TRACE, SERVICE_TIME, CONTEXT, log=log)
    for one, other in zip(full, small, strict=True):
        assert_same(one, other)
        assert len(one.decisions) == len(other.decisions)
        changes, kept = 0, set()
        before = int(one.series.desired[0])
        is_long = len(one.decisions) > 20
        assert is_long == (one.policy not in ("fixed", "ecs"))
        for (time, outcome), (small_time, small_outcome) in zip(one.decisions, other.decisions, strict=True):
            assert (time, outcome.desired) == (small_time, small_outcome.desired)
            if not is_long:
                assert small_outcome == outcome
            elif outcome.desired != before:
                changes += 1
                assert (small_outcome.reason, small_outcome.decision) == (outcome.reason, None)
            else:
                assert (small_outcome.reason, small_outcome.decision) == ("", None)
                kept.add(id(small_outcome))
            before = outcome.desired
        assert len(kept) <= changes + 1  # one object for as long as the count stays
    assert sum(one.policy == "cortex" for one in read(tmp_path)[1]) > 10  # the log has them all


def test_the_lower_bound_is_that_of_the_workload() -> None:
    expected = least_replica_hours(
        workload(TRACE, SERVICE_TIME, 7), PLATFORM, duration_s=300.0, tick_s=10.0, objective_s=3.0
    )
    assert math.isfinite(expected)
    told: list[float] = []
    found = lower_bound(TRACE, SERVICE_TIME, CONTEXT, objective_s=3.0, progress=told.append)
    assert found == expected == lower_bound(TRACE, SERVICE_TIME, CONTEXT, objective_s=3.0)
    assert 0.9 < told[-1] <= 1.0


def test_no_lower_bound_when_a_request_alone_takes_longer() -> None:
    trace = ListTrace([1.0, 2.0], 60.0)
    assert lower_bound(trace, ListServiceTime([0.5, 2.0]), CONTEXT, objective_s=1.0) is None
    assert lower_bound(trace, ListServiceTime([0.5, 2.0]), CONTEXT, objective_s=2.0) is not None


def test_a_watched_trace_is_the_trace() -> None:
    told: list[float] = []
    trace = ListTrace([0.0, 25.0, 50.0, 75.0], 100.0, chunk=2, requests=4)
    watched = Watched(trace, told.append)
    assert [chunk.tolist() for chunk in watched.chunks(np.random.default_rng(0))] == [[0.0, 25.0], [50.0, 75.0]]
    assert told == [0.25, 0.75]
    assert (watched.name, watched.duration_s, watched.starts_at, watched.requests) == ("list", 100.0, None, 4)
