"""Load from wrk: as many requests as so many connections can carry, each answer checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from benchmarks.part import MeasurementError

SCRIPT = Path(__file__).with_name("wrk.lua")


class LoadError(MeasurementError):
    """There is no generator, or answers were wrong; the message says which."""


class Load(Struct, frozen=True):
    """What one run measured."""

    requests: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float


def require(program: str, package: str) -> None:
    """Raise when a load generator is not installed.

    Raises:
        LoadError: saying how to install it.
    """
    if shutil.which(program) is None:
        raise LoadError(
            f"{program} is not installed: `make bench-tools` (Debian, as root) or `apt-get install {package}`"
        )


def run(url: str, body: bytes, expected: str, connections: int, seconds: int) -> Load:
    """Send ``body`` over and over, the next request of a connection when its answer is there.

    Args:
        url: POSTed to.
        body: of every request, JSON.
        expected: what every answer's body contains; its status must be 200.
        connections: kept alive, in one thread.
        seconds: how long.

    Raises:
        LoadError: wrk is absent or failed, or an answer was wrong or did not come.
    """
    require("wrk", "wrk")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT), url]
    done = subprocess.run(
        command,
        env=os.environ | {"WRK_BODY": body.decode(), "WRK_EXPECTED": expected},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines or not lines[-1].startswith("{"):
        raise LoadError(f"wrk ended with {done.returncode}: {done.stdout}{done.stderr}")
    figures = json.loads(lines[-1])
    if figures["wrong"] or figures["failed"] or not figures["requests"]:
        raise LoadError(
            f"{url} at {connections} connections: of {figures['requests']} requests {figures['wrong']} were answered"
            f" wrongly, {figures['failed']} not at all"
        )
    return Load(
        requests=figures["requests"],
        requests_per_s=figures["requests"] / (figures["duration_us"] / 1e6),
        p50_ms=figures["p50_us"] / 1000,
        p99_ms=figures["p99_us"] / 1000,
    )
