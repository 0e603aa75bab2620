"""What one replica measured in one bucket of 10 s."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .policy import BUCKET_S

CLOCKS_DIFFER_S = 2
"""Seconds by which the clocks of replicas and of whoever reads their reports may differ."""

MOST_IN_FLIGHT = 2**53
"""More than any replica can have; sums of so many are still finite."""


@dataclass(frozen=True)
class LoadReport:
    """What one replica measured in one bucket.

    Attributes:
        replica: the replica's id.
        bucket: the bucket's start, in seconds of the wall clock, a multiple of 10.
        in_flight: mean number of requests in flight over the seconds measured.
        seconds: how much of the bucket was measured, above 0; by clocks that differ it may be a little more than 10.
        queued: mean number of those in flight that waited for a slot; None when it was not measured.
        arrived: requests for a slot that came in those seconds, those turned away included; None when not counted.
        served: requests that a slot was done with in those seconds; None when not counted.

    Raises:
        ValueError: when a value is outside its range.
    """

    replica: str
    bucket: int
    in_flight: float
    seconds: float = BUCKET_S
    queued: float | None = None
    arrived: int | None = None
    served: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.in_flight <= MOST_IN_FLIGHT:
            allowed = f"must be a number from 0 to {MOST_IN_FLIGHT}"
            raise ValueError(f"in_flight of replica {self.replica} is {self.in_flight!r}, {allowed}")
        if self.bucket % BUCKET_S:
            raise ValueError(f"bucket of replica {self.replica} is {self.bucket!r}, must be a multiple of {BUCKET_S}")
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"seconds of replica {self.replica} is {self.seconds!r}, must be above 0")
        if self.queued is not None and not 0 <= self.queued <= self.in_flight:
            allowed = f"must be a number from 0 to in_flight ({self.in_flight!r})"
            raise ValueError(f"queued of replica {self.replica} is {self.queued!r}, {allowed}")
        for name in ("arrived", "served"):
            count = getattr(self, name)
            if count is not None and not 0 <= count <= MOST_IN_FLIGHT:
                allowed = f"must be a number from 0 to {MOST_IN_FLIGHT}"
                raise ValueError(f"{name} of replica {self.replica} is {count!r}, {allowed}")

    @property
    def is_whole(self) -> bool:
        """Whether all of the bucket was measured, as far as clocks can tell."""
        return self.seconds >= BUCKET_S - CLOCKS_DIFFER_S

    @property
    def share(self) -> float:
        """What the replica adds to the mean number in flight of the bucket."""
        return self.over_bucket(self.in_flight)

    def over_bucket(self, mean: float) -> float:
        """A mean over the seconds measured, as one over the bucket: a part of a bucket counts for that part."""
        return mean if self.is_whole else mean * self.seconds / BUCKET_S
