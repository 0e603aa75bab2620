"""The report of a soak: JSON, a table, and a plot."""

from __future__ import annotations

import platform
import statistics
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from tests.soak.injection import Kind
from tests.soak.soak import REPLICAS, Soak, machine
from tests.soak.verdict import unexplained

COLOURS = {
    Kind.KILL_WORKER: "tab:red",
    Kind.KILL_FRONT: "black",
    Kind.HANG: "tab:purple",
    Kind.MODEL_SERVER: "tab:orange",
    Kind.RESTART: "tab:green",
}
REPLICA_COLOURS = ("tab:blue", "tab:cyan")
PACKAGES = ("falcon", "gunicorn", "uvicorn", "uvloop", "numpy")


def summary(soak: Soak) -> dict[str, Any]:
    """All figures of a soak."""
    ledger = soak.ledger
    by_kind: dict[str, list[Any]] = {}
    for fault in soak.injected:
        by_kind.setdefault(fault.kind.value, []).append(fault)
    return {
        "passed": not soak.problems,
        "problems": soak.problems,
        "seconds": soak.seconds,
        "seed": soak.seed,
        "leak_bytes": soak.leak_bytes,
        "machine": machine(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "requests": sum(ledger.by_traffic.values()),
        "requests_by_traffic": dict(ledger.by_traffic),
        "lost": {str(kind): n for kind, n in Counter(one.kind for one in ledger.lost).items()},
        "lost_unexplained": len(unexplained(ledger.lost, soak.injected)),
        "faults": {
            kind: {
                "times": len(faults),
                "seconds_until_ready_again": [round(fault.until - fault.at, 3) for fault in faults],
                "lost": [
                    sum(fault.met(one.replica, one.sent_at, one.ended_at) for one in ledger.lost) for fault in faults
                ],
            }
            for kind, faults in by_kind.items()
        },
        "growth": [
            {
                "replica": growth.life.replica,
                "role": growth.life.role,
                "pid": growth.life.pid,
                "of": growth.bound.name,
                "unit": growth.bound.unit,
                "seconds": round(growth.seconds),
                "amount": round(growth.amount, 3),
                "at_most": growth.bound.most,
            }
            for growth in soak.growths
        ],
        "idle_before_and_after": soak.left,
    }


def write(soak: Soak, folder: Path) -> None:
    """Write ``soak.json`` and ``soak.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "soak.json").write_bytes(orjson.dumps(summary(soak), option=orjson.OPT_INDENT_2))
    plot(soak).savefig(folder / "soak.png", dpi=110)


def show(soak: Soak, console: Console) -> None:
    """Print the figures and the verdict."""
    figures = summary(soak)
    console.print(
        f"{figures['requests']:,} requests in {soak.seconds:.0f} s on {REPLICAS} replicas ({figures['machine']}), "
        f"lost: {figures['lost'] or 'none'}, of these outside of faults: {figures['lost_unexplained']}"
    )
    table = Table("fault", "times", "lost, at most", "ready again after (median)")
    for kind, faults in figures["faults"].items():
        times = sorted(faults["seconds_until_ready_again"])
        spread = f"{statistics.median(times):.2f} s ({times[0]:.2f} to {times[-1]:.2f})"
        table.add_row(kind, str(faults["times"]), str(max(faults["lost"])), spread)
    console.print(table)
    table = Table("growth of the worst process", "trend over its life", "of", "at most")
    for role in ("master", "front", "worker"):
        for name in ("memory", "descriptors", "threads"):
            found = [g for g in soak.growths if g.life.role == role and g.bound.name == name]
            if found:
                worst = max(found, key=lambda g: g.amount)
                table.add_row(
                    f"{role}: {name}",
                    f"{worst.amount:+.2f} {worst.bound.unit}",
                    f"{worst.seconds:.0f} s",
                    f"{worst.bound.most:g}",
                )
    console.print(table)
    for problem in figures["problems"]:
        console.print(f"problem: {problem}", style="red", highlight=False)
    console.print("passed" if figures["passed"] else "failed", style="bold green" if figures["passed"] else "bold red")


def plot(soak: Soak) -> Figure:
    """Memory, descriptors, load and answers over time, with a line for each fault."""
    figure = Figure(figsize=(11, 11), layout="constrained")
    memory, descriptors, load, answers = figure.subplots(4, sharex=True)
    for life in soak.samples.lives.values():
        minutes = [(at - soak.start) / 60 for at in life.times]
        style = {"front": "-", "worker": ":", "master": "--"}[life.role]
        look = {"color": REPLICA_COLOURS[life.replica], "linestyle": style, "linewidth": 1.2}
        memory.plot(minutes, [held.uss / 1e6 for held in life.held], **look)
        descriptors.plot(minutes, [held.descriptors for held in life.held], **look)
    for replica, samples in soak.samples.load.items():
        minutes = [(at - soak.start) / 60 for at, _ in samples]
        load.plot(
            minutes,
            [values["cortex_in_flight"] for _, values in samples],
            color=REPLICA_COLOURS[replica],
            linewidth=0.8,
            label=f"replica {replica}",
        )
    seconds = sorted(soak.ledger.seconds.items())
    minutes = [(at - soak.start) / 60 for at, _ in seconds]
    answers.plot(minutes, [second.answers for _, second in seconds], color="tab:gray", linewidth=0.8)
    for axes, title in (
        (memory, "memory of its own (USS), MB"),
        (descriptors, "descriptors"),
        (load, "requests in flight"),
        (answers, "right answers per second"),
    ):
        axes.set_ylabel(title)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    _legends(soak, memory, load, figure)
    answers.set_xlabel("minutes")
    return figure


def _legends(soak: Soak, memory: Axes, load: Axes, figure: Figure) -> None:
    for axes in figure.axes:
        for fault in soak.injected:
            axes.axvline((fault.at - soak.start) / 60, color=COLOURS[fault.kind], linewidth=0.8, alpha=0.6, zorder=0)
    for role, style in (("front", "-"), ("worker", ":"), ("master", "--")):
        memory.plot([], [], color="tab:blue", linestyle=style, label=role)
    memory.legend(loc="upper right", ncols=3)
    load.legend(loc="upper right", ncols=2)
    kinds = [kind for kind in Kind if any(fault.kind == kind for fault in soak.injected)]
    handles = [memory.plot([], [], color=COLOURS[kind], linewidth=2)[0] for kind in kinds]
    figure.legend(handles, [str(kind) for kind in kinds], loc="outside upper center", ncols=len(kinds))
