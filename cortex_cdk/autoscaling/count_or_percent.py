"""A number of replicas, or a share of the desired ones: ``5`` or ``25%``."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_COUNT = 2**31 - 1
PATTERN = r"^(?:0*(?:100|[0-9]{1,2})%|[0-9]{1,10})$"
_PERCENT = re.compile(r"0*(100|[0-9]{1,2})%")
_COUNT = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True)
class CountOrPercent:
    """``value`` replicas, or ``value`` percent (0..100) of the desired count."""

    value: int
    is_percent: bool

    @classmethod
    def parse(cls, text: str) -> CountOrPercent:
        """Read ``25%`` or ``5``.

        Raises:
            ValueError: when ``text`` is neither a whole percentage of 0..100 nor a count.
        """
        if percent := _PERCENT.fullmatch(text):
            return cls(int(percent[1]), is_percent=True)
        if _COUNT.fullmatch(text) and int(text) <= MAX_COUNT:
            return cls(int(text), is_percent=False)
        raise ValueError("neither a percentage nor a count")

    @property
    def is_zero(self) -> bool:
        """Whether it is no replica at all, whatever the desired count."""
        return self.value == 0

    def rounded_up(self, desired: int) -> int:
        """How many replicas that is of ``desired``; a part of one counts as one."""
        return -(-desired * self.value // 100) if self.is_percent else self.value

    def rounded_down(self, desired: int) -> int:
        """How many replicas that is of ``desired``; a part of one does not count."""
        return desired * self.value // 100 if self.is_percent else self.value

    def __str__(self) -> str:
        return f"{self.value}%" if self.is_percent else str(self.value)
