"""A server to be compared: how it is started, awaited and ended."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks import process_tree
from benchmarks.model_server import EXAMPLE, MODEL_NAME
from benchmarks.part import MeasurementError
from benchmarks.rivals import environments
from cortex_runtime.settings import Api, Concurrency, Http, ModelServer, Predictor, Settings, Shutdown, dump

FOLDER = environments.FOLDER
COMMON = FOLDER / "common"
START_TIMEOUT_S = 60.0


class ServerError(MeasurementError):
    """A server did not start or answered wrongly; the message has its last words."""


@dataclass(frozen=True)
class Workload:
    """What a server is to serve.

    Attributes:
        predictor: ``stub``, ``sleep`` or ``model``.
        workers: processes that predict, one request at a time.
        model_server: address of the model server.
    """

    predictor: str
    model_server: str
    workers: int = 1


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        url: to POST to.
        pid: of its first process.
        first_answer_s: from the start of that process to the first right answer.
    """

    url: str
    pid: int
    first_answer_s: float


@dataclass(frozen=True)
class Server:
    """A way to serve.

    Attributes:
        name: in tables.
        folder: of ``rivals``, with ``serve.py`` and its environment; None for this project's replica.
        packages: whose versions are told.
        path: of the endpoint.
        encode: the body for a payload.
        variables: of the environment, besides those that all servers get.
    """

    name: str
    folder: str | None
    packages: tuple[str, ...]
    path: str = "/predict"
    encode: Callable[[Mapping[str, Any]], bytes] = lambda payload: json.dumps(payload).encode()
    variables: Mapping[str, str] = field(default_factory=dict)

    def prepare(self, tell: Callable[[str], None]) -> str:
        """Make its environment; returns the versions in it.

        Raises:
            EnvironmentFailed: it cannot be made.
        """
        return environments.versions(self._python(tell), self.packages)

    @contextlib.contextmanager
    def running(self, workload: Workload, payload: Mapping[str, Any], expected: str) -> Iterator[Running]:
        """Run it until the block ends; it has answered ``payload`` with ``expected`` before the block begins.

        Raises:
            ServerError: it ended, or did not answer so within ``START_TIMEOUT_S``.
        """
        port = _free_port()
        url = f"http://127.0.0.1:{port}{self.path}"
        log = environments.CACHE / f"{self.folder or 'replica'}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as words:
            began = time.perf_counter()
            process = subprocess.Popen(
                [self._python(), *self._arguments()],
                cwd=FOLDER / (self.folder or "replica"),
                env=os.environ | self._variables(workload, port),
                stdout=subprocess.DEVNULL,
                stderr=words,
                start_new_session=True,
            )
            try:
                _await_answer(process, url, self.encode(payload), expected, began, log)
                yield Running(url, process.pid, time.perf_counter() - began)
            finally:
                process_tree.end(process.pid)
                process.wait()

    def _python(self, tell: Callable[[str], None] = lambda words: None) -> str:
        return sys.executable if self.folder is None else environments.python(self.folder, tell)

    def _arguments(self) -> list[str]:
        return ["-P", "-m", "cortex_runtime"] if self.folder is None else ["serve.py"]

    def _variables(self, workload: Workload, port: int) -> dict[str, str]:
        variables = {"PREDICTOR": workload.predictor, **self.variables}
        if self.folder is None:
            return variables | {"CORTEX_SETTINGS": dump(_settings(workload, port))}
        return variables | {
            "PORT": str(port),
            "WORKERS": str(workload.workers),
            "MODEL_SERVER": workload.model_server,
            "MODEL_NAME": MODEL_NAME,
            "PYTHONPATH": str(COMMON),
        }


def _settings(workload: Workload, port: int) -> Settings:
    project = EXAMPLE if workload.predictor == "model" else FOLDER / "replica"
    return Settings(
        api=Api(name="iris-classifier", endpoint="/predict"),
        predictor=Predictor(project_dir=str(project), path="predictor.py", python_path=str(COMMON)),
        model_server=ModelServer(address=workload.model_server, model_name=MODEL_NAME),
        concurrency=Concurrency(workers=workload.workers),
        http=Http(host="127.0.0.1", port=port),
        shutdown=Shutdown(grace_s=0),
        parent_pid=os.getpid(),
    )


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _await_answer(
    process: subprocess.Popen[bytes], url: str, body: bytes, expected: str, began: float, log: Path
) -> None:
    found = "nothing"
    with httpx.Client(headers={"content-type": "application/json"}, trust_env=False) as client:
        while time.perf_counter() - began < START_TIMEOUT_S:
            with contextlib.suppress(httpx.TransportError):
                response = client.post(url, content=body, timeout=30)
                found = f"{response.status_code} {response.text[:300]}"
                if response.status_code == 200 and expected in response.text:
                    return
            if process.poll() is not None:
                break
            time.sleep(0.01)
    ended = f"ended with {process.poll()}" if process.poll() is not None else f"runs for {START_TIMEOUT_S:.0f} s"
    raise ServerError(f"the server at {url} {ended} and answered {found}; {log} ends with:\n{log.read_text()[-2000:]}")
