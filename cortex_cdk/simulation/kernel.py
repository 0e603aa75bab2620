"""The hot loop: requests through replicas, compiled.

``advance`` takes the requests that arrive before the next moment at which anything else happens (a tick, a replica that
is ready, ...) and leaves all replicas as they are at that moment. At one moment, answers come before what else
happens, and that before arrivals.

A request goes to the replica with the fewest in flight of those that take requests, of several to the one that was
chosen longest ago; becoming ready counts as being chosen. Since a replica's queue is first in, first out, the answer's
time is known at the arrival: the slot that is free first takes the request. So a replica needs no queue here, only the
times at which its slots become free, and there is one heap of the answers that are due. Memory grows with the
requests in flight, not with those of the trace.

Integrals over time are taken from the counts as they change, never from the requests' times: that makes Little's law a
check.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cortex_cdk.simulation.compiled import compiled
from cortex_cdk.simulation.heaps import Floats, Ints, pop_tagged, push_tagged, replace_first
from cortex_cdk.simulation.histogram import BINS, bin_of

RING = 6 * 3600 + 60
"""Seconds that ``State.seconds`` holds: what policies may look back at, and some to spare for delays."""

CLOSED = np.iinfo(np.int64).max
"""Rank of a replica that takes no requests."""

_ONE = 1 << 44  # in a rank: the in-flight count is above, the number of the last choice below

# Elements of State.ints
IN_FLIGHT, BUSY, OPEN_SLOTS, SECOND, DUE, CHOICES, ARRIVALS, REJECTED, WITHIN = range(9)
# Elements of State.floats
NOW, AREA, BUSY_AREA, SLOT_AREA, LATENCY, QUEUED, LATENCY_MAX, QUEUED_MAX = range(8)
# Columns of State.sums
AREA_R, QUEUED_AREA_R, ARRIVED_R, SERVED_R = range(4)
# Columns of State.seconds
IN_FLIGHT_S, BUSY_S, SLOT_S, ARRIVED = range(4)


class State(NamedTuple):
    """All that changes, by name. ``R`` is a power of two.

    Attributes:
        ints: in flight; busy slots of open replicas; slots of open replicas; the current whole second; answers due;
            choices made. Since the last ``take_bucket``: arrivals, 503s, arrivals that are answered in time.
        floats: the time. Since the last ``take_bucket``: integrals of requests in flight, of busy slots and of slots;
            sums of latency and queue time, by arrival. Of all: the longest latency and queue time.
        in_flight: by replica (R).
        rank: by replica (R); the lowest takes the next request.
        sums: by replica (R, 4), since the bucket began: integrals of requests in flight and of requests that wait for
            a slot, as of ``since`` (R); requests that came, those with a 503 included; answers.
        last_due: by replica (R), when its last answer is due.
        free_at: by replica and slot (R, slots), when slots become free; each row is a heap.
        winner: a tournament of the ranks (2 R): node i's children are 2 i and 2 i + 1, node 1 is the root.
        due: a heap of the times of answers; ``due_of`` has their replicas.
        seconds: of each second modulo RING, integrals of requests in flight, busy slots and slots, and arrivals.
        latencies: histogram (BINS) of those who arrived since the last ``take_bucket``; ``queue_times`` likewise.
    """

    ints: Ints
    floats: Floats
    in_flight: Ints
    rank: Ints
    sums: Floats
    since: Floats
    last_due: Floats
    free_at: Floats
    winner: Ints
    due: Floats
    due_of: Ints
    seconds: Floats
    latencies: Ints
    queue_times: Ints


def new_state(slots: int) -> State:
    """No replicas, no requests, at time 0."""
    return State(
        ints=np.zeros(9, np.int64),
        floats=np.zeros(8),
        in_flight=np.zeros(1, np.int64),
        rank=np.full(1, CLOSED),
        sums=np.zeros((1, 4)),
        since=np.zeros(1),
        last_due=np.zeros(1),
        free_at=np.zeros((1, slots)),
        winner=np.zeros(2, np.int64),
        due=np.zeros(1024),
        due_of=np.zeros(1024, np.int64),
        seconds=np.zeros((RING, 4)),
        latencies=np.zeros(BINS, np.int64),
        queue_times=np.zeros(BINS, np.int64),
    )


def with_room_for_replicas(state: State, count: int) -> State:
    """The same with room for ``count`` replicas."""
    size = len(state.rank)
    if count <= size:
        return state
    new = 1 << (count - 1).bit_length()

    def longer(array: Floats) -> Floats:
        return np.concatenate([array, np.zeros((new - size, *array.shape[1:]))])

    rank = np.concatenate([state.rank, np.full(new - size, CLOSED)])
    winner = np.zeros(2 * new, np.int64)
    winner[new:] = np.arange(new)
    for node in range(new - 1, 0, -1):
        left, right = winner[2 * node], winner[2 * node + 1]
        winner[node] = left if rank[left] <= rank[right] else right
    return state._replace(
        in_flight=np.concatenate([state.in_flight, np.zeros(new - size, np.int64)]),
        rank=rank,
        sums=longer(state.sums),
        since=longer(state.since),
        last_due=longer(state.last_due),
        free_at=longer(state.free_at),
        winner=winner,
    )


def with_room_for_requests(state: State, count: int) -> State:
    """The same with room for ``count`` more requests in flight."""
    missing = int(state.ints[DUE]) + count - len(state.due)
    if missing <= 0:
        return state
    more = max(missing, len(state.due))
    return state._replace(
        due=np.concatenate([state.due, np.zeros(more)]), due_of=np.concatenate([state.due_of, np.zeros(more, np.int64)])
    )


@compiled
def advance(
    state: State,
    arrivals: Floats,
    services: Floats,
    until: float,
    max_in_flight: int,
    objective_s: float,
    started: Floats,
    chosen: Ints,
) -> None:
    """Let requests arrive, then let time pass.

    Args:
        state: with room for all of them.
        arrivals: in seconds, ascending, none before the state's time.
        services: their service times, in seconds.
        until: the time to stop at; one that has passed already is none.
        max_in_flight: per replica.
        objective_s: latency that is still in time.
        started: set to when each request's slot began with it; NaN when it got a 503.
        chosen: set to the index of its replica, or -1.
    """
    ints, floats = state.ints, state.floats
    for i in range(len(arrivals)):
        arrival = arrivals[i]
        _answer(state, arrival)
        _pass(state, arrival)
        ints[ARRIVALS] += 1
        state.seconds[ints[SECOND] % RING, ARRIVED] += 1.0
        replica = state.winner[1]
        in_flight = state.in_flight[replica]
        is_closed = state.rank[replica] == CLOSED
        if not is_closed:
            state.sums[replica, ARRIVED_R] += 1.0
        if is_closed or in_flight >= max_in_flight:
            ints[REJECTED] += 1
            started[i] = np.nan
            chosen[i] = -1
            continue
        start = max(arrival, state.free_at[replica, 0])
        end = start + services[i]
        replace_first(state.free_at[replica], end)
        if end > state.last_due[replica]:
            state.last_due[replica] = end
        _integrate(state, replica, arrival)
        state.in_flight[replica] = in_flight + 1
        ints[IN_FLIGHT] += 1
        if in_flight < state.free_at.shape[1]:
            ints[BUSY] += 1
        ints[CHOICES] += 1
        state.rank[replica] = (in_flight + 1) * _ONE + ints[CHOICES]
        _replay(state.winner, state.rank, replica)
        push_tagged(state.due, state.due_of, ints[DUE], end, replica)
        ints[DUE] += 1
        started[i] = start
        chosen[i] = replica
        latency, queued = end - arrival, start - arrival
        floats[LATENCY] += latency
        floats[QUEUED] += queued
        floats[LATENCY_MAX] = max(floats[LATENCY_MAX], latency)
        floats[QUEUED_MAX] = max(floats[QUEUED_MAX], queued)
        state.latencies[bin_of(latency)] += 1
        state.queue_times[bin_of(queued)] += 1
        if latency <= objective_s:
            ints[WITHIN] += 1
    _answer(state, until)
    _pass(state, until)


@compiled
def open_replica(state: State, replica: int) -> None:
    """Let a replica take requests from now on. It must be closed and have none in flight."""
    now = state.floats[NOW]
    state.in_flight[replica] = 0
    state.sums[replica, :] = 0.0
    state.since[replica] = now
    state.last_due[replica] = now
    state.free_at[replica, :] = now
    state.ints[OPEN_SLOTS] += state.free_at.shape[1]
    state.ints[CHOICES] += 1
    state.rank[replica] = state.ints[CHOICES]
    _replay(state.winner, state.rank, replica)


@compiled
def close_replica(state: State, replica: int) -> float:
    """Send a replica no more requests; returns when it has answered all that it has."""
    slots = state.free_at.shape[1]
    state.ints[OPEN_SLOTS] -= slots
    state.ints[BUSY] -= min(state.in_flight[replica], slots)
    state.rank[replica] = CLOSED
    _replay(state.winner, state.rank, replica)
    finished: float = max(state.floats[NOW], state.last_due[replica])
    return finished


def take_sums(state: State, replicas: Ints) -> Floats:
    """Each replica's ``sums`` since the last call (len(replicas), 4); integrals are in request seconds."""
    now, slots = state.floats[NOW], state.free_at.shape[1]
    sums: Floats = state.sums[replicas]
    elapsed = now - state.since[replicas]
    sums[:, AREA_R] += state.in_flight[replicas] * elapsed
    sums[:, QUEUED_AREA_R] += np.maximum(0, state.in_flight[replicas] - slots) * elapsed
    state.sums[replicas] = 0.0
    state.since[replicas] = now
    return sums


