"""PNG plots of runs, drawn with matplotlib without a screen (``pip install 'cortex-cdk[simulate]'``).

``write_plots`` writes one picture of each run over time and, of several, one that compares them over time and one of
costs against the objective.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.simulation.report.reduce import Reduced, colours, is_reference, reduced
from cortex_cdk.simulation.report.table import amount, percent
from cortex_cdk.simulation.run import Run
from cortex_cdk.simulation.seconds import format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 144
POINTS = 1200  # elements of a series across a picture
LOAD, IN_FLIGHT, READY, LAUNCHING, MISSED = "#4d4d4d", "#cc79a7", "#0072b2", "#e69f00", "#d55e00"
_PERCENTILES = (("p99_s", "p99", "#08306b"), ("p95_s", "p95", "#2171b5"), ("p50_s", "p50", "#6baed6"))


class PlotError(Exception):
    """Plots cannot be drawn here; the message says what to install."""


def write_plots(
    runs: Sequence[Run],
    folder: Path,
    *,
    least_replica_hours: float | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[Path]:
    """Write PNG files into ``folder``, which exists, and return their paths.

    Args:
        runs: of one workload.
        folder: where to.
        least_replica_hours: the lower bound for policies that answer all requests within the objective, if known.
        progress: called before each file with its name and the share of them that are written.

    Raises:
        PlotError: without matplotlib.
    """
    from cortex_cdk.simulation.report.scatter import scatter

    figures: dict[str, Callable[[], Figure]] = {
        f"timeline-{file_name(run.policy)}.png": partial(timeline, run) for run in runs
    }
    if len(runs) > 1:
        figures["comparison.png"] = partial(comparison, runs)
        figures["costs.png"] = partial(scatter, runs, least_replica_hours=least_replica_hours)
    paths: list[Path] = []
    for name, draw in figures.items():
        if progress is not None:
            progress(name, len(paths) / len(figures))
        paths.append(folder / name)
        draw().savefig(paths[-1], dpi=DPI)
    return paths


def timeline(run: Run) -> Figure:
    """One run over time: load, requests in flight, replicas, latency with the objective, 503s if there were any."""
    series = reduced(run, POINTS)
    has_503 = bool(np.any(series.rejected > 0))
    figure = new_figure(11, 10.4 if has_503 else 9)
    heights = [2, 2, 3, 3, *([1.4] if has_503 else [])]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    clock = Clock(run)
    figure.suptitle(_title(run), x=0.012, ha="left", fontsize=12, fontweight="bold")

    _steps(axes[0], clock, series, series.rate, color=LOAD, linewidth=1.0)
    axes[0].fill_between(*_staircase(clock, series, series.rate), color=LOAD, alpha=0.15, linewidth=0)
    axes[0].set_ylim(bottom=0)
    _label(axes[0], "load\n(requests/s)")
    _steps(axes[1], clock, series, series.in_flight, color=IN_FLIGHT, linewidth=1.0)
    axes[1].set_ylim(bottom=0)
    _label(axes[1], "requests in flight\n(running + queued)")

    _replicas(axes[2], clock, series)
    _label(axes[2], "replicas")
    _legend(axes[2])

    _latency(axes[3], clock, series, run.objective_s)
    _legend(axes[3])
    if has_503:
        axes[4].fill_between(*_staircase(clock, series, series.rejected), color=MISSED, linewidth=0)
        _label(axes[4], "503s\n(requests/s)")
    clock.label(axes[-1])
    _note(figure, series)
    return figure


def comparison(runs: Sequence[Run]) -> Figure:
    """Several runs over time: the load, then a row for each policy with its replicas and its p99 latency."""
    series = [reduced(run, POINTS // 2) for run in runs]
    figure = new_figure(12, 2.0 + 1.75 * len(runs))
    axes = figure.subplots(len(runs) + 1, 2, sharex=True, squeeze=False)
    clock = Clock(runs[0])
    figure.suptitle(_title(runs[0], policy=False), x=0.012, ha="left", fontsize=12, fontweight="bold")
    _steps(axes[0][0], clock, series[0], series[0].rate, color=LOAD, linewidth=1.0)
    axes[0][0].set_ylim(bottom=0)
    _label(axes[0][0], "load\n(requests/s)")
    for one, run, colour in zip(series, runs, colours([run.policy for run in runs]), strict=True):
        style = "--" if is_reference(run) else "-"
        _steps(axes[0][1], clock, one, np.maximum(one.in_flight, 0.01), color=colour[0], linewidth=0.9, linestyle=style)
    _label(axes[0][1], "in flight\n(requests, log)")
    axes[0][1].set_yscale("log")
    axes[0][1].set_ylim(bottom=0.1)
    axes[0][1].yaxis.set_major_formatter(lambda value, _: f"{value:,g}")

    most = max(float(max(one.desired.max(), (one.ready + one.launching).max())) for one in series)
    slowest = max((float(np.nanmax(one.p99_s)) for one in series if bool(np.any(~np.isnan(one.p99_s)))), default=1.0)
    fastest = min((float(np.nanmin(one.p50_s)) for one in series if bool(np.any(~np.isnan(one.p50_s)))), default=0.1)
    for i, (one, run, colour) in enumerate(zip(series, runs, colours([run.policy for run in runs]), strict=True), 1):
        left, right = axes[i]
        _replicas(left, clock, one)
        left.set_ylim(0, most * 1.08)
        _label(left, "replicas")
        right.plot(_middle(clock, one), one.p99_s, color=colour[0], linewidth=1.0)
        _objective(right, run.objective_s)
        right.set_yscale("log")
        right.set_ylim(min(fastest, run.objective_s) / 1.5, max(slowest, run.objective_s) * 1.8)
        _seconds_axis(right)
        _label(right, "p99 latency")
        found = run.summary
        left.set_title(f"{run.policy}: {amount(found.replica_hours)} replica hours", loc="left", color=colour[0])
        right.set_title(
            f"{run.policy}: {percent(found.fraction_within_objective)} within {format_seconds(run.objective_s)}",
            loc="left",
        )
    handles, labels = axes[1][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=4, frameon=False, fontsize=8, borderpad=0.1)
    for last in axes[-1]:
        clock.label(last)
    _note(figure, series[0])
    return figure


class Clock:
    """The x axis: the wall clock when the trace has one, else the time since its start in a fitting unit."""

    def __init__(self, run: Run) -> None:
        self.starts_at = run.starts_at
        self.duration_s = run.duration_s
        units = (("s", 1.0, 600.0), ("min", 60.0, 3 * 3600.0), ("h", 3600.0, 3 * 86_400.0), ("days", 86_400.0, np.inf))
        self.unit, self.size = next((unit, size) for unit, size, until in units if run.duration_s <= until)

    def __call__(self, seconds: NDArray[np.float64]) -> NDArray[Any]:
        if self.starts_at is None:
            return np.asarray(seconds / self.size)
        return np.datetime64(self._naive(), "us") + np.round(seconds * 1e6).astype("timedelta64[us]")

    def label(self, axes: Axes) -> None:
        """Name the axis of the lowest panel, and end it where the trace ends."""
        ends = self(np.array([0.0, self.duration_s]))
        axes.set_xlim(ends[0], ends[1])
        if self.starts_at is None:
            axes.set_xlabel(f"time since start ({self.unit})")
            return
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        zone = self.starts_at.strftime("%z")
        axes.set_xlabel("time" + (f" (UTC{zone[:3]}:{zone[3:]})" if zone else ""))

    def _naive(self) -> datetime:
        assert self.starts_at is not None
        return self.starts_at.replace(tzinfo=None) + timedelta(0)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches, in the style of all plots.

    Raises:
        PlotError: without matplotlib.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise PlotError("plots need matplotlib, which is not installed: pip install 'cortex-cdk[simulate]'") from None
    with rc_context({"font.size": 9}):
        return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def file_name(policy: str) -> str:
    """A policy's name as part of a file's: ``fixed-8`` for ``fixed:8``."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in policy)


