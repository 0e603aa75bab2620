"""How soon a predictor worker is ready and how much memory it then holds; how soon a replica answers.

The model server runs already: what it takes to load a model is not the replica's.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
from msgspec import Struct

from benchmarks.figures import spread
from benchmarks.goals import Goal
from benchmarks.model_server import EXAMPLE, LABEL, MODEL_NAME, SAMPLE, model_server
from benchmarks.part import MeasurementError, Run
from benchmarks.rivals import catalog
from benchmarks.rivals.server import Workload
from benchmarks.tables import Table
from cortex_runtime.settings import Api, ModelServer, Predictor, Settings
from cortex_runtime.worker_process import WorkerProcess

TITLE = "Start of a worker and of a replica"


class Result(Struct):
    """A value for each start: seconds, and MB (10**6 bytes)."""

    worker_ready_s: list[float] = []
    worker_rss_mb: list[float] = []
    worker_uss_mb: list[float] = []
    interpreter_s: list[float] = []
    replica_first_answer_s: list[float] = []


def measure(run: Run) -> Result:
    """Measure, two starts of each a round.

    Raises:
        MeasurementError: a worker does not become ready, or the replica does not answer.
    """
    result = Result()
    with model_server() as server:
        settings = Settings(
            api=Api(name="iris-classifier", endpoint="/iris-classifier"),
            predictor=Predictor(project_dir=str(EXAMPLE), path="predictor.py"),
            model_server=ModelServer(address=server.address, model_name=MODEL_NAME),
        )
        asyncio.run(start_worker(settings))  # from then on the files are in memory
        run.tell(f"{2 * run.rounds} starts")
        for _ in range(2 * run.rounds):
            seconds, rss_mb, uss_mb = asyncio.run(start_worker(settings))
            result.worker_ready_s.append(seconds)
            result.worker_rss_mb.append(rss_mb)
            result.worker_uss_mb.append(uss_mb)
            result.interpreter_s.append(interpreter_start())
            with catalog.REPLICA.running(Workload("model", server.address), SAMPLE, LABEL) as replica:
                result.replica_first_answer_s.append(replica.first_answer_s)
    return result


class _Starter:
    """Notes when a worker becomes ready, or that it does not."""

    def __init__(self) -> None:
        self.ready_at = 0.0
        self.settled = asyncio.Event()

    def worker_ready(self, worker: WorkerProcess) -> None:
        self.ready_at = time.perf_counter()
        self.settled.set()

    def worker_lost(self, worker: WorkerProcess) -> None:
        self.settled.set()

    def slot_idle(self, worker: WorkerProcess) -> None:
        """It runs no jobs."""


async def start_worker(settings: Settings) -> tuple[float, float, float]:
    """Start one worker as a replica does, and end it; returns seconds until ready, and RSS and USS in MB then.

    Raises:
        MeasurementError: it did not become ready.
    """
    starter = _Starter()
    worker = WorkerProcess(starter, settings, os.environ, 0)
    began = time.perf_counter()
    await worker.start()
    assert worker.process is not None
    await starter.settled.wait()
    if not starter.ready_at:
        raise MeasurementError(f"the worker did not become ready: {worker.failure or 'it ended'}")
    memory = psutil.Process(worker.process.pid).memory_full_info()
    worker.close()
    await worker.process.wait()
    worker.release()
    return starter.ready_at - began, memory.rss / 1e6, memory.uss / 1e6


def interpreter_start() -> float:
    """Seconds that an interpreter takes to start and end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True, cwd=Path(__file__).parent)
    return time.perf_counter() - began


def tables(result: Result) -> list[Table]:
    """Times and memory."""
    rows = [
        ["worker: start of the process to ready", spread(result.worker_ready_s, "s")],
        ["worker: memory, resident (RSS)", spread(result.worker_rss_mb, "MB")],
        ["worker: memory of its own (USS)", spread(result.worker_uss_mb, "MB")],
        ["replica: start to first prediction", spread(result.replica_first_answer_s, "s")],
        ["for comparison: `python -c pass`", spread(result.interpreter_s, "s")],
    ]
    note = f"Median (least-greatest) of {len(result.worker_ready_s)} starts. The model server runs already."
    return [Table(TITLE, ("", "median (least-greatest)"), rows, [note])]


def goals(result: Result) -> list[Goal]:
    """Time and memory of a worker, time of a replica."""
    first_answer_s = statistics.median(result.replica_first_answer_s)
    return [
        Goal("worker ready", statistics.median(result.worker_ready_s), "below", 0.5, "s"),
        Goal("memory of a worker (RSS)", statistics.median(result.worker_rss_mb), "below", 65.0, "MB"),
        Goal("first answer of a replica", first_answer_s, "below", 1.5, "s"),
    ]
