"""The most memory that this process has had, by Linux.

``resource.getrusage`` does not tell: its peak outlives ``exec``, so that a process begins with that of the one that
started it (https://man7.org/linux/man-pages/man5/proc_pid_status.5.html, https://man7.org/linux/man-pages/man2/getrusage.2.html).
"""

from __future__ import annotations

from pathlib import Path

_PROCESS = Path("/proc/self")


def peak_memory_mb() -> float:
    """The highest resident set size in MB (10**6 bytes), since the process began or ``forget_peak`` was called."""
    lines = (_PROCESS / "status").read_text(encoding="utf-8").splitlines()
    kibibytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return kibibytes * 1024 / 1e6


def forget_peak() -> None:
    """Begin anew with what the process has now.

    (Source: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html)
    """
    (_PROCESS / "clear_refs").write_text("5", encoding="utf-8")
