"""What the engine asks of a trace: arrival times in seconds from its start, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

CHUNK = 2**18
"""The most arrivals in one piece: memory stays bounded however long a trace is."""


class Trace(Protocol):
    """When requests arrive.

    A trace whose load changes at once at a known time may also have ``steps``, objects with ``at_s``, ``from_rate`` and
    ``to_rate``: a run then says how long it took to react.
    """

    @property
    def name(self) -> str:
        """For titles."""

    @property
    def duration_s(self) -> float:
        """Arrivals lie in [0, ``duration_s``)."""

    @property
    def starts_at(self) -> datetime | None:
        """The wall clock at 0, when it is known."""

    @property
    def requests(self) -> int | None:
        """How many there are, when that is known beforehand."""

    def chunks(self, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
        """Arrival times in seconds, ascending within an array and from one to the next, about ``CHUNK`` an array."""
