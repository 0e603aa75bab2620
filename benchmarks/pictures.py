"""The pictures of docs/performance.md: requests/s and CPU of the servers, and how long requests wait."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks import queueing
from benchmarks.figures import short
from benchmarks.results import Results
from benchmarks.rivals.catalog import REPLICA
from benchmarks.rounds import Load, Measured

DPI = 144
OURS, OTHERS, IDEAL = "#0072b2", "#a6a6a6", "#4d4d4d"
PICTURED = "8"
"""Connections."""

LEAST_US = 10
"""Where the logarithmic axis begins."""


def draw(results: Results, folder: Path) -> None:
    """Write ``performance-requests.png`` and ``performance-waits.png`` from the parts small, model and queueing."""
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    stub: list[Measured] = results.result("small").servers
    model: list[Measured] = results.result("model").servers
    panels: list[Axes] = list(figure.subplots(1, 3, width_ratios=(1, 1, 1)))
    _bars(panels[0], stub, lambda load: load.requests_per_s, "No model: requests/s")
    _bars(panels[1], stub, lambda load: load.cpu_us, "No model: CPU (us)")
    panels[1].set_xscale("log")
    panels[1].set_xlim(left=LEAST_US)
    _bars(panels[2], model, lambda load: load.cpu_us, "Through a model: CPU (us)")
    figure.suptitle(
        f"{PICTURED} connections, CPU per request; medians, with the least and the greatest of all rounds", fontsize=10
    )
    figure.savefig(folder / "performance-requests.png", dpi=DPI)
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    panels = list(figure.subplots(1, len(queueing.LOADS)))
    for load, axes in zip(queueing.LOADS, panels, strict=True):
        _waits(axes, [waits for waits in results.result("queueing").waits if waits.load == load], load)
    figure.savefig(folder / "performance-waits.png", dpi=DPI)


def _bars(axes: Axes, servers: Sequence[Measured], values: Callable[[Load], list[float]], title: str) -> None:
    rounds = {server.name: values(server.loads[PICTURED]) for server in servers if not server.failure}
    _horizontal(axes, list(rounds), list(rounds.values()), title)


def _waits(axes: Axes, servers: Sequence[queueing.Waits], load: float) -> None:
    rounds = [[1000 * s for s in waits.mean] for waits in servers if waits.name != queueing.FLOOR]
    names = [waits.name for waits in servers if waits.name != queueing.FLOOR]
    _horizontal(axes, names, rounds, f"Mean wait at {load:.0%} load (ms)")
    ideal = statistics.median(1000 * s for waits in servers for s in waits.ideal_mean)
    axes.axvline(ideal, color=IDEAL, linestyle="--", linewidth=1)
    axes.annotate(" ideal", (ideal, 1.0), xycoords=("data", "axes fraction"), va="top", fontsize=8, color=IDEAL)


def _horizontal(axes: Axes, names: Sequence[str], rounds: Sequence[Sequence[float]], title: str) -> None:
    medians = [statistics.median(values) for values in rounds]
    spans = [
        [median - min(values) for median, values in zip(medians, rounds, strict=True)],
        [max(values) - median for median, values in zip(medians, rounds, strict=True)],
    ]
    colours = [OURS if name == REPLICA.name else OTHERS for name in names]
    axes.barh(names, medians, xerr=spans, color=colours, error_kw={"elinewidth": 1, "ecolor": IDEAL})
    for position, (median, values) in enumerate(zip(medians, rounds, strict=True)):
        axes.annotate(f" {short(median)}", (max(values), position), va="center", fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.tick_params(labelsize=8)
    axes.set_title(title, fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
