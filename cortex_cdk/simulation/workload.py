"""The requests of a run: the one place where they are drawn, so that every policy gets the very same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.simulation.service_time import ServiceTime
from cortex_cdk.simulation.trace import Trace


def workload(
    trace: Trace, service_time: ServiceTime, seed: int
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Arrival times and service times in seconds, in arrays of the same length, ascending.

    Arrivals and service times are drawn independently of each other: another distribution of service times leaves
    the arrivals as they are, and how the trace is cut into chunks changes neither.

    Raises:
        ValueError: when ``seed`` is negative, or the trace's times are not ascending or outside [0, ``duration_s``).
    """
    if seed < 0:
        raise ValueError(f"seed is {seed}, must be a whole number, at least 0")
    arriving, serving = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    last = 0.0
    for arrivals in trace.chunks(arriving):
        if not len(arrivals):
            continue
        if not (arrivals[0] >= last and bool(np.all(arrivals[1:] >= arrivals[:-1]))):
            raise ValueError(
                f"trace {trace.name}: arrival times must be ascending, from 0 s on; after {last} s they are not"
            )
        last = float(arrivals[-1])
        if not last < trace.duration_s:
            raise ValueError(f"trace {trace.name}: an arrival at {last} s is not before its end, {trace.duration_s} s")
        yield arrivals, service_time.sample(serving, len(arrivals))
