"""All figures of runs in a JSON file: the document of ``report.json`` with its series, written run by run.

A series of months has millions of numbers. They go from their arrays into the file, never through Python's objects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import orjson

from cortex_cdk.simulation.report.json import document, run_document
from cortex_cdk.simulation.run import BUCKET_S, Run


def write_figures(runs: Sequence[Run], path: Path, *, least_replica_hours: float | None = None) -> Path:
    """Write what ``document(runs, series=True)`` has to ``path``, whose folder exists.

    Args:
        runs: of one workload.
        path: the file to write.
        least_replica_hours: the lower bound for policies that answer all requests within the objective, if known.
    """
    head = orjson.dumps({**document([], least_replica_hours=least_replica_hours), "runs": None})
    with path.open("wb") as file:
        file.write(head.removesuffix(b"null}") + b"[")
        for number, run in enumerate(runs):
            series = {field.name: getattr(run.series, field.name) for field in dataclasses.fields(run.series)}
            found = {**run_document(run), "series": {"interval_s": BUCKET_S, **series}}
            file.write((b",\n" if number else b"\n") + orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY))
        file.write(b"\n]}\n")
    return path
