"""The ideal to measure queueing against: one queue, first come first served, before all servers."""

from __future__ import annotations

import heapq
import random
from collections.abc import Sequence


def poisson_arrivals(
    slots: int, load: float, service_s: float, duration_s: float, seed: int
) -> tuple[list[float], list[float]]:
    """Moments of arrival and service times of an M/M/c queue.

    Args:
        slots: c.
        load: arrivals in parts of what the slots can serve.
        service_s: mean service time.
        duration_s: no arrival is later.
        seed: the same one gives the same traffic.

    Returns:
        Seconds from 0 on, and seconds, of as many requests.
    """
    source, now = random.Random(seed), 0.0
    arrivals, services = [], []
    while (now := now + source.expovariate(load * slots / service_s)) <= duration_s:
        arrivals.append(now)
        services.append(source.expovariate(1 / service_s))
    return arrivals, services


def waits(arrivals: Sequence[float], services: Sequence[float], slots: int) -> list[float]:
    """How long each request would wait for one of ``slots``, in seconds; ``arrivals`` ascend."""
    free = [0.0] * slots
    result = []
    for arrival, service in zip(arrivals, services, strict=True):
        begins = max(arrival, heapq.heappop(free))
        heapq.heappush(free, begins + service)
        result.append(begins - arrival)
    return result
