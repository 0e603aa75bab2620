"""Replicas and nodes: who starts where, when it is ready, what is stopped first, and what all of it costs.

- A new replica takes a place on the oldest node that has one: one that is up if there is any, else one that is still
  starting. Without one a node is asked for, unless there are ``max_nodes``: then the replica waits until there is room.
- It is ready ``task_startup_s`` after its node is up and it has its place.
- Fewer replicas: those that wait go first, then those that start, then those that take requests; each time the one
  asked for last. The last kind answers what it has (drains) and then stops; none comes back.
- A node that has been empty for ``node_idle_s`` since it was up leaves.
"""

from __future__ import annotations

import heapq
import math
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Protocol

from cortex_cdk.simulation.platform import Platform


class Router(Protocol):
    """Who sends requests to replicas."""

    def open(self, replica: int, now: float) -> None:
        """Send requests to a replica from now on."""

    def close(self, replica: int, now: float) -> float:
        """Send it no more; returns when it will have answered all that it has, ``now`` if it has none."""

    def forget(self, replica: int, now: float) -> None:
        """It has stopped."""


@dataclass(eq=False, slots=True)
class _Node:
    number: int
    asked_at: float
    up_at: float
    used: int = 0
    times_used: int = 0  # an idle time that began before the last use has not run out
    is_listed: bool = False


@dataclass(eq=False, slots=True)
class _Replica:
    number: int
    node: _Node | None = None
    placed_at: float = 0.0
    is_wanted: bool = True

    def __lt__(self, other: _Replica) -> bool:
        return self.number < other.number


