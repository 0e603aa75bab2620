"""The results of all parts in one file: each with what it was measured under, replaced when it is measured again."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from benchmarks.conditions import Conditions
from benchmarks.goals import Goal
from benchmarks.rivals.environments import CACHE
from benchmarks.tables import Table

FILE = CACHE / "results.json"
PARTS = {
    "small": "benchmarks.small_request",
    "model": "benchmarks.model_request",
    "large": "benchmarks.large_request",
    "queueing": "benchmarks.queueing",
    "start": "benchmarks.worker_start",
    "commands": "benchmarks.commands",
    "simulation": "benchmarks.simulation",
    "scaler": "benchmarks.scaler",
}
"""Name and module of each part, which has a ``TITLE``, a ``Result``, and ``measure``, ``tables`` and ``goals``."""


class ResultsError(ValueError):
    """A file does not hold results; the message says why."""


class Recorded(Struct):
    """One part: what it was measured under, and its ``Result``."""

    conditions: Conditions
    result: msgspec.Raw


class Results(Struct):
    """Of the parts that were measured."""

    parts: dict[str, Recorded] = {}

    def record(self, name: str, conditions: Conditions, result: Any) -> None:
        """Put a part's result in, in place of an earlier one."""
        self.parts[name] = Recorded(conditions, msgspec.Raw(msgspec.json.encode(result)))

    def result(self, name: str) -> Any:
        """The ``Result`` of a part that was measured."""
        return msgspec.json.decode(self.parts[name].result, type=part(name).Result)

    def tables(self, name: str) -> list[Table]:
        """The tables of a part that was measured."""
        tables: list[Table] = part(name).tables(self.result(name))
        return tables

    def goals(self) -> list[Goal]:
        """Those of all parts that were measured, in the order of ``PARTS``."""
        return [goal for name in PARTS if name in self.parts for goal in part(name).goals(self.result(name))]


def part(name: str) -> Any:
    """The module of a part."""
    return import_module(PARTS[name])


def goals_table(goals: list[Goal]) -> Table:
    """All goals with their verdicts."""
    return Table("Goals", ("", "goal", "measured", ""), [goal.row for goal in goals])


def read(file: Path) -> Results:
    """Read a file that ``write`` has written.

    Raises:
        ResultsError: it cannot be read, or holds something else.
    """
    try:
        results = msgspec.json.decode(file.read_bytes(), type=Results)
        for name in results.parts:
            if name not in PARTS:
                raise ResultsError(f"{file}: there is no part {name!r}; there are {', '.join(PARTS)}")
            results.result(name)
    except (OSError, msgspec.DecodeError) as error:
        raise ResultsError(f"{file}: {error}; `make bench` writes it") from None
    return results


def write(results: Results, file: Path) -> None:
    """Write all results, in the order of ``PARTS``."""
    ordered = Results({name: results.parts[name] for name in PARTS if name in results.parts})
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=1))
