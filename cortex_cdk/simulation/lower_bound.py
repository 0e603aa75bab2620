"""What no policy can cost less than: a lower bound on replica hours that is proven, not simulated."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from cortex_cdk.simulation.compiled import compiled
from cortex_cdk.simulation.heaps import Floats, Ints
from cortex_cdk.simulation.platform import Platform


def least_replica_hours(
    requests: Iterable[tuple[Floats, Floats]],
    platform: Platform,
    *,
    duration_s: float,
    tick_s: float,
    objective_s: float,
    phase_s: float = 0.0,
) -> float:
    """Replica hours, to ``duration_s``, below which no policy answers every request within ``objective_s``.

    It holds for any policy, also one that knows the future, any routing and any order of serving, as long as replicas
    are asked for and sent no more requests at ticks only, a request stays on the replica that was ready and got it when
    it arrived, and a slot works on one request at a time. Let O be the objective.

    *Work.* A request that arrives at a with service time s must begin by a + O - s. Of its work at least
    min(s, max(0, T - (a + O - s))) is done before the end T, on slots of replicas that are paid for. So
    slots * (replica seconds) is at least the sum of that over all requests.

    *Counts.* Take the requests that arrive in [x, y], within one interval between two ticks, and let m be the number of
    replicas that take requests at any time of the interval. All of the work W of those requests is done by the m
    replicas' slots between x and y + O. So W <= m * slots * (y - x + O), for all such x and y. That is the
    same as: a single server of speed m * slots that gets the interval's requests never has more than m * slots * O of
    work before it (its backlog after an arrival at y is the greatest of W - m * slots * (y - x) over all x). The least
    such m, at least 1 if anything arrives, is L of the interval.

    *Time.* A replica that takes requests in interval j was there from the start, or was asked for at a tick and ready
    S = ``task_startup_s`` later or more, before j ended. As ticks are d = ``tick_s`` apart, that tick was at the start
    of interval j - floor(S / d) or before. It is paid for from then on, and until the end of j, since it was not sent
    away before. So in interval k there are paid for at least the greatest L of the intervals k ... k + floor(S / d).
    The sum over all intervals of that number times the interval's length is the second bound.

    With ``max_nodes`` a replica may have to wait for its place and is paid for only from then on, so only the first
    bound is used there.

    Args:
        requests: arrival times and service times, as ``workload`` yields them.
        platform: for slots and the time to start; its nodes do not matter.
        duration_s: of the trace.
        tick_s: seconds between ticks.
        objective_s: latency that no request exceeds.
        phase_s: one of the ticks; 0 stands for ticks at multiples of ``tick_s``.

    Returns:
        The greater of the two bounds, or infinity when a service time exceeds the objective: no policy can do it.
    """
    slots = min(platform.slots, platform.max_replica_concurrency)
    first = phase_s % tick_s or tick_s  # the first tick after 0
    least = np.zeros(1 + max(0, math.ceil((duration_s - first) / tick_s)), np.int64)
    work = 0.0
    rest_a, rest_s = np.zeros(0), np.zeros(0)
    for chunk_a, chunk_s in requests:
        if float(chunk_s.max(initial=0.0)) > objective_s:
            return math.inf
        work += float(np.clip(duration_s - (chunk_a + objective_s - chunk_s), 0.0, chunk_s).sum())
        arrivals, services = np.concatenate([rest_a, chunk_a]), np.concatenate([rest_s, chunk_s])
        # The last interval may go on in the next chunk.
        whole = int(np.searchsorted(arrivals, first + (_interval(arrivals[-1], first, tick_s) - 1) * tick_s))
        _add_counts(arrivals[:whole], services[:whole], first, tick_s, slots, objective_s, least)
        rest_a, rest_s = arrivals[whole:], services[whole:]
    _add_counts(rest_a, rest_s, first, tick_s, slots, objective_s, least)
    by_work = work / slots
    if platform.max_nodes is not None:
        return by_work / 3600
    ahead = math.floor(platform.task_startup_s / tick_s)
    paid = np.lib.stride_tricks.sliding_window_view(np.concatenate([least, np.zeros(ahead, np.int64)]), ahead + 1)
    borders = np.concatenate([[0.0], first + np.arange(len(least)) * tick_s])
    lengths = np.diff(np.minimum(borders, duration_s))
    return max(by_work, float((paid.max(axis=1) * lengths).sum())) / 3600


@compiled
def _interval(moment: float, first: float, tick_s: float) -> int:
    """The number of the interval between ticks that a moment lies in."""
    if moment < first:
        return 0
    number = 1 + int((moment - first) / tick_s)
    # Division may round across a border.
    if moment < first + (number - 1) * tick_s:
        number -= 1
    elif moment >= first + number * tick_s:
        number += 1
    return number


@compiled
def _add_counts(
    arrivals: Floats, services: Floats, first: float, tick_s: float, slots: int, objective_s: float, least: Ints
) -> None:
    begin = 0
    while begin < len(arrivals):
        number = _interval(arrivals[begin], first, tick_s)
        end = begin + 1
        while end < len(arrivals) and arrivals[end] < first + number * tick_s:
            end += 1
        low, high = 1, 1
        while not _is_enough(arrivals[begin:end], services[begin:end], high * slots, objective_s):
            low = high + 1
            high *= 2
        while low < high:
            middle = (low + high) >> 1
            if _is_enough(arrivals[begin:end], services[begin:end], middle * slots, objective_s):
                high = middle
            else:
                low = middle + 1
        least[number] = high
        begin = end


@compiled
def _is_enough(arrivals: Floats, services: Floats, speed: float, objective_s: float) -> bool:
    """Whether a server of that speed never has more work before it than it does within the objective."""
    backlog, before = 0.0, arrivals[0]
    limit = speed * objective_s * (1 + 1e-9)  # rounding must not ask for one replica too many
    for i in range(len(arrivals)):
        backlog = max(0.0, backlog - speed * (arrivals[i] - before)) + services[i]
        before = arrivals[i]
        if backlog > limit:
            return False
    return True
