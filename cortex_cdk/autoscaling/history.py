"""What the rules remember from tick to tick: when they began, and the recommendations made since."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

KEPT_S = 86_400.0
"""Seconds that records are kept at least, so that a longer stabilization period can take effect at once."""

_CLOCK_STEP_S = 1e-6  # two readings of the clock are never the same: an age within this of a period has reached it


class Record(NamedTuple):
    """A recommendation and its time, in seconds of the clock that ``decide`` is given."""

    time: float
    replicas: int


@dataclass(frozen=True)
class History:
    """The past of one API, immutable and small.

    Attributes:
        began: time of the first tick, with or without data; None before it.
        records: oldest first. Only those that the highest or the lowest record of some recent period can be: one with
            both a later record at least as high and a later record at least as low is dropped, which changes no
            answer. So no two are of the same count, and a policy that allows ``n`` counts leaves at most ``n``.
        ticked: time of the latest tick that had data; None before it, and when something was recorded since.
        desired: the count decided then.
    """

    began: float | None = None
    records: tuple[Record, ...] = ()
    ticked: float | None = None
    desired: int | None = None

    def at(self, now: float) -> History:
        """The same as seen at ``now``: it has begun, and nothing of it lies ahead, even when the clock was set back."""
        began = now if self.began is None else min(self.began, now)
        if began == self.began and (not self.records or self.records[-1].time <= now):
            return self
        records = tuple(Record(min(time, now), replicas) for time, replicas in self.records)
        return replace(self, began=began, records=records)

    def recorded(self, now: float, replicas: int, *, keep_s: float = math.inf) -> History:
        """With one more record, made ``now``, and without those that are ``keep_s`` seconds old or no longer matter.

        Whoever sets a count between two ticks, such as 1 for an API that slept, records it with this. The tick before
        is then over: delivered once more, it is decided anew and does not take the count back.
        """
        seen = self.at(now)
        kept: list[Record] = []
        highest = lowest = replicas
        for record in reversed(seen.records):
            if not _within(now, record.time, keep_s):
                break
            if record.replicas > highest or record.replicas < lowest:
                kept.append(record)
                highest, lowest = max(highest, record.replicas), min(lowest, record.replicas)
        records = (*reversed(kept), Record(now, replicas))
        return replace(seen, records=records, ticked=None, desired=None)

    def is_within_first(self, now: float, period_s: float) -> bool:
        """Whether less than ``period_s`` seconds have passed since the first tick."""
        return self.began is None or _within(now, self.began, period_s)

    def highest(self, now: float, period_s: float) -> Record | None:
        """The highest record younger than ``period_s`` seconds; None when there is none."""
        return max(self._younger(now, period_s), key=lambda record: record.replicas, default=None)

    def lowest(self, now: float, period_s: float) -> Record | None:
        """The lowest record younger than ``period_s`` seconds; None when there is none."""
        return min(self._younger(now, period_s), key=lambda record: record.replicas, default=None)

    def _younger(self, now: float, period_s: float) -> tuple[Record, ...]:
        return tuple(record for record in self.records if _within(now, record.time, period_s))


def _within(now: float, time: float, period_s: float) -> bool:
    return period_s - (now - time) > _CLOCK_STEP_S
