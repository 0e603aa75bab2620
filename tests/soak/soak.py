"""A soak: mixed traffic on two replicas behind a balancer, with faults and rolling restarts, and what it has shown."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.soak import verdict
from tests.soak.balancer import Balancer
from tests.soak.injection import Injected, Injector, plan
from tests.soak.ledger import Ledger
from tests.soak.sampling import Samples, sample
from tests.soak.traffic import Traffic
from tests.support.replica import Replica, wait_until
from tests.support.scripted_model_process import ScriptedModelProcess
from tests.support.unharmed import held_when_idle, options, warm_up

REPLICAS = 2
PREDICTION_S = 0.002
TIMEOUT_S = 6.0
"""Of predict(); the model server is away for less."""
SETTINGS = {
    "shutdown": {"grace_s": 2.0, "timeout_s": 60},
    "http": {"read_timeout_s": 5.0},
    "log": {"level": "error"},
}


@dataclass
class Soak:
    """What a soak has shown.

    Attributes:
        seed, leak_bytes: as it was asked for.
        start: on the monotonic clock.
        seconds: how long there was traffic.
        left: what must be the same before and after, by name.
    """

    seed: int
    leak_bytes: int
    start: float
    seconds: float
    ledger: Ledger = field(default_factory=Ledger)
    samples: Samples = field(default_factory=Samples)
    injected: list[Injected] = field(default_factory=list)
    left: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def growths(self) -> list[verdict.Growth]:
        """By how much processes grew."""
        return verdict.growths(list(self.samples.lives.values()))

    @property
    def problems(self) -> list[str]:
        """What speaks against the replicas; empty when the soak has passed."""
        return verdict.problems(self.ledger, self.injected, list(self.samples.lives.values()), self.left)


def run(folder: Path, seconds: float, *, seed: int = 1, leak_bytes: int = 0) -> Soak:
    """Run a soak with ``seconds`` of traffic; it takes a few seconds more.

    Args:
        folder: an empty folder for the replicas.
        seed: of the traffic and the faults.
        leak_bytes: what the predictor is to keep of each request, to see that it is found out.
    """
    with contextlib.ExitStack() as stack:
        models = []
        for _ in range(REPLICAS):
            models.append(ScriptedModelProcess(PREDICTION_S).start())
            stack.callback(models[-1].end)
        replicas = []
        for index, model in enumerate(models):
            (own := folder / f"replica-{index}").mkdir()
            predictor = {"timeout_s": TIMEOUT_S, "config": {"leak_bytes": leak_bytes}}
            replicas.append(Replica(own, model.address, **options(predictor_settings=predictor, **SETTINGS)).start())
            stack.callback(replicas[-1].kill)
        for replica in replicas:
            warm_up(replica.wait_ready())
        before = [held_when_idle(replica) for replica in replicas]
        soak = Soak(seed, leak_bytes, time.monotonic(), seconds)
        asyncio.run(_traffic_and_faults(soak, replicas, models))
        for index, replica in enumerate(replicas):
            warm_up(replica)
            soak.left |= {
                f"replica {index}, idle: {name}": (was, now)
                for name, (was, now) in _settled(replica, before[index]).items()
            }
    return soak


async def _traffic_and_faults(soak: Soak, replicas: list[Replica], models: list[ScriptedModelProcess]) -> None:
    stopped = asyncio.Event()
    async with Balancer(replicas) as balancer, asyncio.TaskGroup() as group:
        traffic = Traffic(balancer, soak.ledger, soak.seed)
        injector = Injector(balancer, models, soak.seed)
        soak.injected = injector.injected
        group.create_task(traffic.run())
        sampling = group.create_task(sample(replicas, soak.samples, stopped))
        await injector.run(plan(soak.seconds, len(replicas), soak.seed), soak.start)
        await asyncio.sleep(soak.start + soak.seconds - time.monotonic())
        traffic.stop()
        stopped.set()
        await sampling


def _settled(replica: Replica, before: dict[str, int]) -> dict[str, tuple[int, int]]:
    """What an idle replica held before and holds now; connections that are being closed are waited for."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: held_when_idle(replica) == before, "it holds what it held before", deadline_s=10)
    now = held_when_idle(replica)
    return {name: (before[name], now[name]) for name in before}


def machine() -> str:
    """What this ran on."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB"
