"""One tick of the scaler over 500 APIs within the CPU and the memory of its Lambda: how long, and on how much of both.

AWS is played by a process of its own, without limits, which answers over HTTPS after the time that AWS takes. The
scaler's process gets a Lambda's memory when it starts, and a Lambda's part of a core before its first tick, as AWS does
not limit the CPU while a Lambda starts. Where this machine does not let limits be set, the time is estimated from the
CPU that a tick took, and said to be an estimate. A core of a Lambda's machine may be slower or faster than this one's.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import Console

from benchmarks.goals import Goal
from benchmarks.lambda_limits import LimitError, Limits, limits, share_of_a_core
from benchmarks.part import MeasurementError, Run
from benchmarks.peak_memory import peak_memory_mb
from benchmarks.tables import Table

TITLE = "The scaler"
APIS, TICKS = 500, 7
MEMORY_MB = 384
"""Of the Lambda, see ``cortex_cdk.constructs.scaler``."""
GOAL_S = 8.0
"""Less than the 10 s between two ticks, which may come late."""

LOADS = {"typical": "40 counts change", "busy": "all counts change, richest policy; 40 updates"}
_NEW = 1_793_280_000.0  # of `tests.support.aws`, whose imports are not for the ticks' process
_KEYS = {"AWS_ACCESS_KEY_ID": "A" * 20, "AWS_SECRET_ACCESS_KEY": "s" * 40, "AWS_SESSION_TOKEN": "t" * 1000}


class Tick(Struct):
    """One tick: wall and CPU seconds, calls of AWS, services updated, postponed, failed; peak RSS in MB (10**6 bytes).

    ``undecided`` are the APIs without a decision, NaN where they were not counted. What is postponed is also updates
    that were decided on: more than a tick makes.
    """

    seconds: float
    cpu: float
    calls: float
    updated: float
    postponed: float
    failed: float
    peak_mb: float
    undecided: float = math.nan


class Result(Struct):
    """The ticks of one process under each load, and the Lambda's memory in MB.

    ``unlimited`` is why the process was not held to a Lambda's CPU and memory; empty when it was.
    """

    memory_mb: int
    unlimited: str
    typical: list[Tick]
    busy: list[Tick]


def measure(run: Run, memory_mb: int = MEMORY_MB) -> Result:
    """Measure ``TICKS`` ticks of each load, for a Lambda with so much memory."""
    try:
        with limits(memory_mb) as within:
            return Result(memory_mb, "", **{load: _measure(load, within, run) for load in LOADS})
    except LimitError as error:
        return Result(memory_mb, str(error), **{load: _measure(load, None, run) for load in LOADS})


def tables(result: Result) -> list[Table]:
    """The first tick, and the median of the others."""
    share = share_of_a_core(result.memory_mb)
    bound = f"ESTIMATE at {result.memory_mb} MB: CPU / {share:.3f}" if result.unlimited else f"CPU / {share:.3f}"
    columns = ("", "tick", "CPU", bound, "calls", "updated", "left over", "not decided", "failed", "peak RSS")
    where = "a whole core" if result.unlimited else f"{share:.3f} of a core, {result.memory_mb} MB"
    rows = []
    for load, title in LOADS.items():
        first, *others = getattr(result, load)
        for name, ticks in (("first tick of a process", [first]), (f"median of {len(others)} more", others)):
            middle = {key: statistics.median(getattr(tick, key) for tick in ticks) for key in Tick.__struct_fields__}
            cpu = middle["cpu"]
            cells = [f"{middle['seconds']:.2f} s", f"{cpu:.2f} s", f"{cpu / share:.2f} s"]
            cells += [f"{middle[key]:.0f}" for key in ("calls", "updated", "postponed", "undecided", "failed")]
            rows.append([f"{title}: {name}", *cells, f"{ticks[-1].peak_mb:.0f} MB"])
    from benchmarks.scaler_aws import LATENCY_S  # what it needs is not for the ticks' process
    from cortex_cdk.scaler.services import UPDATES_A_TICK

    latencies = ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in LATENCY_S.items())
    notes = [
        f"A call takes, over TLS: {latencies}. Left over for the next tick: updates, of which a tick makes at most"
        f" {UPDATES_A_TICK}, and APIs that there was no time to decide on."
    ]
    if result.unlimited:
        notes.insert(0, f"NOT MEASURED within a Lambda's CPU and memory, but on a whole machine: {result.unlimited}.")
    return [Table(f"One tick of the scaler, {APIS} APIs of 3 replicas, on {where}", columns, rows, notes)]


def goals(result: Result) -> list[Goal]:
    """A tick ends well before the next one begins, with a decision on every API, which an estimate does not tell."""
    share = share_of_a_core(result.memory_mb)
    ticks = result.typical + result.busy
    slowest = max(max(tick.seconds, tick.cpu / share) if result.unlimited else tick.seconds for tick in ticks)
    undecided = math.nan if result.unlimited else max(tick.undecided for tick in ticks)
    return [
        Goal(f"slowest tick of the scaler, {APIS} APIs", slowest, "below", GOAL_S, "s"),
        Goal(f"most APIs that a tick of the scaler did not decide on, of {APIS}", undecided, "at most", 0, ""),
    ]


def _measure(load: str, within: Limits | None, run: Run) -> list[Tick]:
    """Run the ticks in a process of their own, against AWS in another."""
    run.tell(LOADS[load])
    command = [sys.executable, "-m", "benchmarks.scaler"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([*command, "aws", load, folder], stdout=subprocess.PIPE, text=True) as aws,
    ):
        assert aws.stdout is not None
        try:
            url = aws.stdout.readline().strip()
            to_aws = {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": url, "AWS_CA_BUNDLE": f"{folder}/ca.pem"}
            groups = [] if within is None else [str(within.memory_mb), str(within.cpu), str(within.memory)]
            done = subprocess.run(
                [*command, "ticks", *groups],
                env=os.environ | _KEYS | to_aws,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            aws.terminate()
    if done.returncode:
        raise MeasurementError(f"the ticks' process ended with {done.returncode}: {done.stderr}")
    return [msgspec.json.decode(line, type=Tick) for line in done.stdout.splitlines()]


def _ticks(within: Limits | None) -> None:
    """Run the ticks; a line for each."""
    if within is not None:
        within.enter()
    from cortex_cdk.scaler.json_client import connect
    from cortex_cdk.scaler.settings import Settings
    from cortex_cdk.scaler.tick import Scaler

    if within is not None:
        within.slow_down()
    began = _now()
    aws = connect()
    lines: list[str] = []
    clock = 0.0
    with Path(os.devnull).open("w") as log:

        def write(line: str) -> None:
            lines.append(line)
            log.write(line + "\n")
            log.flush()

        scaler = Scaler(Settings(cluster="cluster", table="table"), aws, clock=lambda: clock, write=write)
        calls = 0
        for tick in range(TICKS):
            clock = _NEW + 5.0 + 10 * (tick + 1)
            lines.clear()
            if tick:
                began = _now()
            scaler.tick()
            wall, cpu = (now - then for now, then in zip(_now(), began, strict=True))
            *decisions, summary = map(json.loads, lines)
            before, calls = calls, aws.ecs.call("Calls", {})["calls"] - 1
            print(
                json.dumps(
                    {
                        "seconds": wall,
                        "cpu": cpu,
                        "calls": calls - before,
                        "updated": summary["Updates"],
                        "postponed": summary["Postponed"],
                        "failed": summary["Errors"],
                        "peak_mb": peak_memory_mb(),
                        "undecided": APIS - len({line["Api"] for line in decisions if "desired" in line}),
                    }
                )
            )
        scaler.close()


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _main(arguments: list[str]) -> Any:
    match arguments:
        case ["aws", load, folder]:
            from benchmarks.scaler_aws import Account, serve

            return asyncio.run(serve(Account(APIS, TICKS, busy=load == "busy"), Path(folder)))
        case ["ticks"]:
            return _ticks(None)
        case ["ticks", memory_mb, cpu, memory]:
            return _ticks(Limits(int(memory_mb), Path(cpu), Path(memory)))
        case _:
            console = Console(width=None if sys.stdout.isatty() else 130)
            for table in tables(measure(Run(1, console.print), *(int(memory_mb) for memory_mb in arguments))):
                console.print(table.rich())
            return None


if __name__ == "__main__":
    _main(sys.argv[1:])
