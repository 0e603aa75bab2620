"""Times of requests, thinned out to as many as a metric's line may hold."""

from __future__ import annotations

import random

MOST_KEPT = 10_000
"""So many times are kept exactly between two reports; of more, a random sample of this size."""


class Sample:
    """Values since the last ``take``: all of them, or a uniform random sample of ``MOST_KEPT`` of them.

    The sample is that of algorithm R (J. S. Vitter, Random sampling with a reservoir, 1985).
    """

    def __init__(self) -> None:
        self._values: list[float] = []
        self._seen = 0

    def add(self, value: float) -> None:
        """Take in one value."""
        self._seen += 1
        if len(self._values) < MOST_KEPT:
            self._values.append(value)
        elif (place := random.randrange(self._seen)) < MOST_KEPT:  # noqa: S311
            self._values[place] = value

    def take(self) -> list[float]:
        """The values, and begin anew."""
        taken, self._values, self._seen = self._values, [], 0
        return taken


class Times:
    """Seconds that requests took, and those that they waited in the queue."""

    def __init__(self) -> None:
        self.latency = Sample()
        self.queue_time = Sample()

    def add(self, latency_s: float, queue_s: float | None) -> None:
        """Take in one request; ``queue_s`` is None when it never reached the queue."""
        self.latency.add(latency_s)
        if queue_s is not None:
            self.queue_time.add(queue_s)


def thinned(values: list[float], size: int) -> list[float]:
    """At most ``size`` of the values, sorted, whose percentiles are those of all of them.

    The values in order are cut into ``size`` parts of as equal length as can be, and the middle one of each stands for
    it.
    """
    ordered = sorted(values)
    if len(ordered) <= size:
        return ordered
    return [ordered[(2 * part + 1) * len(ordered) // (2 * size)] for part in range(size)]