@dataclass
class Fleet:
    """All replicas and nodes of an API.

    Call ``process`` at the times that ``next_event`` names, and after ``set_desired``.

    Attributes:
        platform: sizes, times and limits.
        router: told which replicas take requests.
        peak: the most replicas that were paid for at once.
    """

    platform: Platform
    router: Router
    peak: int = field(default=0, init=False)
    _pending: deque[_Replica] = field(default_factory=deque, init=False)
    _starting: list[_Replica] = field(default_factory=list, init=False)  # by number, as are all
    _ready: list[_Replica] = field(default_factory=list, init=False)
    _draining: set[_Replica] = field(default_factory=set, init=False)
    _nodes: dict[int, _Node] = field(default_factory=dict, init=False)
    _with_room: list[int] = field(default_factory=list, init=False)  # a heap of node numbers
    _events: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list, init=False)
    _replicas: Iterator[int] = field(default_factory=lambda: count(1), init=False)  # their numbers
    _node_numbers: Iterator[int] = field(default_factory=lambda: count(1), init=False)
    _event_numbers: Iterator[int] = field(default_factory=lambda: count(1), init=False)  # first come, first served
    _replica_seconds: float = field(default=0.0, init=False)
    _node_seconds: float = field(default=0.0, init=False)

    def start(self, replicas: int) -> None:
        """Have so many replicas ready at time 0; those for which there are no nodes wait."""
        for _ in range(replicas):
            self._add(0.0, node_startup_s=0.0, task_startup_s=0.0)
        self.process(0.0)

    @property
    def desired(self) -> int:
        """Replicas as last asked for."""
        return len(self._pending) + len(self._starting) + len(self._ready)

    @property
    def ready(self) -> int:
        """Replicas that take requests."""
        return len(self._ready)

    @property
    def starting(self) -> int:
        """Replicas with a place on a node that take no requests yet."""
        return len(self._starting)

    @property
    def pending(self) -> int:
        """Replicas that wait for a place."""
        return len(self._pending)

    @property
    def draining(self) -> int:
        """Replicas that answer what they have."""
        return len(self._draining)

    @property
    def nodes(self) -> int:
        """Nodes that are paid for: those that are up or start."""
        return len(self._nodes)

    @property
    def next_event(self) -> float:
        """When something happens next by itself; infinity for never."""
        return self._events[0][0] if self._events else math.inf

    def process(self, now: float) -> None:
        """Let everything happen that is due at ``now`` or before."""
        while self._events and self._events[0][0] <= now:
            moment, _, happen = heapq.heappop(self._events)
            happen(moment)

    def set_desired(self, replicas: int, now: float) -> None:
        """Ask for so many in all."""
        for _ in range(self.desired, replicas):
            self._add(now, self.platform.node_startup_s, self.platform.task_startup_s)
        for _ in range(replicas, self.desired):
            self._remove(now)

    def replica_seconds(self, until: float) -> float:
        """Replica seconds that were paid for until now, the end."""
        there = [*self._starting, *self._ready, *self._draining]
        return self._replica_seconds + sum(until - replica.placed_at for replica in there)

    def node_seconds(self, until: float) -> float:
        """Node seconds that were paid for until now, the end."""
        return self._node_seconds + sum(until - node.asked_at for node in self._nodes.values())

    def _add(self, now: float, node_startup_s: float, task_startup_s: float) -> None:
        replica = _Replica(next(self._replicas))
        if not self._place(replica, now, node_startup_s, task_startup_s):
            self._pending.append(replica)

    def _place(self, replica: _Replica, now: float, node_startup_s: float, task_startup_s: float) -> bool:
        node = self._node_with_room(now, node_startup_s)
        if node is None:
            return False
        node.used += 1
        node.times_used += 1
        replica.node, replica.placed_at = node, now
        self._starting.append(replica)
        self.peak = max(self.peak, len(self._starting) + len(self._ready) + len(self._draining))
        self._at(max(now, node.up_at) + task_startup_s, partial(self._become_ready, replica))
        return True

    def _node_with_room(self, now: float, node_startup_s: float) -> _Node | None:
        while self._with_room:
            node = self._nodes.get(self._with_room[0])
            if node is not None and node.used < self.platform.replicas_per_node:
                return node
            heapq.heappop(self._with_room)
            if node is not None:
                node.is_listed = False
        if self.platform.max_nodes is not None and len(self._nodes) >= self.platform.max_nodes:
            return None
        node = _Node(next(self._node_numbers), now, now + node_startup_s)
        self._nodes[node.number] = node
        self._list(node)
        return node

    def _become_ready(self, replica: _Replica, now: float) -> None:
        if replica.is_wanted:
            self._starting.remove(replica)
            insort(self._ready, replica)
            self.router.open(replica.number, now)

    def _remove(self, now: float) -> None:
        if self._pending:
            self._pending.pop()
        elif self._starting:
            replica = self._starting.pop()
            replica.is_wanted = False
            self._free(replica, now)
        else:
            replica = self._ready.pop()
            replica.is_wanted = False
            self._draining.add(replica)
            self._at(self.router.close(replica.number, now), partial(self._stop, replica))

    def _stop(self, replica: _Replica, now: float) -> None:
        self._draining.remove(replica)
        self.router.forget(replica.number, now)
        self._free(replica, now)

    def _free(self, replica: _Replica, now: float) -> None:
        node = replica.node
        assert node is not None
        self._replica_seconds += now - replica.placed_at
        node.used -= 1
        self._list(node)
        if self._pending:
            placed = self._place(
                self._pending.popleft(), now, self.platform.node_startup_s, self.platform.task_startup_s
            )
            assert placed
        elif node.used == 0:
            idle_until = max(now, node.up_at) + self.platform.node_idle_s
            self._at(idle_until, partial(self._leave, node, node.times_used))

    def _leave(self, node: _Node, times_used: int, now: float) -> None:
        if node.times_used == times_used:
            del self._nodes[node.number]
            self._node_seconds += now - node.asked_at

    def _list(self, node: _Node) -> None:
        if not node.is_listed:
            node.is_listed = True
            heapq.heappush(self._with_room, node.number)

    def _at(self, moment: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._event_numbers), happen))