def take_bucket(state: State) -> None:
    """Begin sums and histograms anew."""
    state.ints[ARRIVALS:] = 0
    state.floats[AREA:LATENCY_MAX] = 0.0
    state.latencies.fill(0)
    state.queue_times.fill(0)


@compiled
def _integrate(state: State, replica: int, moment: float) -> None:
    """Bring a replica's integrals up to ``moment``; call before its requests in flight change."""
    elapsed = moment - state.since[replica]
    in_flight = state.in_flight[replica]
    state.sums[replica, AREA_R] += in_flight * elapsed
    waiting = in_flight - state.free_at.shape[1]
    if waiting > 0:
        state.sums[replica, QUEUED_AREA_R] += waiting * elapsed
    state.since[replica] = moment


@compiled
def _answer(state: State, until: float) -> None:
    """Let all answers out that are due at ``until`` or before."""
    ints = state.ints
    slots = state.free_at.shape[1]
    while ints[DUE] > 0 and state.due[0] <= until:
        moment, replica = state.due[0], state.due_of[0]
        _pass(state, moment)
        ints[DUE] -= 1
        pop_tagged(state.due, state.due_of, ints[DUE])
        in_flight = state.in_flight[replica]
        _integrate(state, replica, moment)
        state.sums[replica, SERVED_R] += 1.0
        state.in_flight[replica] = in_flight - 1
        ints[IN_FLIGHT] -= 1
        if state.rank[replica] != CLOSED:
            if in_flight <= slots:
                ints[BUSY] -= 1
            state.rank[replica] -= _ONE
            _replay(state.winner, state.rank, replica)


