"""The simulation once more, plain and slow: one event at a time, replicas with a real queue, every search a walk."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from cortex_cdk.simulation.platform import Platform

ANSWER, FLEET, TICK, ARRIVAL = range(4)  # what comes first at one moment


@dataclass(eq=False)
class Request:
    arrived: float
    service: float
    replica: int = -1
    started: float = math.nan
    answered: float = math.nan


@dataclass(eq=False)
class Node:
    asked: float
    up: float
    replicas: list[Replica] = field(default_factory=list)
    empty_since: float | None = None
    left: float | None = None


@dataclass(eq=False)
class Replica:
    number: int
    state: str = "pending"
    node: Node | None = None
    placed: float = math.nan
    opened: float = math.nan
    stopped: float | None = None
    chosen: int = 0
    running: list[Request] = field(default_factory=list)
    queue: deque[Request] = field(default_factory=deque)
    history: list[tuple[float, int, int]] = field(default_factory=list)  # times; in flight, queued from then on
    came: list[float] = field(default_factory=list)  # times of arrivals, also of those that got a 503
    left: list[float] = field(default_factory=list)  # times of answers

    @property
    def in_flight(self) -> int:
        return len(self.running) + len(self.queue)

    def means(self, begin: float, end: float) -> tuple[float, float]:
        """Mean numbers in flight and queued over a span, from the history."""
        in_flight = queued = 0.0
        for (moment, now_in_flight, now_queued), (after, _, _) in itertools.pairwise([*self.history, (math.inf, 0, 0)]):
            seconds = max(0.0, min(after, end) - max(moment, begin))
            in_flight += now_in_flight * seconds
            queued += now_queued * seconds
        return in_flight / (end - begin), queued / (end - begin)


@dataclass
class Reference:
    """Runs a script of desired counts: ``desired[0]`` at 0, ``desired[k]`` at the k-th tick."""

    platform: Platform
    desired: Sequence[int]
    tick_s: float
    duration_s: float
    requests: list[Request]

    def run(self) -> Reference:
        self.replicas: list[Replica] = []
        self.nodes: list[Node] = []
        self.choices = 0
        self.order = itertools.count()
        self.events: list[tuple[float, int, int, object]] = []
        self.counts: dict[float, dict[str, int]] = {}  # at the start of each 10 s
        self.peak = 0
        for _ in range(self.desired[0]):
            self.ask(0.0, 0.0, 0.0)
        self.open_due(0.0)
        for number, desired in enumerate(self.desired[1:], 1):
            self.put(number * self.tick_s, TICK, desired)
        for request in self.requests:
            self.put(request.arrived, ARRIVAL, request)
        for moment in range(0, math.ceil(self.duration_s), 10):
            self.put(float(moment), FLEET, None)  # so that counts are taken
        last = 0.0
        while self.events:
            now, kind, _, what = heapq.heappop(self.events)
            self.count(last, now)
            last = now
            if kind == ANSWER:
                self.answer(what, now)
            elif kind == FLEET:
                self.open_due(now)
                self.leave_due(now)
            elif kind == TICK and now < self.duration_s:
                self.want(what, now)
                self.open_due(now)
            elif kind == ARRIVAL:
                self.arrive(what, now)
        self.count(last, self.duration_s)
        return self

    def put(self, moment: float, kind: int, what: object) -> None:
        heapq.heappush(self.events, (moment, kind, next(self.order), what))

    def count(self, last: float, now: float) -> None:
        """Note the counts at borders that lie between two events: what holds after all of the first's moment."""
        border = math.floor(last / 10) * 10
        if border == last and now > last and last < self.duration_s:
            found = {state: len(self.all(state)) for state in ("pending", "starting", "ready", "draining")}
            self.counts[last] = found | {"nodes": sum(node.left is None for node in self.nodes)}

    def all(self, *states: str) -> list[Replica]:
        return [replica for replica in self.replicas if replica.state in states]

    def want(self, desired: int, now: float) -> None:
        while len(self.all("pending", "starting", "ready")) < desired:
            self.ask(now, self.platform.node_startup_s, self.platform.task_startup_s)
        while len(self.all("pending", "starting", "ready")) > desired:
            replica = (self.all("pending") or self.all("starting") or self.all("ready"))[-1]
            was = replica.state
            replica.state = "draining" if was == "ready" else "stopped"
            if was == "starting" or (was == "ready" and not replica.in_flight):
                self.stop(replica, now)

    def ask(self, now: float, node_startup_s: float, task_startup_s: float) -> None:
        self.replicas.append(Replica(len(self.replicas) + 1))
        self.place(self.replicas[-1], now, node_startup_s, task_startup_s)

    def place(self, replica: Replica, now: float, node_startup_s: float, task_startup_s: float) -> None:
        there = [node for node in self.nodes if node.left is None]
        free = [node for node in there if len(node.replicas) < self.platform.replicas_per_node]
        if not free:
            if self.platform.max_nodes is not None and len(there) >= self.platform.max_nodes:
                return
            free = [Node(now, now + node_startup_s)]
            self.nodes += free
        node = next((node for node in free if node.up <= now), None) or min(free, key=lambda node: node.up)
        node.replicas.append(replica)
        node.empty_since = None
        replica.node, replica.placed, replica.state = node, now, "starting"
        replica.opened = max(now, node.up) + task_startup_s
        self.peak = max(self.peak, len(self.all("starting", "ready", "draining")))
        self.put(replica.opened, FLEET, None)

    def open_due(self, now: float) -> None:
        for replica in sorted(self.all("starting"), key=lambda replica: (replica.opened, replica.number)):
            if replica.opened <= now:
                replica.state = "ready"
                replica.history = [(now, 0, 0)]
                self.choose(replica)

    def choose(self, replica: Replica) -> None:
        self.choices += 1
        replica.chosen = self.choices

    def stop(self, replica: Replica, now: float) -> None:
        replica.state, replica.stopped = "stopped", now
        node = replica.node
        assert node is not None
        node.replicas.remove(replica)
        waiting = self.all("pending")
        if waiting:
            self.place(waiting[0], now, self.platform.node_startup_s, self.platform.task_startup_s)
        elif not node.replicas:
            node.empty_since = max(now, node.up)
            self.put(node.empty_since + self.platform.node_idle_s, FLEET, None)

    def leave_due(self, now: float) -> None:
        for node in self.nodes:
            since = node.empty_since
            if node.left is None and since is not None and since + self.platform.node_idle_s <= now:
                node.left = now

    def arrive(self, request: Request, now: float) -> None:
        ready = self.all("ready")
        if not ready:
            return
        replica = min(ready, key=lambda replica: (replica.in_flight, replica.chosen))
        replica.came.append(now)
        if replica.in_flight >= self.platform.max_replica_concurrency:
            return
        self.choose(replica)
        request.replica = replica.number
        replica.queue.append(request)
        self.work(replica, now)

    def work(self, replica: Replica, now: float) -> None:
        while replica.queue and len(replica.running) < self.platform.slots:
            request = replica.queue.popleft()
            request.started = now
            replica.running.append(request)
            self.put(now + request.service, ANSWER, request)
        replica.history.append((now, replica.in_flight, len(replica.queue)))

    def answer(self, request: Request, now: float) -> None:
        request.answered = now
        replica = self.replicas[request.replica - 1]
        replica.running.remove(request)
        replica.left.append(now)
        self.work(replica, now)
        if replica.state == "draining" and not replica.in_flight:
            self.stop(replica, now)

    def replica_seconds(self) -> float:
        placed = [replica for replica in self.replicas if not math.isnan(replica.placed)]
        ends = (self.duration_s if replica.stopped is None else replica.stopped for replica in placed)
        return sum(
            max(0.0, min(end, self.duration_s) - replica.placed) for replica, end in zip(placed, ends, strict=True)
        )

    def node_seconds(self) -> float:
        ends = (self.duration_s if node.left is None else node.left for node in self.nodes)
        return sum(max(0.0, min(end, self.duration_s) - node.asked) for node, end in zip(self.nodes, ends, strict=True))
