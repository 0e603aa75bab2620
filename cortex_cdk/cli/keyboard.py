"""Keys of a terminal, one by one and without Enter."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from types import TracebackType
from typing import Self

_NAMES = {"\x1b[A": "up", "\x1bOA": "up", "\x1b[B": "down", "\x1bOB": "down", "\x1b": "escape", "\x03": "ctrl-c"}


class Keyboard:
    """Standard input key by key, for as long as the context lasts."""

    def __enter__(self) -> Self:
        self._fd = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def key(self, timeout_s: float) -> str | None:
        """The next key, such as ``q``, ``up`` or ``escape``; None when none is pressed in time, or input has ended."""
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return None
        typed = os.read(self._fd, 32).decode("utf-8", "replace")
        if not typed:
            return "escape"  # nobody can press keys any more
        return _NAMES.get(typed, typed[:1])
