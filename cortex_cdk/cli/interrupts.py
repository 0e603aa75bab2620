"""Ctrl-C while C code calls back into Python, as the compiler of the simulator does: no exception gets through that."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_AGAIN_AFTER_S = 0.05


@contextmanager
def none_lost() -> Iterator[None]:
    """Within this context, a ``KeyboardInterrupt`` that nobody could take is raised again a moment later."""
    before = sys.unraisablehook

    def hook(lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            before(lost)
            return
        again = threading.Timer(_AGAIN_AFTER_S, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
        again.daemon = True
        again.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
