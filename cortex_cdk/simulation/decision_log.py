"""The decisions of simulated runs in a file, a JSON object a line, to be asked for their reasons later.

Each line has ``policy``, ``t_s`` (seconds from the trace's start), ``requested`` (the count before), ``desired`` (the
count after) and ``words`` (lines of text: what was decided, then why).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cortex_cdk.autoscaling import explain
from cortex_cdk.simulation.run import Run

FILE = "decisions.jsonl"


class Logged(NamedTuple):
    """A decision as it stands in the file."""

    policy: str
    t_s: float
    requested: int
    desired: int
    words: list[str]


class LogError(Exception):
    """The file cannot be read; the message says which and why."""


def write(runs: Sequence[Run], folder: Path) -> Path:
    """Write the decisions of all runs into ``folder``, which exists."""
    path = folder / FILE
    with path.open("w", encoding="utf-8") as file:
        for run in runs:
            requested = int(run.series.desired[0])
            for time, outcome in run.decisions:
                words = explain(outcome.decision) if outcome.decision else _words(requested, outcome.desired)
                if not outcome.decision and outcome.reason:
                    words.append(f"  {outcome.reason}")
                logged = Logged(run.policy, round(time, 6), requested, outcome.desired, words)
                file.write(json.dumps(logged._asdict(), ensure_ascii=False) + "\n")
                requested = outcome.desired
    return path


def read(folder: Path) -> Iterator[Logged]:
    """The decisions in ``folder``, in the order of the file.

    Raises:
        LogError: when there is no such file, or a line of it is not a decision.
    """
    path = folder / FILE if folder.is_dir() else folder
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield Logged(**json.loads(line))
                except (ValueError, TypeError):
                    raise LogError(f"{path}:{number}: not a decision of a simulation") from None
    except OSError as error:
        raise LogError(f"{path}: cannot be read: {error.strerror}") from None


def _words(requested: int, desired: int) -> list[str]:
    if requested == desired:
        return [f"Keep {desired} {'replica' if desired == 1 else 'replicas'}."]
    direction = "up" if desired > requested else "down"
    return [f"Scale {direction} from {requested} to {desired} {'replica' if desired == 1 else 'replicas'}."]
