"""The scripted model server as a process, which can be killed and comes back at the same address."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.replica import free_port, wait_until

ROOT = Path(__file__).parents[2]


class ScriptedModelProcess:
    """A model server whose model answers with its inputs after some seconds.

    Args:
        seconds: what a prediction takes.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> ScriptedModelProcess:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.scripted_model_server", self.address, str(self._seconds)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        wait_until(self._listens, "the model server listens")
        return self

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
            return True
        return False

    def end(self, number: int = signal.SIGKILL) -> None:
        """End the process with a signal."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None
