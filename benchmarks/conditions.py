"""What figures depend on besides the code: the machine, what else it does, and versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from msgspec import Struct

PACKAGES = ("falcon", "gunicorn", "uvicorn", "uvloop", "httptools", "orjson", "numpy", "protobuf", "hpack", "numba")


class Conditions(Struct, frozen=True, kw_only=True):
    """What a part of the benchmarks ran under.

    Attributes:
        began: date and time, UTC, ISO 8601.
        took_s: the whole part, in seconds.
        cpu, cores, memory_gb, kernel: of the machine.
        load_before: load average of the last minute when the part began.
        loop_ms: CPU time of a million additions in Python when the part began: how fast a core was, which varies on a
            shared machine.
        stolen: share of the machine's CPU time that its hypervisor gave to others meanwhile.
        python: version of the interpreter that ran the benchmarks.
        packages: versions of those of this project's packages that answers come through.
        revision: of the source, ``+`` when files differ from it; empty without git.
    """

    began: str
    took_s: float
    cpu: str
    cores: int
    memory_gb: float
    kernel: str
    load_before: float
    loop_ms: float
    stolen: float
    python: str
    packages: dict[str, str]
    revision: str

    def sentence(self) -> str:
        """All in one sentence but for the versions of packages."""
        return (
            f"{self.began[:16].replace('T', ' ')} UTC, {self.took_s / 60:.0f} min; {self.cpu}, {self.cores} cores,"
            f" {self.memory_gb:.0f} GB; {self.kernel}, Python {self.python}; load average {self.load_before:.2f} at the"
            f" beginning, when a million additions in Python took {self.loop_ms:.0f} ms; {self.stolen:.1%} of the CPU"
            " taken by the hypervisor"
        )


class Watch:
    """Notes the conditions at the beginning; ``end`` gives them all."""

    def __init__(self) -> None:
        self._began, self._clock = datetime.now(UTC), time.monotonic()
        self._load = os.getloadavg()[0]
        self._loop_ms = _loop_ms()
        self._cpu = psutil.cpu_times()

    def end(self) -> Conditions:
        """The conditions of the time since this object was made."""
        took_s = time.monotonic() - self._clock
        stolen_s = getattr(psutil.cpu_times(), "steal", 0.0) - getattr(self._cpu, "steal", 0.0)
        return Conditions(
            began=self._began.isoformat(timespec="seconds"),
            took_s=round(took_s, 1),
            cpu=_cpu(),
            cores=os.cpu_count() or 1,
            memory_gb=round(psutil.virtual_memory().total / 2**30, 1),
            kernel=f"{platform.system()} {platform.release().partition('-')[0]}",  # without the name of its build
            load_before=round(self._load, 2),
            loop_ms=round(self._loop_ms, 1),
            stolen=round(stolen_s / (took_s * (os.cpu_count() or 1)), 4),
            python=platform.python_version(),
            packages={name: version(name) for name in PACKAGES},
            revision=_revision(),
        )


def _loop_ms() -> float:
    began, total = time.process_time(), 0
    for number in range(1_000_000):
        total += number
    return 1000 * (time.process_time() - began)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _revision() -> str:
    folder = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return described.stdout.strip()
