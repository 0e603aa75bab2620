"""The decisions of simulated runs in a file, to be asked for their reasons later.

The first line is a JSON object with ``schema``, ``trace`` (its name), ``starts_at`` (the wall clock at 0 as ISO 8601,
or null), ``duration_s`` and ``policies`` (names, in the order of the file). Each further line is a decision:
``policy``, ``t_s`` and ``until_s`` (its first and its last tick, in seconds from the trace's start: it was made again,
word for word, at all ticks between), ``requested`` (the count before), ``desired`` (the count after) and ``words``
(lines of text: what was decided, then why). Those of a policy stand together, in the order of time.

It is written while the simulation runs, so that memory does not grow with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from cortex_cdk.autoscaling import explain
from cortex_cdk.simulation.policies.base import Outcome
from cortex_cdk.simulation.trace import Trace

FILE = "decisions.jsonl"
SCHEMA = "cortex-cdk/decisions/1"


class Logged(NamedTuple):
    """A decision as it stands in the file."""

    policy: str
    t_s: float
    until_s: float
    requested: int
    desired: int
    words: list[str]


@dataclass(frozen=True, kw_only=True)
class Header:
    """What the decisions are about; see the module."""

    trace: str
    starts_at: datetime | None
    duration_s: float
    policies: tuple[str, ...]


class LogError(Exception):
    """The file cannot be read; the message says which and why."""


class DecisionLog:
    """Writes the file; a context manager.

    It takes its place in the folder when all is written: until then, and after an error, an older one stays.
    """

    def __init__(self, folder: Path, trace: Trace, policies: Sequence[str]) -> None:
        """For a folder that exists."""
        self.path = folder / FILE
        self._unfinished = folder / f".{FILE}.unfinished"
        self._header = {
            "schema": SCHEMA,
            "trace": trace.name,
            "starts_at": trace.starts_at.isoformat() if trace.starts_at else None,
            "duration_s": trace.duration_s,
            "policies": list(policies),
        }
        self._last: Logged | None = None
        self._file: IO[str]

    def __enter__(self) -> Self:
        """Begin.

        Raises:
            OSError: when the folder cannot be written to.
        """
        try:
            self._file = self._unfinished.open("w", encoding="utf-8")
            self._write(self._header)
        except BaseException:  # Ctrl-C, too
            self._unfinished.unlink(missing_ok=True)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            if kind is None:
                self._write_last()
        finally:
            self._file.close()
            if kind is not None:
                self._unfinished.unlink()
        if kind is None:
            self._unfinished.replace(self.path)

    def add(self, policy: str, now: float, requested: int, outcome: Outcome) -> None:
        """A decision of a policy at a tick; ``requested`` is the count before it."""
        words = explain(outcome.decision) if outcome.decision else _words(requested, outcome)
        now, last = round(now, 6), self._last
        found = Logged(policy, now, now, requested, outcome.desired, words)
        if last is not None and last._replace(t_s=now, until_s=now) == found:
            self._last = last._replace(until_s=now)
            return
        self._write_last()
        self._last = found

    def _write_last(self) -> None:
        if self._last is not None:
            self._write(self._last._asdict())
            self._last = None

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


def read(folder: Path) -> tuple[Header, Iterator[Logged]]:
    """What is in ``folder``, or in the file itself: the header, and the decisions one by one.

    Raises:
        LogError: when there is no such file, or it is not one of these. Of a line that is no decision, while iterating.
    """
    path = folder / FILE if folder.is_dir() else folder
    lines = _lines(path)
    header = _header(path, next(lines, ""))
    return header, (_logged(path, number, line) for number, line in enumerate(lines, 2))


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except OSError as error:
        raise LogError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise LogError(f"{path}: not the decisions of a simulation") from None


def _header(path: Path, line: str) -> Header:
    try:
        found = json.loads(line)
        schema = found["schema"]
        if schema == SCHEMA:
            starts_at = datetime.fromisoformat(found["starts_at"]) if found["starts_at"] else None
            duration_s, policies = float(found["duration_s"]), tuple(found["policies"])
            if not policies:
                raise ValueError
            return Header(trace=found["trace"], starts_at=starts_at, duration_s=duration_s, policies=policies)
    except (ValueError, TypeError, KeyError):
        raise LogError(f"{path}: not the decisions of a simulation") from None
    raise LogError(f"{path}: its schema is {schema!r}, this version reads {SCHEMA!r}")


def _logged(path: Path, number: int, line: str) -> Logged:
    try:
        return Logged(**json.loads(line))
    except (ValueError, TypeError):
        raise LogError(f"{path}:{number}: not a decision of a simulation") from None


def _words(requested: int, outcome: Outcome) -> list[str]:
    desired = outcome.desired
    counted = f"{desired} {'replica' if desired == 1 else 'replicas'}"
    if requested == desired:
        first = f"Keep {counted}."
    else:
        first = f"Scale {'up' if desired > requested else 'down'} from {requested} to {counted}."
    return [first, f"  {outcome.reason}"] if outcome.reason else [first]
