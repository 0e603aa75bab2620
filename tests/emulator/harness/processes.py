"""Processes that outlive the command which started them, and waiting with a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

START_S = 120.0
STOP_S = 20.0


@dataclass(frozen=True)
class Process:
    """A process in a session of its own. ``started`` tells it from a later one with its id."""

    name: str
    pid: int
    started: str
    log: Path

    def runs(self) -> bool:
        """Whether it still does."""
        return _started(self.pid) == self.started

    def wait_until(self, condition: Callable[[], bool], what: str, timeout: float = START_S) -> None:
        """Wait for something that it does.

        Raises:
            RuntimeError: with its log, when it has ended or does not do it in time.
        """

        def found() -> bool:
            if not self.runs():
                raise RuntimeError(f"{self.name} has ended:\n{self._tail()}")
            return condition()

        try:
            wait_until(found, f"{self.name} {what}", timeout)
        except TimeoutError as error:
            raise RuntimeError(f"{error}:\n{self._tail()}") from None

    def stop(self) -> None:
        """End it and all of its session."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.runs():
                return
            os.killpg(self.pid, number)
            end = time.monotonic() + STOP_S
            while self.runs() and time.monotonic() < end:
                time.sleep(0.05)

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


def start(
    name: str, command: Sequence[str], log: Path, environment: dict[str, str], cwd: Path | None = None
) -> Process:
    """Start a process that writes to ``log``."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, cwd=cwd, start_new_session=True
        )
    return Process(name, process.pid, _started(process.pid), log)


def wait_until(condition: Callable[[], object], what: str, timeout: float, poll: float = 0.2) -> None:
    """Wait until ``condition`` holds.

    Raises:
        TimeoutError: saying what was waited for.
    """
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout:.0f} s: {what}")
        time.sleep(poll)


def _started(pid: int) -> str:
    """When a process was started, in the kernel's ticks; empty when there is none, or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
