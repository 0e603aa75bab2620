"""Runs ``cortex-cdk simulate``, and the library beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cortex_cdk.simulation import Platform, parse_service_time
from cortex_cdk.simulation.compare import compare, lower_bound
from cortex_cdk.simulation.policies import PolicyContext
from cortex_cdk.simulation.report.json import document
from cortex_cdk.simulation.trace import Trace
from cortex_cdk.spec import autoscaling_of
from tests.support.cli import Result, call

STEP = ("--pattern", "step:1..8@60s", "--duration", "4m", "--service-time", "exp:200ms", "--startup", "20s")


def library(
    names: list[str], trace: Trace, *, objective_s: float | None = None, platform: Platform, seed: int = 0, **keys: Any
) -> dict[str, Any]:
    """What the command should print as JSON, from the library."""
    service_time = parse_service_time("exp:200ms")
    spec = autoscaling_of(**keys)
    context = PolicyContext(
        policy=spec.policy(),
        responsive=autoscaling_of(preset="responsive").policy(),
        platform=platform,
        trace=trace,
        service_time=service_time,
        seed=seed,
    )
    runs = compare(names, trace, service_time, context, objective_s=objective_s)
    least = lower_bound(trace, service_time, context, objective_s=objective_s)
    found: dict[str, Any] = json.loads(json.dumps(document(runs, least_replica_hours=least)))
    return found


def figures(result: Result) -> dict[str, Any]:
    """What it printed as JSON."""
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def answer(project: Path, *arguments: str) -> dict[str, Any]:
    """What it prints as JSON about ``STEP``, with further arguments."""
    return figures(call("simulate", *STEP, "--json", *arguments, cwd=project))


def by_policy(found: dict[str, Any]) -> dict[str, Any]:
    """The summaries of the runs."""
    return {one["policy"]: one["summary"] for one in found["runs"]}


def error_of(project: Path, *arguments: str) -> str:
    """The error that it ends with, which is all that it prints."""
    result = call("simulate", *arguments, cwd=project)
    assert (result.code, result.raw) == (1, b""), result
    return result.err
