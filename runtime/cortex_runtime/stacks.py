"""Where a worker hangs: the stacks of its threads, which it writes to a pipe when it gets a signal.

The handler is ``faulthandler``'s, which works while the interpreter is stuck in C code or waits for its lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import os
import signal

SIGNAL = signal.SIGUSR1
WAIT_S, EVERY_S = 1.0, 0.02


class Stacks:
    """The front's end of the pipe of one worker, whose end is ``for_worker``."""

    def __init__(self) -> None:
        self._ours = self.for_worker = -1

    def open(self) -> None:
        """Make the pipe.

        Raises:
            OSError: when it cannot be made.
        """
        self._ours, self.for_worker = os.pipe()
        os.set_blocking(self._ours, False)

    def close_for_worker(self) -> None:
        """Close the worker's end here, so that nothing but the worker holds it."""
        if self.for_worker >= 0:
            os.close(self.for_worker)
            self.for_worker = -1

    async def ask(self, pid: int) -> str:
        """The stacks of all threads of the process, as ``faulthandler`` writes them; empty when it does not answer."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, SIGNAL)
        found = b""
        for _ in range(round(WAIT_S / EVERY_S)):
            await asyncio.sleep(EVERY_S)
            more = self._read()
            if found and not more:
                break
            found += more
        return found.decode(errors="replace")

    def close(self) -> None:
        """Close the front's end."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def _read(self) -> bytes:
        if self._ours < 0:
            return b""
        try:
            return os.read(self._ours, 1 << 20)
        except BlockingIOError:
            return b""


def answer_with_stacks(descriptor: int) -> None:
    """In the worker: write the stacks to its end of the pipe at each signal."""
    os.set_inheritable(descriptor, False)
    faulthandler.register(SIGNAL, file=descriptor, all_threads=True)
