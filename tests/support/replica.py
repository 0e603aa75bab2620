"""A real replica of the runtime: ``python -m cortex_runtime`` in a project folder of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.support.http_wire import DEADLINE_S, Answer, Wire

EVALUATOR = (Path(__file__).parent / "evaluator.py").read_text()


def wait_until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """Poll until ``condition`` holds, and return its value."""
    end = time.monotonic() + deadline_s
    while not (value := condition()):
        assert time.monotonic() < end, f"in vain waited until {what}"
        time.sleep(0.01)
    return value


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Replica:
    """A replica as a process tree of its own.

    Args:
        folder: an empty folder for its project, log and settings.
        model_address: of the model server.
        predictor: source of ``predictor.py``.
        predictor_settings: further keys of the section ``predictor``.
        files: further files of the project.
        environment: variables for the replica.
        output_file: where its standard output goes, if not to a file of its own, which is its log here.
        settings: other sections of the settings document, over the defaults below.
    """

    def __init__(
        self,
        folder: Path,
        model_address: str,
        *,
        predictor: str = EVALUATOR,
        files: dict[str, str] | None = None,
        predictor_settings: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
        output_file: Path | None = None,
        **settings: Any,
    ) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        for name, text in {"predictor.py": predictor, **(files or {})}.items():
            path = self.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.port = free_port()
        self.endpoint = settings.get("api", {}).get("endpoint", "/api")
        self.settings = {
            "api": {"name": "api", "endpoint": "/api"},
            "predictor": {"project_dir": str(self.project), "path": "predictor.py"} | (predictor_settings or {}),
            "model_server": {"address": model_address} | settings.pop("model_server", {}),
            "http": {"host": "127.0.0.1", "port": self.port} | settings.pop("http", {}),
            "shutdown": {"grace_s": 0, "timeout_s": 60} | settings.pop("shutdown", {}),
            "log": {"format": "json"} | settings.pop("log", {}),
        } | settings
        self._environment = environment or {}
        self._log = output_file or folder / "log"
        self._settings_file = folder / "settings.json"
        self.process: subprocess.Popen[bytes]

    def start(self) -> Replica:
        """Start the process; does not wait for anything."""
        self._settings_file.write_text(json.dumps(self.settings))
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cortex_runtime"],
                env=os.environ | {"CORTEX_SETTINGS_FILE": str(self._settings_file)} | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def wait_listening(self) -> Replica:
        """Wait until it answers at all."""
        self._wait(lambda: self.status("/livez") == 200, "the replica listens")
        return self

    def wait_ready(self) -> Replica:
        """Wait until it is ready."""
        self._wait(lambda: self.status("/readyz") == 200, "the replica is ready")
        return self

    def wait_not_ready(self) -> str:
        """Wait until it is not ready, and return the reasons."""
        answer = wait_until(
            lambda: (found := self.get("/readyz")).status == 503 and found, f"not ready any more:\n{self.output()}"
        )
        return "; ".join(answer.json()["reasons"])

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        def met() -> bool:
            assert self.process.poll() is None, f"the replica ended with {self.process.poll()}:\n{self.output()}"
            return condition()

        try:
            wait_until(met, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()}") from None

    # Requests

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request on a connection of its own. ``body`` may be an iterable of bytes, which is sent in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def get(self, path: str | None = None, **headers: str) -> Answer:
        """GET; of the endpoint unless told. The underscores of header names are hyphens."""
        return self.request("GET", path or self.endpoint, headers=_hyphens(headers))

    def post(self, payload: Any, query: str = "", **headers: str) -> Answer:
        """POST to the endpoint: bytes as they are, anything else as JSON."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.request("POST", self.endpoint + query, body, _hyphens(headers))

    def evaluate(self, expression: str, query: str = "", **headers: str) -> Answer:
        """POST an expression for ``evaluator.py``."""
        return self.post({"eval": expression}, query, **headers)

    def wire(self) -> Wire:
        """A connection for requests byte by byte."""
        return Wire(self.port)

    def status(self, path: str) -> int:
        """The status of GET, or 0 when nobody answers."""
        try:
            return self.get(path).status
        except (OSError, http.client.HTTPException):
            return 0

    @contextlib.contextmanager
    def clients(self, count: int) -> Iterator[Callable[..., Future[Answer]]]:
        """``count`` threads for requests at once: yields ``submit(function, *arguments)``."""
        with ThreadPoolExecutor(count) as pool:
            yield pool.submit

    # What the predictor of evaluator.py says

    def noted(self, file: str) -> list[str]:
        """The lines that it noted in a file of the project."""
        path = self.project / file
        return path.read_text().splitlines() if path.exists() else []

    def wait_arrived(self, name: str, count: int = 1) -> list[int]:
        """Wait until ``count`` requests are in ``hold(name)``; the ids of their processes."""
        wait_until(lambda: len(self.noted(f"arrived-{name}")) >= count, f"{count} requests hold {name!r}")
        return [int(pid) for pid in self.noted(f"arrived-{name}")]

    def release(self, name: str) -> None:
        """Let the requests in ``hold(name)`` go on, now and later."""
        (self.project / f"released-{name}").touch()

    # Looking in

    def metric(self, name: str, **labels: str) -> float:
        """A value from /metrics; 0 when it is not there."""
        for family in text_string_to_metric_families(self.get("/metrics").body.decode()):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
        return 0.0

    def wait_metric(self, name: str, value: float, **labels: str) -> None:
        """Wait until a metric has a value."""
        wait_until(lambda: self.metric(name, **labels) == value, f"{name} is {value:g}, not {self.metric(name)}")

    def output(self) -> str:
        """All that was written to standard output and standard error."""
        return self._log.read_text(errors="replace") if self._log.is_file() else ""

    def log_records(self, **fields: Any) -> list[dict[str, Any]]:
        """The records of the log that have these fields; every complete line of the log must be a record."""
        *lines, _ = self.output().split("\n")
        records = [json.loads(line) for line in lines]
        return [r for r in records if all(r.get(k) == v for k, v in fields.items())]

    def wait_log(self, part: str, **fields: Any) -> dict[str, Any]:
        """Wait for a record whose message contains ``part``, and return it."""
        found = wait_until(
            lambda: [r for r in self.log_records(**fields) if part in r["message"]], f"the log has {part!r} {fields}"
        )
        return dict(found[0])

    def front_pid(self) -> int:
        """The process that serves HTTP."""
        return wait_until(lambda: [p.pid for p in psutil.Process(self.process.pid).children()], "there is a front")[0]

    def worker_pids(self) -> list[int]:
        """The predictor workers."""
        return [p.pid for p in psutil.Process(self.front_pid()).children()]

    def pids(self) -> list[int]:
        """All its processes, the master first."""
        return [self.process.pid, *(p.pid for p in psutil.Process(self.process.pid).children(recursive=True))]

    # The end

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send the replica's main process a signal."""
        self.process.send_signal(number)

    def wait_exit(self) -> int:
        """Wait for the end; the exit status."""
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        """End everything, whatever its state."""
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess, AttributeError):
            for pid in reversed(self.pids()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, AttributeError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(AttributeError):
            self.process.wait(DEADLINE_S)


def _hyphens(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def is_running(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def running(folder: Path, model_address: str, **options: Any) -> Iterator[Replica]:
    """A replica in a new subfolder of ``folder``, ready; it is gone afterwards."""
    number = sum(1 for _ in folder.glob("replica-*"))
    (own := folder / f"replica-{number}").mkdir()
    replica = Replica(own, model_address, **options).start()
    try:
        yield replica.wait_ready()
    finally:
        replica.kill()
        shutil.rmtree(own, ignore_errors=True)
