"""What a replica adds to a prediction: requests through HTTP beside the same calls straight to the model server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.model_server import EXAMPLE, MODEL_NAME, SAMPLE
from cortex_runtime.settings import Api, Concurrency, Http, ModelServer, Predictor, Settings, Shutdown, dump
from cortex_runtime.tf_serving.client import TensorFlowClient

ROUNDS = 7
CALLS = 300


def run(address: str, console: Console) -> None:
    """Measure in turns and print.

    Args:
        address: of a model server that has the iris model.
    """
    payload = json.dumps(SAMPLE).encode()
    client = TensorFlowClient(address, model_name=MODEL_NAME)
    with replica(address) as (url, first_answer_s), httpx.Client() as http:

        def through_http() -> None:
            http.post(url, content=payload).raise_for_status()

        def direct() -> None:
            client.predict(SAMPLE)

        def summary() -> None:
            http.get(url).raise_for_status()

        rounds = [[median_ms(call) for call in (through_http, direct, summary)] for _ in range(ROUNDS)]
    client.close()
    posts, calls, gets = ([row[i] for row in rounds] for i in range(3))
    table = Table("", "median", "min", "max", title=f"One request at a time, {ROUNDS} rounds of {CALLS}, medians")
    for title, values, unit in (
        ("POST, prediction (HTTP client included)", posts, "ms"),
        ("the same call straight to the model server", calls, "ms"),
        ("GET, summary (HTTP client and front alone)", gets, "ms"),
        ("POST / straight call, by round", [p / c for p, c in zip(posts, calls, strict=True)], "x"),
    ):
        table.add_row(
            title, *(f"{value:.2f} {unit}" for value in (statistics.median(values), min(values), max(values)))
        )
    console.print(table)
    console.print(f"From the start of the replica to its first answer: {first_answer_s:.2f} s (one start)")


def median_ms(call: Callable[[], object]) -> float:
    """The median time of a call in ms."""
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


@contextlib.contextmanager
def replica(address: str) -> Iterator[tuple[str, float]]:
    """Run a replica of the iris example; yields its URL, and the seconds until it first answered a prediction."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    settings = Settings(
        api=Api(name="iris-classifier", endpoint="/iris-classifier"),
        predictor=Predictor(project_dir=str(EXAMPLE), path="predictor.py"),
        model_server=ModelServer(address=address, model_name=MODEL_NAME),
        concurrency=Concurrency(workers=1),
        http=Http(host="127.0.0.1", port=port),
        shutdown=Shutdown(grace_s=0),
        parent_pid=os.getpid(),
    )
    url = f"http://127.0.0.1:{port}/iris-classifier"
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cortex_runtime"],
        env=os.environ | {"CORTEX_SETTINGS": dump(settings)},
        stdout=subprocess.DEVNULL,
    )
    try:
        while True:
            with contextlib.suppress(httpx.ConnectError):
                httpx.post(url, json=SAMPLE, timeout=60).raise_for_status()
                break
            time.sleep(0.01)
        yield url, time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