@compiled
def _pass(state: State, until: float) -> None:
    """Let time pass in which nothing changes, and integrate over it."""
    ints, floats = state.ints, state.floats
    now = floats[NOW]
    while now < until:
        border = float(ints[SECOND] + 1)
        end = min(border, until)
        in_flight = ints[IN_FLIGHT] * (end - now)
        busy = ints[BUSY] * (end - now)
        row = ints[SECOND] % RING
        state.seconds[row, IN_FLIGHT_S] += in_flight
        state.seconds[row, BUSY_S] += busy
        slots = ints[OPEN_SLOTS] * (end - now)
        state.seconds[row, SLOT_S] += slots
        floats[AREA] += in_flight
        floats[BUSY_AREA] += busy
        floats[SLOT_AREA] += slots
        now = end
        if end == border:
            ints[SECOND] += 1
            state.seconds[ints[SECOND] % RING, :] = 0.0
    floats[NOW] = now


@compiled
def _replay(winner: Ints, rank: Ints, replica: int) -> None:
    """Set the tournament right after a replica's rank has changed."""
    node = ((len(winner) >> 1) + replica) >> 1
    while node >= 1:
        left, right = winner[2 * node], winner[2 * node + 1]
        best = left if rank[left] <= rank[right] else right
        if best == winner[node] and best != replica:
            return  # neither who wins here nor its rank has changed, so nothing has above
        winner[node] = best
        node >>= 1
