"""Poisson arrivals whose rate changes with time, exactly and in bounded memory.

Candidates come as a Poisson process with a rate that is constant in pieces and never below the wanted one: unit
exponentials, added up and mapped back through the integral of that rate. Where the wanted rate lies below, a candidate
stays with the probability of their ratio (thinning: Lewis and Shedler, "Simulation of nonhomogeneous Poisson processes
by thinning", 1979, https://doi.org/10.1002/nav.3800260304). Each kind of draw has a generator of its own, so that the
arrivals do not depend on how many are drawn at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.simulation.recorded import independent_generators

Floats = NDArray[np.float64]

CHUNK = 2**17  # candidates that are drawn at once


@dataclass(frozen=True, kw_only=True)
class Step:
    """A moment at which the load changes at once, in seconds and requests/s: reaction times count from it."""

    at_s: float
    from_rate: float
    to_rate: float


@dataclass(frozen=True)
class Profile:
    """A rate over time, in requests/s.

    ``starts`` are the moments at which pieces begin, the first of them 0; ``bounds`` the highest rate of each. ``rate``
    gives the rate at an array of moments; None: it is ``bounds`` everywhere. With ``states``, pieces are drawn: the
    rates of two states and their mean lengths in seconds.
    """

    starts: Floats
    bounds: Floats
    rate: Callable[[Floats], Floats] | None = None
    states: tuple[tuple[float, float], tuple[float, float]] | None = None

    @classmethod
    def constant(cls, starts: Sequence[float], rates: Sequence[float]) -> Profile:
        """One rate in each piece."""
        return cls(np.asarray(starts, np.float64), np.asarray(rates, np.float64))

    @classmethod
    def linear(cls, times: Sequence[float], rates: Sequence[float], duration_s: float, pieces: int = 64) -> Profile:
        """Straight lines from one rate to the next; the last rate stays."""
        grid = np.union1d(np.linspace(times[0], times[-1], pieces * (len(times) - 1) + 1), np.asarray(times))
        grid = grid[grid < duration_s]
        at = np.interp(grid, times, rates)
        after = np.append(at[1:], np.interp(duration_s, times, rates))
        return cls(grid, np.maximum(at, after), lambda moments: np.interp(moments, times, rates))

    @classmethod
    def sine(cls, mean: float, amplitude: float, period_s: float, duration_s: float, pieces: int) -> Profile:
        """``mean + amplitude sin(2 pi t / period)``; ``pieces``, a multiple of 4, is the number in a period."""

        def rate(moments: Floats) -> Floats:
            return np.asarray(mean + amplitude * np.sin(moments * (2 * np.pi / period_s)), np.float64)

        number = int(np.ceil(duration_s / period_s * pieces))
        edges = np.asarray(np.arange(number + 1) * (period_s / pieces), np.float64)
        # Crests are edges, so no piece is higher inside than at its ends; the margin is for rounding.
        bounds = np.maximum(rate(edges[:-1]), rate(edges[1:])) + 1e-9 * amplitude
        return cls(edges[:-1], bounds, rate)

    @classmethod
    def modulated(cls, rates: tuple[float, float], lengths_s: tuple[float, float]) -> Profile:
        """Two states with exponential lengths of these means, and a rate for each."""
        return cls(np.zeros(1), np.zeros(1), states=(rates, lengths_s))

    def pieces(self, rng: np.random.Generator, duration_s: float) -> tuple[Floats, Floats]:
        """Starts and bounds of the pieces; ``rng`` draws them where chance decides."""
        if self.states is None:
            return self.starts, self.bounds
        rates, lengths = self.states
        state = int(rng.random() * sum(lengths) >= lengths[0])  # 0 with its long-run probability
        order = np.array([state, 1 - state])
        number = 2 * int(np.ceil(duration_s / sum(lengths))) + 64
        starts, last = [np.zeros(1)], 0.0
        while last < duration_s:
            drawn = rng.standard_exponential((number, 2)) * np.asarray(lengths)[order]
            starts.append(last + np.cumsum(drawn))
            last = float(starts[-1][-1])
        times = np.concatenate(starts)
        times = times[times < duration_s]
        return times, np.asarray(rates)[order[np.arange(len(times)) % 2]]


@dataclass(frozen=True)
class PatternTrace:
    """Poisson arrivals in [0, ``duration_s``) with the rate of ``profile``; see ``patterns`` for how it is written."""

    name: str
    duration_s: float
    profile: Profile
    steps: tuple[Step, ...] = ()
    starts_at: datetime | None = None
    requests: int | None = None  # chance decides it

    def chunks(self, rng: np.random.Generator) -> Iterator[Floats]:
        """Arrival times in seconds, ascending."""
        modulating, arriving, thinning = independent_generators(rng, 3)
        starts, bounds = self.profile.pieces(modulating, self.duration_s)
        ends = np.append(starts[1:], self.duration_s)
        passed = np.concatenate([[0.0], np.cumsum(bounds * (ends - starts))])  # candidates expected before each piece
        last = np.nextafter(self.duration_s, 0.0)
        reached = 0.0
        while reached < passed[-1]:
            gaps = arriving.standard_exponential(CHUNK)
            gaps[0] += reached
            level = np.cumsum(gaps)
            reached = float(level[-1])
            level = level[: int(np.searchsorted(level, passed[-1]))]
            piece = np.searchsorted(passed, level, side="right") - 1
            arrivals = np.minimum(starts[piece] + (level - passed[piece]) / bounds[piece], ends[piece])
            if self.profile.rate is not None:
                arrivals = arrivals[thinning.random(len(arrivals)) * bounds[piece] < self.profile.rate(arrivals)]
            if len(arrivals):
                yield np.minimum(arrivals, last)
