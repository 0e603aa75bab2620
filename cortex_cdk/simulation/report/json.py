"""Runs as JSON. Keys are stable: new ones may come, none goes or changes its meaning without a new ``schema``.

A document has ``schema`` and ``runs``. A run has

- ``policy``, ``trace`` (``name``, ``starts_at`` as ISO 8601 or null, ``duration_s``);
- ``settings``: ``objective_s``, ``service_time_mean_s``, ``seed``, ``platform`` (the fields of ``Platform``);
- ``summary``: the fields of ``Summary``, and ``fraction_within_objective``; ``latency_s`` and ``queue_time_s`` hold
  ``mean``, ``p50``, ``p95``, ``p99``, ``max``; ``steps`` those of ``StepReaction``;
- ``series``, when asked for: ``interval_s`` and the arrays of ``Series``;
- ``decisions``, when asked for: per tick ``t_s``, ``desired``, ``reason``.

Units are in the names (``_s`` seconds, ``_hours``, ``dollars``); all else are counts. What does not exist, such as the
latency of no request, is null.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cortex_cdk.simulation.report.reduce import reason_of
from cortex_cdk.simulation.run import BUCKET_S, Run

SCHEMA = "cortex-cdk/simulation/1"


def document(
    runs: Sequence[Run],
    *,
    series: bool = False,
    decisions: bool = False,
    least_replica_hours: float | None = None,
) -> dict[str, Any]:
    """All runs as one JSON object.

    Args:
        runs: of one workload.
        series, decisions: with the arrays over time, and with every tick.
        least_replica_hours: the lower bound for policies that answer all requests within the objective, if known.
    """
    return {
        "schema": SCHEMA,
        "least_replica_hours": least_replica_hours,
        "runs": [run_document(run, series=series, decisions=decisions) for run in runs],
    }


def run_document(run: Run, *, series: bool = False, decisions: bool = False) -> dict[str, Any]:
    """One run as a JSON object."""
    found: dict[str, Any] = {
        "policy": run.policy,
        "trace": {
            "name": run.trace,
            "starts_at": None if run.starts_at is None else run.starts_at.isoformat(),
            "duration_s": run.duration_s,
        },
        "settings": {
            "objective_s": run.objective_s,
            "service_time_mean_s": run.service_time_s,
            "seed": run.seed,
            "platform": dataclasses.asdict(run.platform),
        },
        "summary": _summary(run),
    }
    if series:
        arrays = {field.name: getattr(run.series, field.name) for field in dataclasses.fields(run.series)}
        found["series"] = {"interval_s": BUCKET_S, **{name: array.tolist() for name, array in arrays.items()}}
    if decisions:
        found["decisions"] = [
            {"t_s": at, "desired": outcome.desired, "reason": reason_of(outcome)} for at, outcome in run.decisions
        ]
    return {key: without_nan(value) for key, value in found.items()}


def without_nan(value: Any) -> Any:
    """``value`` with null in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    if isinstance(value, np.generic):
        return without_nan(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _summary(run: Run) -> dict[str, Any]:
    fields = dataclasses.asdict(run.summary)
    fields["latency_s"] = fields.pop("latency")
    fields["queue_time_s"] = fields.pop("queue_time")
    fields["fraction_within_objective"] = run.summary.fraction_within_objective
    return fields
