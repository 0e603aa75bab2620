"""What became of every request of a soak: counts by second, and each one that was lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.support.load_generator import Outcome


@dataclass(frozen=True)
class Lost:
    """A request that did not end as it should.

    Attributes:
        traffic: the kind of client that sent it.
        replica: the number of the replica that it was sent to.
        kind: how it ended, see ``tests/support/load_generator.py``.
        sent_at, ended_at: seconds of the monotonic clock.
        detail: the error in words.
    """

    traffic: str
    replica: int
    kind: str | int
    sent_at: float
    ended_at: float
    detail: str


@dataclass
class Second:
    """The requests that were answered as they should within one second: how many, and their times in seconds."""

    answers: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0


@dataclass
class Ledger:
    """All requests of a soak."""

    by_traffic: Counter[str] = field(default_factory=Counter)
    seconds: dict[int, Second] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)

    def note(self, traffic: str, replica: int, outcome: Outcome, wanted: str | int) -> None:
        """Add a request. ``wanted`` is how it should have ended."""
        self.by_traffic[traffic] += 1
        if outcome.kind != wanted:
            self.lost.append(Lost(traffic, replica, outcome.kind, outcome.sent_at, outcome.ended_at, outcome.detail))
            return
        second = self.seconds.setdefault(int(outcome.ended_at), Second())
        took_s = outcome.ended_at - outcome.sent_at
        second.answers += 1
        second.total_s += took_s
        second.longest_s = max(second.longest_s, took_s)
