"""Requests on their way to replicas: the kernel with its workload, and which replica has which index in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from cortex_cdk.simulation import kernel
from cortex_cdk.simulation.heaps import Floats, Ints
from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.run import BUCKET_S

_SLICE = 2**16  # requests that are handed to the kernel at once


class RequestSink(Protocol):
    """Takes what became of each request."""

    def __call__(self, arrived: Floats, started: Floats, answered: Floats, replica: Ints) -> None:
        """Called in order of arrival, with arrays of one element per request, the taker's to keep.

        Args:
            arrived: in seconds.
            started: when a slot began with it, in seconds; NaN for a 503.
            answered: in seconds; NaN for a 503.
            replica: the replica's number, higher for one that was asked for later; -1 for a 503.
        """


class MeasuredBucket(NamedTuple):
    """What replicas measured in a bucket of 10 s.

    Attributes:
        start: of the bucket, in seconds.
        numbers: of the replicas.
        sums: theirs, as ``kernel.take_sums`` has them (len(numbers), 4).
        seconds: for which each of them measured, above 0.
    """

    start: int
    numbers: list[int]
    sums: Floats
    seconds: Floats


class _Stopped(NamedTuple):
    number: int
    sums: Floats
    seconds: float


class Traffic:
    """The requests of a run, and the ``Router`` of its replicas."""

    def __init__(
        self,
        requests: Iterator[tuple[Floats, Floats]],
        platform: Platform,
        objective_s: float,
        sink: RequestSink | None = None,
    ) -> None:
        """Begin at time 0 without replicas.

        Args:
            requests: arrival times and service times.
            platform: for slots and limits.
            objective_s: latency that is still in time.
            sink: told what became of each request.
        """
        # A replica that holds fewer requests than it has slots never uses the rest.
        self.state = kernel.new_state(min(platform.slots, platform.max_replica_concurrency))
        self._requests = requests
        self._max_in_flight = platform.max_replica_concurrency
        self._objective_s = objective_s
        self._sink = sink
        self._arrivals = self._services = np.zeros(0)
        self._next = 0  # of these two
        self._index: dict[int, int] = {}  # by the replica's number
        self._number = np.zeros(1, np.int64)  # the reverse
        self._unused = [0]
        self._opened_at: dict[int, float] = {}
        self._stopped: list[_Stopped] = []  # in this bucket

    def advance(self, until: float) -> None:
        """Let all requests arrive that do before ``until``, and time pass to it."""
        while self._next < len(self._arrivals) or self._draw():
            rest = self._arrivals[self._next : self._next + _SLICE]
            count = int(np.searchsorted(rest, until))
            self._run(count, until if count < len(rest) else 0.0)
            if count < len(rest):
                return
        self._run(0, until)

    def answer_all(self) -> None:
        """Let time pass until nothing is in flight."""
        due = int(self.state.ints[kernel.DUE])
        if due:
            self._run(0, float(self.state.due[:due].max()))

    def open(self, replica: int, now: float) -> None:
        """Send requests to a replica from now on."""
        if not self._unused:
            size = len(self.state.rank)
            self.state = kernel.with_room_for_replicas(self.state, size + 1)
            self._unused = list(range(len(self.state.rank) - 1, size - 1, -1))
            self._number = np.concatenate([self._number, np.zeros(len(self._unused), np.int64)])
        index = self._unused.pop()
        self._index[replica] = index
        self._number[index] = replica
        self._opened_at[replica] = now
        kernel.open_replica(self.state, index)

    def close(self, replica: int, now: float) -> float:
        """Send it no more; returns when it will have answered all that it has."""
        return kernel.close_replica(self.state, self._index[replica])

    def forget(self, replica: int, now: float) -> None:
        """It has stopped, and reports what it measured since its last report."""
        index = self._index.pop(replica)
        self._unused.append(index)
        sums = kernel.take_sums(self.state, np.array([index]))
        bucket = now // BUCKET_S * BUCKET_S
        self._stopped.append(_Stopped(replica, sums, now - max(bucket, self._opened_at.pop(replica))))

    def take_reports(self, start: float) -> MeasuredBucket:
        """What replicas measured in the bucket that began at ``start`` and ends now."""
        size = len(self._index)
        sums = kernel.take_sums(self.state, np.fromiter(self._index.values(), np.int64, size))
        opened_at = np.fromiter((self._opened_at[number] for number in self._index), np.float64, size)
        numbers = np.fromiter(self._index, np.int64, size)
        seconds = start + BUCKET_S - np.maximum(opened_at, start)
        if self._stopped:
            numbers = np.append(numbers, [stopped.number for stopped in self._stopped])
            sums = np.concatenate([sums, *(stopped.sums for stopped in self._stopped)])
            seconds = np.append(seconds, [stopped.seconds for stopped in self._stopped])
            self._stopped.clear()
        there = seconds > 0
        return MeasuredBucket(round(start), numbers[there].tolist(), sums[there], seconds[there])

    def _draw(self) -> bool:
        """Get the next requests; whether there are any."""
        drawn = next(self._requests, None)
        if drawn is None:
            return False
        self._arrivals, self._services = drawn
        self._next = 0
        return True

    def _run(self, count: int, until: float) -> None:
        """Let the next ``count`` requests arrive, and time pass to ``until`` if that is later."""
        self.state = kernel.with_room_for_requests(self.state, count)
        end = self._next + count
        arrivals, services = self._arrivals[self._next : end], self._services[self._next : end]
        started, chosen = np.empty(count), np.empty(count, np.int64)
        kernel.advance(self.state, arrivals, services, until, self._max_in_flight, self._objective_s, started, chosen)
        self._next = end
        if self._sink is not None and count:
            numbers = np.where(chosen >= 0, self._number[chosen], -1)
            self._sink(arrivals.copy(), started, started + services, numbers)
