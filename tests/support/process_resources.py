"""What processes hold: memory, descriptors, threads."""

from __future__ import annotations

from typing import NamedTuple

import psutil


class Held(NamedTuple):
    """What one process holds.

    Attributes:
        rss, pss, uss: bytes of memory: all that is resident; with shared pages divided among those who share them;
            its own pages alone. A leak is in the last one, which no other process's start or end changes.
        descriptors, threads: how many.
    """

    rss: int
    pss: int
    uss: int
    descriptors: int
    threads: int


def held_by(pid: int) -> Held | None:
    """What a process holds; None when it has ended."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            memory = process.memory_full_info()
            return Held(memory.rss, memory.pss, memory.uss, process.num_fds(), process.num_threads())
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return None
