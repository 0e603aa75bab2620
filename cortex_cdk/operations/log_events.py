"""Events of CloudWatch's logs, in the order of time, and each of them once."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cortex_cdk.operations.aws import Aws

LATE_MS = 60_000
"""How long after its time an event may come and still be shown. The log driver of ECS sends every 5 s."""

HELD_MS = 5_000
"""How long an event is held back while it is waited for earlier ones, of other replicas."""


class Event(NamedTuple):
    """A line of a log.

    Attributes:
        at_ms: its time, in milliseconds since the epoch.
        id: CloudWatch's own, unlike any other's.
        stream: the name of its stream.
        message: the line.
    """

    at_ms: int
    id: str
    stream: str
    message: str


def read(
    aws: Aws, group: str, since_ms: int, until_ms: int | None = None, *, pattern: str = "", prefix: str = ""
) -> Iterator[Event]:
    """The events of a group from a moment on, in the order in which CloudWatch gives them: about that of time.

    Args:
        pattern: CloudWatch's filter pattern.
        prefix: of the names of streams.
    """
    arguments: dict[str, object] = {"logGroupName": group, "startTime": max(0, since_ms)}
    if until_ms is not None:
        arguments["endTime"] = until_ms
    if pattern:
        arguments["filterPattern"] = pattern
    if prefix:
        arguments["logStreamNamePrefix"] = prefix
    for page in aws.pages("logs", "FilterLogEvents", **arguments):
        for event in page["events"]:
            stream = str(event["logStreamName"])
            if stream.startswith(prefix):
                message = str(event.get("message", "")).rstrip("\n")
                yield Event(int(event["timestamp"]), str(event.get("eventId", "")), stream, message)


class Sorter:
    """Puts events that come in about the order of time into exactly that order, as far as ``HELD_MS`` reach."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Event]] = []
        self._count = 0

    def add(self, event: Event) -> None:
        """Take in an event."""
        self._count += 1  # equal times keep their order
        heapq.heappush(self._waiting, (event.at_ms, self._count, event))

    def take(self, now_ms: float) -> Iterator[Event]:
        """What has waited long enough."""
        while self._waiting and self._waiting[0][0] <= now_ms - HELD_MS:
            yield heapq.heappop(self._waiting)[2]

    def take_all(self) -> Iterator[Event]:
        """All that waits."""
        return self.take(math.inf)


class Follower:
    """Makes one stream of readings that overlap: each event once, in the order of time.

    A reading begins ``LATE_MS`` before the latest event known, so that it brings late events, and known ones again. An
    event waits ``HELD_MS`` for earlier ones; one that comes later than that is let through at once, out of order, but
    not lost.

    Args:
        since_ms: no event before this moment is wanted.
    """

    def __init__(self, since_ms: int) -> None:
        self._since = self._latest = since_ms
        self._known: dict[str | tuple[Event, int], int] = {}
        self._sorter = Sorter()

    @property
    def read_from_ms(self) -> int:
        """Where the next reading has to begin."""
        return max(self._since, self._latest - LATE_MS)

    def add(self, reading: Iterable[Event]) -> None:
        """Take in a reading from ``read_from_ms`` on. One that breaks off is taken in as far as it came, and does not
        move ``read_from_ms``."""
        alike: Counter[Event] = Counter()
        latest = self._latest
        for event in reading:
            alike[event] += 1
            key = event.id or (event, alike[event])
            if event.at_ms < self._since or key in self._known:
                continue
            self._known[key] = event.at_ms
            self._sorter.add(event)
            latest = max(latest, event.at_ms)
        self._latest = latest
        self._known = {key: at for key, at in self._known.items() if at >= self.read_from_ms}

    def take(self, now_ms: float) -> Iterator[Event]:
        """What has waited long enough, in the order of time."""
        return self._sorter.take(now_ms)
