"""The CPU time and the memory of a process with all that it started."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import psutil


def cpu_seconds(pid: int) -> float:
    """CPU time, user's and system's, of a process, its living descendants, and those ended and waited for.

    Linux counts it in hundredths of a second: take it over a second at least.

    Raises:
        psutil.NoSuchProcess: when the process itself has gone.
    """
    return _total(pid, lambda process: sum(process.cpu_times()[:4]))


def memory_mb(pid: int) -> float:
    """Memory of a process and its descendants in MB (10**6 bytes): PSS, where shared pages count in equal parts.

    Raises:
        psutil.NoSuchProcess: when the process itself has gone.
    """
    return _total(pid, lambda process: process.memory_full_info().pss) / 1e6


def _total(pid: int, figure: Callable[[psutil.Process], float]) -> float:
    root = psutil.Process(pid)
    total = figure(root)
    for process in root.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += figure(process)
    return total


def end(pid: int, timeout_s: float = 15.0) -> None:
    """End a process and all that it started: with SIGTERM, and what is left after ``timeout_s`` with SIGKILL."""
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
        root.terminate()
        psutil.wait_procs([root], timeout_s)
        _, alive = psutil.wait_procs(tree, 2)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, 5)
