"""Traces that were recorded: arrival times, or counts per interval. Both can be cut and made heavier or lighter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

CHUNK = 2**18  # the most arrivals in one array
_BLOCK = 2**16  # rows that are worked on at once


@dataclass(frozen=True, kw_only=True)
class CountsTrace:
    """Requests per interval, the first of which begins at 0.

    When in its interval a request comes is not known: times are drawn uniformly in it, as a Poisson process with that
    many arrivals would place them. A count that is not whole, as ``scale`` makes them, is rounded up or down at random
    so that its mean is right.
    """

    name: str
    counts: NDArray[np.float64]  # requests of each interval
    interval_s: float
    starts_at: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """The end of the last interval, in seconds."""
        return len(self.counts) * self.interval_s

    @property
    def requests(self) -> int | None:
        """How many requests there are; None when rounding decides it."""
        return int(self.counts.sum()) if bool(np.all(self.counts == np.floor(self.counts))) else None

    def chunks(self, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
        """Arrival times in seconds, ascending."""
        rounding, splitting, placing = independent_generators(rng, 3)
        last = np.nextafter(self.duration_s, 0.0)
        for first in range(0, len(self.counts), _BLOCK):
            block = self.counts[first : first + _BLOCK]
            whole = np.floor(block)
            counts = (whole + (rounding.random(len(block)) < block - whole)).astype(np.int64)
            for starts, widths, numbers in _portions(counts, first, self.interval_s, splitting):
                arrivals = np.repeat(starts, numbers) + placing.random(int(numbers.sum())) * np.repeat(widths, numbers)
                arrivals.sort()
                yield np.minimum(arrivals, last)


@dataclass(frozen=True, kw_only=True)
class ArrivalsTrace:
    """The time of each request, in seconds from 0, ascending.

    With a ``scale`` below 1 each request stays with that probability. Above 1 each stays and is followed by
    ``scale - 1`` more on average, placed uniformly in the time until the next: rates change, bursts stay bursts.
    """

    name: str
    arrivals: NDArray[np.float64]
    duration_s: float
    scale: float = 1.0
    starts_at: datetime | None = None
    notes: tuple[str, ...] = ()

    @property
    def requests(self) -> int | None:
        """How many requests there are; None when chance decides it."""
        return round(len(self.arrivals) * self.scale) if self.scale == int(self.scale) else None

    def chunks(self, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
        """Arrival times in seconds, ascending."""
        rounding, placing = independent_generators(rng, 2)
        copies = int(self.scale)
        share = self.scale - copies
        step = max(1, CHUNK // (copies + 1))
        last = np.nextafter(self.duration_s, 0.0)
        for first in range(0, len(self.arrivals), step):
            times = self.arrivals[first : first + step]
            numbers = np.full(len(times), copies)
            if share:
                numbers += rounding.random(len(times)) < share
            extra = np.maximum(numbers - 1, 0)
            kept = times[numbers > 0]
            if extra.any():
                until = np.append(self.arrivals[first + 1 : first + step + 1], self.duration_s)[: len(times)]
                offsets = placing.random(int(extra.sum())) * np.repeat(until - times, extra)
                kept = np.concatenate([kept, np.repeat(times, extra) + offsets])
                kept.sort()
            if len(kept):
                yield np.minimum(kept, last)


RecordedTrace = CountsTrace | ArrivalsTrace


def _portions(
    counts: NDArray[np.int64], first: int, interval_s: float, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]]:
    """Starts, widths and numbers of consecutive intervals with at most ``CHUNK`` requests together.

    An interval with more is cut into equal parts. Uniform times fall into them as a multinomial draw, so that the
    parts can be drawn one after the other and nothing changes but the memory that is needed.
    """
    at = 0
    total = np.concatenate([[0], np.cumsum(counts)])
    while at < len(counts):
        until = int(np.searchsorted(total, total[at] + CHUNK, side="right")) - 1
        if until == at:
            parts = int(-(-counts[at] // (CHUNK // 2)))
            width = interval_s / parts
            shares = rng.multinomial(counts[at], np.full(parts, 1.0 / parts))
            for part, number in enumerate(shares):  # about half a chunk each
                start = (first + at) * interval_s + part * width
                yield np.array([start]), np.array([width]), np.array([number])
            at += 1
            continue
        if total[until] > total[at]:
            starts = (first + np.arange(at, until)) * np.float64(interval_s)
            yield starts, np.full(until - at, interval_s), counts[at:until]
        at = until


def independent_generators(rng: np.random.Generator, n: int) -> list[np.random.Generator]:
    """Independent generators, one for each kind of draw: results do not depend on how many are drawn at once."""
    return [np.random.default_rng(rng.integers(2**63, size=4)) for _ in range(n)]
