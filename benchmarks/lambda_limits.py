"""The CPU and the memory of a Lambda, for a process of this machine, by control groups of Linux.

A Lambda has one vCPU at 1,769 MB, and of it as much as it has of that memory. Its CPU is not limited while it starts.
Cores differ: a share of this machine's core is no measure of a share of another's.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html,
https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MB_OF_A_CORE = 1769
_ROOT = Path("/sys/fs/cgroup")
_PERIOD_US = 20_000


class LimitError(OSError):
    """This machine does not let limits be set; the message says why."""


@dataclass(frozen=True)
class Limits:
    """Limits that a process can put itself under.

    Attributes:
        memory_mb: of the Lambda, in MiB.
        cpu: the control group that has the CPU.
        memory: that which has the memory; the same one in version 2 of control groups.
    """

    memory_mb: int
    cpu: Path
    memory: Path

    def enter(self) -> None:
        """Have this process, and those that it starts, live on the memory from now on."""
        for group in {self.cpu, self.memory}:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    def slow_down(self) -> None:
        """Leave the processes in it the CPU that belongs to the memory."""
        quota = round(_PERIOD_US * share_of_a_core(self.memory_mb))
        if self.cpu == self.memory:
            (self.cpu / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
        else:
            (self.cpu / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (self.cpu / "cpu.cfs_quota_us").write_text(str(quota))


def share_of_a_core(memory_mb: int) -> float:
    """The part of a vCPU that a Lambda with so much memory has."""
    return memory_mb / MB_OF_A_CORE


@contextmanager
def limits(memory_mb: int) -> Iterator[Limits]:
    """Limits that nobody is under yet; they are gone when the block ends, which no process in them may outlive.

    Raises:
        LimitError: when there are no control groups, or this user may not make them.
    """
    name = f"lambda-{os.getpid()}"
    if (_ROOT / "cgroup.controllers").exists():
        made = Limits(memory_mb, _ROOT / name, _ROOT / name)
        limit = "memory.max"
    else:
        made = Limits(memory_mb, _ROOT / "cpu" / name, _ROOT / "memory" / name)
        limit = "memory.limit_in_bytes"
    groups = {made.cpu, made.memory}
    try:
        try:
            if made.cpu == made.memory:
                (_ROOT / "cgroup.subtree_control").write_text("+cpu +memory")
            for group in groups:
                group.mkdir()
            (made.memory / limit).write_text(str(memory_mb << 20))
        except OSError as error:
            raise LimitError(f"no control group could be made: {error}") from None
        yield made
    finally:
        for group in groups:
            if group.exists():
                group.rmdir()
