"""When the server ends: on SIGTERM or SIGINT, and, when asked to, with the process that started it."""

from __future__ import annotations

import os
import queue
import signal
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_PARENT_CHECK_S = 0.5


class StopSignals:
    """Catches the signals from its creation on, which must be in the main thread. All but the first are ignored."""

    def __init__(self) -> None:
        # A SimpleQueue may be filled by a handler that interrupts get(); an Event may not.
        self._received: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in SIGNALS:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._received.put(number)

    def wait(self, parent: int | None = None) -> str:
        """Wait for the reason to stop and return it.

        Args:
            parent: a process id; stop also when this process is no longer a child of it.
        """
        # Asking for the parent works on every system. Linux can also send a signal when the parent dies, but does so
        # when no more than the thread that started this process ends.
        while parent is None or os.getppid() == parent:
            try:
                return signal.Signals(self._received.get(timeout=_PARENT_CHECK_S)).name
            except queue.Empty:
                continue
        return f"parent process {parent} has ended"