def _replicas(axes: Axes, clock: Clock, series: Reduced) -> None:
    from matplotlib.ticker import MaxNLocator

    x, ready = _staircase(clock, series, series.ready)
    launching = _staircase(clock, series, series.ready + series.launching)[1]
    axes.fill_between(x, ready, launching, color=LAUNCHING, alpha=0.6, linewidth=0, label="starting")
    axes.fill_between(x, ready, color=READY, alpha=0.35, linewidth=0, label="ready")
    _steps(axes, clock, series, series.desired, color="black", linewidth=1.0, label="desired")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def _latency(axes: Axes, clock: Clock, series: Reduced, objective_s: float) -> None:
    for name, label, colour in _PERCENTILES:
        axes.plot(_middle(clock, series), getattr(series, name), color=colour, linewidth=1.0, label=label)
    _objective(axes, objective_s)
    axes.set_yscale("log")
    _seconds_axis(axes)
    _label(axes, "latency\n(log)")


def _objective(axes: Axes, objective_s: float) -> None:
    label = f"objective {format_seconds(objective_s)}"
    axes.axhline(objective_s, color=MISSED, linewidth=1.2, linestyle=(0, (5, 2)), label=label)


def _seconds_axis(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axes.get_ylim()
    subs = (1.0, 2.0, 5.0) if high < 30 * low else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(10, subs=subs))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_seconds(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _steps(axes: Axes, clock: Clock, series: Reduced, values: NDArray[np.float64], **style: Any) -> None:
    axes.plot(*_staircase(clock, series, values), **style)


def _staircase(clock: Clock, series: Reduced, values: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Each value from its start to its end."""
    x = np.column_stack([series.start_s, series.end_s]).ravel()
    return clock(x), np.repeat(values, 2)


def _middle(clock: Clock, series: Reduced) -> NDArray[Any]:
    return clock((series.start_s + series.end_s) / 2)


def _legend(axes: Axes) -> None:
    """Above the panel, where it hides nothing."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=4, frameon=False, fontsize=8, borderpad=0.1)


def _label(axes: Axes, text: str) -> None:
    axes.set_ylabel(text)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.margins(x=0)


def _title(run: Run, *, policy: bool = True) -> str:
    parts = [run.policy] if policy else []
    parts += [run.trace, f"service time {format_seconds(run.service_time_s)}"]
    parts.append(f"start-up {format_seconds(run.platform.task_startup_s)}")
    if run.platform.node_startup_s:
        parts.append(f"a new node {format_seconds(run.platform.node_startup_s)} more")
    return "  |  ".join(parts)


def _note(figure: Figure, series: Reduced) -> None:
    """Say what a point stands for where it is not 10 s."""
    width = format_seconds(series.width_s)
    text = f"A point is {width}."
    if series.width_s > 10:
        text += f" Counts are means; p95 and p99 are those of the worst 10 s in the {width}, p50 is their median."
    figure.supxlabel(text, x=0.012, ha="left", fontsize=7.5, color="#555555")
