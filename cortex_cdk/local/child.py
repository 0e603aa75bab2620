"""A child process that is kept alive until it is told to stop, and that leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence

MAX_BACKOFF_S = 10.0


class Child:
    """One process in a process group of its own; started again whenever it dies.

    Args:
        name: what it is called in messages.
        command: program and arguments.
        environment: variables beside those of this process.
        final_codes: exit codes after which another start would fail the same way; the child stays ended.
        on_final: called with such a code.
        say: takes a line about what happens to the process.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        final_codes: frozenset[int] = frozenset(),
        on_final: Callable[[int], None] = lambda code: None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment or {})
        self.final_code: int | None = None
        self._final_codes = final_codes
        self._on_final = on_final
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The id of the running process; None when there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> None:
        """Start the process and keep it alive."""
        self._stopping = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep_alive(), name=f"child {self.name}")

    async def stop(self, timeout_s: float) -> None:
        """Ask the process to end, and end its whole group when it has, or after ``timeout_s`` seconds."""
        self._stopping.set()
        if self._task is None:
            return
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._task), timeout_s)
        self.kill()
        await self._task
        self._task = None

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        self._stopping.set()
        if self._process is not None:
            kill_group(self._process.pid)

    async def _keep_alive(self) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began = loop.time()
            try:
                self._process = process = await asyncio.create_subprocess_exec(
                    *self.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    env=os.environ | self.environment,
                    stderr=asyncio.subprocess.STDOUT,  # one stream for the logs of all processes
                    start_new_session=True,  # a group of its own: the terminal's Ctrl-C is for this process to pass on
                )
            except OSError as error:
                how = f"{self.name} could not be started: {error.strerror or error}"
            else:
                if self._stopping.is_set():  # told so while it was being started, when it could not be told yet
                    kill_group(process.pid)
                code = await process.wait()
                kill_group(process.pid)  # what it left behind
                if code in self._final_codes and not self._stopping.is_set():
                    self.final_code = code
                    self._on_final(code)
                    return
                ending = f"exited with code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
                how = f"{self.name} (pid {process.pid}) {ending}"
            if self._stopping.is_set():
                return
            failures = 0 if loop.time() - began > 30 else failures + 1
            delay = min(0.25 * 2**failures, MAX_BACKOFF_S)
            self._say(f"{how}; starting it again in {delay:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)


def kill_group(pid: int) -> None:
    """SIGKILL to the process group that ``pid`` leads, if there is any of it left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
