"""Servers measured in turns: in each round each is started, loaded at several numbers of connections, and ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from benchmarks import process_tree, wrk
from benchmarks.part import MeasurementError, Run
from benchmarks.rivals.server import Server, Workload

CONNECTIONS = (1, 8, 64)
WARM_UP_S = 1
SETTLE_S = 0.3


class Load(Struct, kw_only=True):
    """What one server did at one number of connections: a value for each round.

    Attributes:
        cpu_us: CPU time of all its processes for a request, in microseconds.
        model_server_cpu_us: that of the model server; empty where no model is asked.
    """

    requests_per_s: list[float] = []
    p50_ms: list[float] = []
    p99_ms: list[float] = []
    cpu_us: list[float] = []
    model_server_cpu_us: list[float] = []

    def add(self, load: wrk.Load, cpu_us: float, *model_server_cpu_us: float) -> None:
        """Add a round."""
        self.requests_per_s.append(load.requests_per_s)
        self.p50_ms.append(load.p50_ms)
        self.p99_ms.append(load.p99_ms)
        self.cpu_us.append(cpu_us)
        self.model_server_cpu_us += model_server_cpu_us


class Measured(Struct, kw_only=True):
    """What one server did.

    Attributes:
        versions: of what it consists of.
        first_answer_s: from its start to its first answer, a value for each round.
        memory_mb: of all its processes after the last load, a value for each round.
        loads: by number of connections, as text.
        failure: why it could not be measured; then there is nothing else.
    """

    name: str
    versions: str
    first_answer_s: list[float] = []
    memory_mb: list[float] = []
    loads: dict[str, Load] = {}
    failure: str = ""


class Rounds:
    """Measures all ``servers`` in each round, another one first each time; iterate over it to run the rounds.

    Who fails in one round is not measured at all, and the others go on; but the first of ``servers`` must not fail.

    Args:
        run: how many rounds.
        servers: who, the one that all others are compared with first.
        workload: what they serve.
        payload: of every request.
        expected: what every answer contains.
        seconds: of each load.
        model_server_pid: whose CPU time is measured, too; None where no model is asked.

    Raises:
        EnvironmentFailed: an environment cannot be made.
        ServerError, LoadError: while iterating: the first server cannot be measured.
    """

    def __init__(
        self,
        run: Run,
        servers: Sequence[Server],
        workload: Workload,
        payload: Mapping[str, Any],
        expected: str,
        seconds: int,
        model_server_pid: int | None = None,
    ) -> None:
        self.measured = [Measured(name=server.name, versions=server.prepare(run.tell)) for server in servers]
        self._run, self._servers, self._workload = run, servers, workload
        self._payload, self._expected, self._seconds = payload, expected, seconds
        self._model_server_pid = model_server_pid

    def __iter__(self) -> Iterator[int]:
        """Yields the number of each round, from 1, when it has been run."""
        for number in range(self._run.rounds):
            first = number % len(self._servers)
            for index in [*range(first, len(self._servers)), *range(first)]:
                server, into = self._servers[index], self.measured[index]
                if into.failure:
                    continue
                self._run.tell(f"round {number + 1} of {self._run.rounds}: {server.name}")
                try:
                    self._measure(server, into)
                except MeasurementError as error:
                    if index == 0:
                        raise
                    self._run.tell(f"{server.name} could not be measured: {error}")
                    self.measured[index] = Measured(
                        name=server.name, versions=into.versions, failure=str(error).partition("\n")[0]
                    )
            yield number + 1

    def _measure(self, server: Server, into: Measured) -> None:
        with server.running(self._workload, self._payload, self._expected) as running:
            into.first_answer_s.append(running.first_answer_s)
            body = server.encode(self._payload)
            wrk.run(running.url, body, self._expected, CONNECTIONS[-1], WARM_UP_S)
            pids = [running.pid] if self._model_server_pid is None else [running.pid, self._model_server_pid]
            for connections in CONNECTIONS:
                time.sleep(SETTLE_S)
                before = [process_tree.cpu_seconds(pid) for pid in pids]
                load = wrk.run(running.url, body, self._expected, connections, self._seconds)
                after = [process_tree.cpu_seconds(pid) for pid in pids]
                used_us = [(b - a) / load.requests * 1e6 for a, b in zip(before, after, strict=True)]
                into.loads.setdefault(str(connections), Load()).add(load, *used_us)
            into.memory_mb.append(process_tree.memory_mb(running.pid))


def failures(servers: Sequence[Measured]) -> list[str]:
    """A sentence for each that could not be measured."""
    return [f"{server.name} could not be measured: {server.failure}." for server in servers if server.failure]
