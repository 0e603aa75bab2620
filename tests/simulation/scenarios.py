"""Small traces and policies for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.autoscaling import LoadReport
from cortex_cdk.simulation.policies.base import Metrics


@dataclass
class ListTrace:
    """Given arrival times, cut into chunks of a given size."""

    arrivals: Sequence[float]
    duration_s: float
    chunk: int = 2**18
    name: str = "list"
    starts_at: datetime | None = None
    requests: int | None = None
    steps: tuple[object, ...] = ()

    def chunks(self, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
        for first in range(0, len(self.arrivals), self.chunk):
            yield np.array(self.arrivals[first : first + self.chunk], dtype=np.float64)


@dataclass
class ListServiceTime:
    """Given service times, one after the other; from the first again for each run."""

    seconds: Sequence[float]
    mean_s: float = 1.0
    _drawn: int = field(default=0, init=False)

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        self._drawn = self._drawn % max(1, len(self.seconds))
        drawn = np.array(self.seconds[self._drawn : self._drawn + n], dtype=np.float64)
        self._drawn += n
        return drawn


@dataclass
class Script:
    """Desired counts by tick, the first at 0; may look at metrics."""

    desired: Sequence[int]
    interval_s: float = 10.0
    first_tick_s: float = 10.0
    name: str = "script"
    look: Callable[[float, Metrics], None] | None = None
    _ticks: int = field(default=0, init=False)

    def initial(self) -> int:
        self._ticks = 0
        return self.desired[0]

    def decide(self, now: float, metrics: Metrics) -> int:
        self._ticks += 1
        if self.look is not None:
            self.look(now, metrics)
        return self.desired[min(self._ticks, len(self.desired) - 1)]


@dataclass
class Log:
    """What became of each request: four arrays."""

    parts: list[tuple[NDArray[np.float64], ...]] = field(default_factory=list)

    def __call__(self, *arrays: NDArray[np.float64]) -> None:
        self.parts.append(arrays)

    @property
    def arrays(self) -> list[NDArray[np.float64]]:
        return [np.concatenate(part) for part in zip(*self.parts, strict=True)] if self.parts else [np.zeros(0)] * 4


def last_reports(into: dict[tuple[int, str], LoadReport]) -> Callable[[float, Metrics], None]:
    """Collects all reports that can be seen."""

    def look(now: float, metrics: Metrics) -> None:
        for report in metrics.reports(1000.0):
            assert report.bucket + 10 <= now
            into[report.bucket, report.replica] = report

    return look
