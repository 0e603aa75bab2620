"""``cortex-cdk serve`` as a process, and projects for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.replica import free_port, wait_until

COMMAND = [str(Path(sys.executable).parent / "cortex-cdk"), "serve"]
IRIS = Path(__file__).parents[2] / "examples" / "iris-classifier"
FLOWER = {"sepal_length": 5.2, "sepal_width": 3.6, "petal_length": 1.4, "petal_width": 0.3}


class Serve:
    """One run of the command.

    Args:
        project: the folder with ``cortex.yaml``.
        log: the file for what it prints.
        arguments: beside the file and the port.
        environment: variables beside those of the tests.
    """

    def __init__(
        self, project: Path, log: Path, arguments: Sequence[str] = (), environment: dict[str, str] | None = None
    ) -> None:
        self.project = project
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [*COMMAND, str(project), "--port", str(self.port), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | (environment or {}),
                start_new_session=True,
            )
        self._seen: dict[int, psutil.Process] = {}

    def output(self) -> str:
        """All that it and its processes have printed."""
        return self._log.read_text(errors="replace")

    def descendants(self) -> dict[int, str]:
        """The command lines of all processes below it, by id."""
        found = {}
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                found[process.pid] = " ".join(process.cmdline())
            except psutil.NoSuchProcess:
                continue
            self._seen[process.pid] = process
        return found

    def pid(self, part: str) -> int:
        """The process below it whose command line has ``part``; the oldest of several."""
        return min(pid for pid, line in self.descendants().items() if part in line)

    def is_ready(self) -> bool:
        """Whether all APIs are."""
        assert self.process.poll() is None, f"serve has ended:\n{self.output()}"
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def wait_ready(self) -> Serve:
        """Wait until all APIs are ready."""
        wait_until(self.is_ready, f"{self.project} is served; it printed:\n{self.output()}")
        return self

    def post(self, path: str, payload: Any = None, **options: Any) -> httpx.Response:
        """Send a payload to an API."""
        return httpx.post(self.url + path, json=payload, timeout=60, **options)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ask it to stop, and check that nothing of it is left; returns its exit status."""
        if self.process.poll() is None:
            self.descendants()
            self.process.send_signal(number)
        status = self.process.wait(60)
        _, alive = psutil.wait_procs(list(self._seen.values()), timeout=10)
        assert not alive, f"left behind: {alive}"
        return status

    def clean_up(self) -> None:
        """End whatever is left."""
        if self.process.poll() is None:
            self.descendants()
        for process in [*self._seen.values(), self.process]:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait(60)


def iris_project(folder: Path, *, model: bool = True) -> Path:
    """A copy of the iris example."""
    shutil.copytree(IRIS, folder, ignore=None if model else shutil.ignore_patterns("model"))
    return folder
