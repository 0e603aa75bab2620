"""One tick of the scaler over 500 APIs within the CPU and the memory of its Lambda: how long, and on how much of both.

AWS is played by a process of its own, without limits, which answers over HTTPS after the time that AWS takes. The
scaler's process gets a Lambda's memory when it starts, and a Lambda's part of a core before its first tick, as AWS does
not limit the CPU while a Lambda starts. Where this machine does not let limits be set, the time is estimated from the
CPU that a tick took, and said to be an estimate. A core of a Lambda's machine may be slower or faster than this one's.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.lambda_limits import LimitError, Limits, limits, share_of_a_core

APIS, TICKS = 500, 7
MEMORY_MB = 384
"""Of the Lambda, see ``cortex_cdk.constructs.scaler``."""

LOADS = {"typical": "40 counts change", "busy": "all counts change, richest policy; 40 updates"}
_NEW = 1_793_280_000.0  # of `tests.support.aws`, whose imports are not for the ticks' process
_KEYS = {"AWS_ACCESS_KEY_ID": "A" * 20, "AWS_SECRET_ACCESS_KEY": "s" * 40, "AWS_SESSION_TOKEN": "t" * 1000}


def run(console: Console, memory_mb: int = MEMORY_MB) -> None:
    """Measure and print, for a Lambda with so much memory."""
    try:
        with limits(memory_mb) as within:
            measured = {load: _measure(load, within) for load in LOADS}
    except LimitError as error:
        console.print(f"[bold red]NOT MEASURED within a Lambda's CPU and memory:[/] {error}")
        console.print(
            "What follows ran on all of this machine; the times of a Lambda are estimates from the CPU alone."
        )
        measured = {load: _measure(load, None) for load in LOADS}
        within = None
    _print(console, measured, memory_mb, estimated=within is None)


def _print(console: Console, measured: dict[str, list[dict[str, float]]], memory_mb: int, *, estimated: bool) -> None:
    share = share_of_a_core(memory_mb)
    bound = f"ESTIMATE at {memory_mb} MB: CPU / {share:.3f}" if estimated else f"CPU / {share:.3f}"
    columns = ("tick", "CPU", bound, "calls", "updated", "left over", "failed", "peak RSS")
    where = "a whole core" if estimated else f"{share:.3f} of a core, {memory_mb} MB"
    table = Table("", *columns, title=f"One tick, {APIS} APIs of 3 replicas, on {where}")
    for load, title in LOADS.items():
        first, *others = measured[load]
        for name, ticks in (("first tick of a process", [first]), (f"median of {len(others)} more", others)):
            middle = {key: statistics.median(tick[key] for tick in ticks) for key in first}
            cpu = middle["cpu"]
            cells = [f"{middle['seconds']:.2f} s", f"{cpu:.2f} s", f"{cpu / share:.2f} s"]
            cells += [f"{middle[key]:.0f}" for key in ("calls", "updated", "postponed", "failed")]
            table.add_row(f"{title}: {name}", *cells, f"{ticks[-1]['peak_mb']:.0f} MB")
    console.print(table)
    from benchmarks.scaler_aws import LATENCY_S  # what it needs is not for the ticks' process

    latencies = ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in LATENCY_S.items())
    console.print(f"A call takes, over TLS: {latencies}. Left over: updates for the next tick, or APIs out of time")


def _measure(load: str, within: Limits | None) -> list[dict[str, float]]:
    """Run the ticks in a process of their own, against AWS in another."""
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
        raise RuntimeError(f"the ticks' process ended with {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


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
            summary = json.loads(lines[-1])
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
                        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
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
            return run(console, *(int(memory_mb) for memory_mb in arguments))


if __name__ == "__main__":
    _main(sys.argv[1:])
