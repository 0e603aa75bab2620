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
        """``met``, by how much the goal was missed, in parts of the limit if it is not 0, or ``NOT_MEASURED``."""
        if self.met:
            return "met"
        if math.isnan(self.value):
            return NOT_MEASURED
        missed = abs(self.value - self.limit)
        return f"missed by {missed / self.limit:.1%}" if self.limit else f"missed by {self._with_unit(short(missed))}"

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Subject, goal, figure and verdict as text."""
        measured = "" if math.isnan(self.value) else self._with_unit(short(self.value))
        return self.subject, f"{self.bound} {self._with_unit(f'{self.limit:g}')}", measured, self.verdict

    def _with_unit(self, figure: str) -> str:
        return figure + (self.unit if self.unit in ("", "x") else f" {self.unit}")
