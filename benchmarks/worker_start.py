"""How long a predictor worker takes from the start of its process until it is ready, and the memory it then holds."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.model_server import EXAMPLE, MODEL_NAME
from cortex_runtime import frames
from cortex_runtime.frames import Kind
from cortex_runtime.settings import Api, ModelServer, Predictor, Settings, dump

ROUNDS = 11


def run(address: str, console: Console) -> None:
    """Measure and print.

    Args:
        address: of a model server that has the iris model.
    """
    settings = Settings(
        api=Api(name="iris-classifier", endpoint="/iris-classifier"),
        predictor=Predictor(project_dir=str(EXAMPLE), path="predictor.py"),
        model_server=ModelServer(address=address, model_name=MODEL_NAME),
    )
    start_worker(settings)  # warm the disk cache
    workers = [start_worker(settings) for _ in range(ROUNDS)]
    bare = [interpreter_start() for _ in range(ROUNDS)]
    table = Table("", "median", "min", "max", title=f"One predictor worker, {ROUNDS} starts")
    for title, values, unit in (
        ("process start to ready", [w[0] for w in workers], "s"),
        ("memory, resident (RSS)", [w[1] for w in workers], "MB"),
        ("memory, its own (USS)", [w[2] for w in workers], "MB"),
        ("for comparison: `python -c pass`", bare, "s"),
    ):
        digits = 3 if unit == "s" else 1
        table.add_row(
            title, *(f"{value:.{digits}f} {unit}" for value in (statistics.median(values), min(values), max(values)))
        )
    console.print(table)


def start_worker(settings: Settings) -> tuple[float, float, float]:
    """Start one worker and end it; returns seconds until ready, and RSS and USS in MB (10**6 bytes) at that moment."""
    ours, theirs = socket.socketpair()
    began = time.perf_counter()
    command = [sys.executable, "-P", "-m", "cortex_runtime.worker", str(theirs.fileno()), "0", str(os.getpid())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL)
    theirs.close()
    document = dump(settings).encode()
    ours.sendall(frames.head(Kind.SETTINGS, 0, b"", len(document)) + document)
    with ours, ours.makefile("rb") as stream:
        frame = frames.read(stream)
        seconds = time.perf_counter() - began
        if frame is None or frame.kind != Kind.READY:
            raise RuntimeError(f"the worker did not become ready: {frame}")
        memory = psutil.Process(process.pid).memory_full_info()
    process.wait(30)
    return seconds, memory.rss / 1e6, memory.uss / 1e6


def interpreter_start() -> float:
    """Seconds that an interpreter takes to start and end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True, cwd=Path(__file__).parent)
    return time.perf_counter() - began
