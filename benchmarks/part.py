"""What a part of the benchmarks gets to run with, and how it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5


class MeasurementError(RuntimeError):
    """Something could not be measured; the message says what and why."""


@dataclass(frozen=True)
class Run:
    """How to run.

    Attributes:
        rounds: each thing is measured so many times, in turns.
        tell: told what is being done.
    """

    rounds: int
    tell: Callable[[str], None]
