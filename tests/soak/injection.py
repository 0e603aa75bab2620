"""What is done to the replicas of a soak, when, and what each of it may cost."""

from __future__ import annotations

import asyncio
import enum
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.soak.balancer import Balancer, Target
from tests.support.load_generator import CONNECTION, ask, new_session, numbers
from tests.support.replica import wait_until
from tests.support.scripted_model_process import ScriptedModelProcess
from tests.support.unharmed import SLOTS, THREADS


class Kind(enum.StrEnum):
    """What is done to a replica."""

    KILL_WORKER = "SIGKILL of a worker"
    KILL_FRONT = "SIGKILL of the front"
    HANG = "predict() hangs"
    MODEL_SERVER = "SIGKILL of the model server"
    RESTART = "restart (SIGTERM)"


@dataclass(frozen=True)
class Planned:
    """``kind`` is to happen to replica number ``replica``, ``at_s`` seconds after the start."""

    at_s: float
    kind: Kind
    replica: int


@dataclass
class Injected:
    """What has happened.

    Attributes:
        at, until: seconds of the monotonic clock: when it was done, and when the replica was as before.
        may_lose: how many requests of its replica may end as what, at most.
    """

    kind: Kind
    replica: int
    at: float
    until: float = float("inf")
    may_lose: Counter[str | int] = field(default_factory=Counter)

    def met(self, replica: int, sent_at: float, ended_at: float) -> bool:
        """Whether a request of a replica was under way while this happened."""
        return replica == self.replica and sent_at <= self.until and ended_at >= self.at


def plan(duration_s: float, replicas: int, seed: int) -> list[Planned]:
    """Faults in a random order, and rolling restarts: one after a third of the time, in a long soak another one.

    There is a minute between two faults, less in a short soak. Each kind comes once in every round of three; of the
    front's end, which ends the lives of its workers, too, there is one in ten.
    """
    generator = random.Random(seed)
    gap_s = min(60.0, duration_s / 10)
    restarts = [duration_s / 3] + ([duration_s * 2 / 3] if duration_s >= 600 else [])
    planned: list[Planned] = []
    kinds = _kinds(generator)
    at_s = gap_s
    while at_s < duration_s - gap_s:
        if restarts and at_s >= restarts[0]:
            restarts.pop(0)
            for replica in range(replicas):
                planned.append(Planned(at_s, Kind.RESTART, replica))
        else:
            planned.append(Planned(at_s, next(kinds), generator.randrange(replicas)))
        at_s += gap_s
    return planned


def _kinds(generator: random.Random) -> Iterator[Kind]:
    common = [Kind.KILL_WORKER, Kind.HANG, Kind.MODEL_SERVER]
    while True:
        for _ in range(3):
            yield from generator.sample(common, len(common))
        yield Kind.KILL_FRONT


class Injector:
    """Does to replicas what is planned, one thing after the other: the next waits until the replica is as before.

    Args:
        balancer: which knows the replicas.
        models: the model server of each.
        seed: of everything random.
    """

    def __init__(self, balancer: Balancer, models: list[ScriptedModelProcess], seed: int) -> None:
        self.injected: list[Injected] = []
        self._balancer = balancer
        self._models = models
        self._random = random.Random(seed)

    async def run(self, planned: list[Planned], start: float) -> None:
        """Follow a plan. ``start`` is when the soak began, on the monotonic clock."""
        for step in planned:
            await asyncio.sleep(start + step.at_s - time.monotonic())
            target = self._balancer.targets[step.replica]
            injected = Injected(step.kind, step.replica, time.monotonic())
            self.injected.append(injected)
            await self._inject(injected, target)
            await asyncio.to_thread(target.replica.wait_ready)
            injected.until = time.monotonic()
            while target.connections is None:
                await asyncio.sleep(0.05)

    async def _inject(self, injected: Injected, target: Target) -> None:
        replica = target.replica
        match injected.kind:
            case Kind.KILL_WORKER:
                injected.may_lose[502] = THREADS
                victim = self._random.choice(await asyncio.to_thread(replica.worker_pids))
                os.kill(victim, signal.SIGKILL)
                await self._replaced(target, victim)
            case Kind.KILL_FRONT:
                front = await asyncio.to_thread(replica.front_pid)
                injected.may_lose[CONNECTION] = target.outstanding
                os.kill(front, signal.SIGKILL)
                await self._replaced(target, front)
            case Kind.HANG:
                await self._hang(target)
            case Kind.MODEL_SERVER:
                injected.may_lose[500] = SLOTS
                model = self._models[target.index]
                await asyncio.to_thread(model.end)
                await asyncio.to_thread(replica.wait_not_ready)
                await asyncio.to_thread(model.start)
            case Kind.RESTART:
                replica.signal()
                assert await asyncio.to_thread(replica.wait_exit) == 0
                await asyncio.to_thread(replica.start)
                await asyncio.to_thread(replica.wait_listening)

    async def _replaced(self, target: Target, pid: int) -> None:
        await asyncio.to_thread(
            wait_until, lambda: pid not in target.replica.pids(), f"process {pid} of replica {target.index} is gone"
        )

    async def _hang(self, target: Target) -> None:
        workers = await asyncio.to_thread(target.replica.worker_pids)
        async with new_session() as session:
            outcome = await ask(session, f"{target.url}/api", {"n": next(numbers), "harm": "hang"})
        assert outcome.kind == 504, outcome
        await asyncio.to_thread(
            wait_until, lambda: target.replica.worker_pids() != workers, f"a worker of {target.index} is replaced"
        )
