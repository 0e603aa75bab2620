"""Goals, and whether a figure meets one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from benchmarks.figures import short

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Goal:
    """A figure beside what it should be.

    Attributes:
        subject: what was measured.
        value: the figure; NaN when it could not be measured.
        bound: whether the figure should be ``at least`` or ``at most`` the limit, or ``below`` it.
        limit: in the figure's unit.
        unit: ``x`` for ratios.
    """

    subject: str
    value: float
    bound: Literal["at least", "at most", "below"]
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the figure is as it should be. NaN meets nothing."""
        if self.bound == "at least":
            return self.value >= self.limit
        return self.value <= self.limit if self.bound == "at most" else self.value < self.limit

    @property
    def verdict(self) -> str:
        """``met``, by how much the goal was missed, in parts of the limit, or ``NOT_MEASURED``."""
        if self.met:
            return "met"
        if math.isnan(self.value):
            return NOT_MEASURED
        return f"missed by {abs(self.value - self.limit) / self.limit:.1%}"

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Subject, goal, figure and verdict as text."""
        unit = self.unit if self.unit in ("", "x") else f" {self.unit}"
        measured = "" if math.isnan(self.value) else f"{short(self.value)}{unit}"
        return self.subject, f"{self.bound} {self.limit:g}{unit}", measured, self.verdict
