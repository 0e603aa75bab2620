"""A picture of a dashboard, as CloudWatch would draw it: the same widgets in the same places, from a store's data."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tests.support.metric_math import Series, evaluate
from tests.support.metric_store import Metric, MetricStore
from tests.support.widgets import Graph, Line, graphs

COLUMNS = 24
UNIT_IN = 0.66, 0.56
"""Inches of a column and of a row of the grid."""

MARGINS_IN = {"left": 0.62, "right": 0.55, "top": 0.42, "bottom": 0.98}
"""Of a graph, for titles, labels and the legend."""

LETTERS = 175
"""Of a line of text across the whole."""

MOST_IN_LEGEND = 8
MOST_TICKS = 5
INK, FAINT, FRAME = "#16191f", "#5f6b7a", "#d5dbdb"


def draw(
    body: Mapping[str, Any], store: MetricStore, start: int, end: int, path: Path, *, nobody_sends: str = "no data"
) -> list[str]:
    """Draw a dashboard.

    Args:
        body: of the dashboard.
        store: its data.
        start, end: what is drawn, in seconds since the epoch; whole minutes.
        path: of the PNG.
        nobody_sends: what an empty graph says.

    Returns:
        The titles of the graphs that stayed empty.
    """
    rows = max(widget["y"] + widget["height"] for widget in body["widgets"])
    size = COLUMNS * UNIT_IN[0], rows * UNIT_IN[1]
    figure = Figure(figsize=size, facecolor="#f2f3f3")
    FigureCanvasAgg(figure)
    drawn = iter(graphs(body, store.units))
    empty = []
    for widget in body["widgets"]:
        box = _frame(figure, widget, rows)
        match widget["type"]:
            case "text":
                _text(figure, box, widget["properties"]["markdown"])
            case "alarm":
                _alarms(figure, box, widget["properties"])
            case "metric":
                graph = next(drawn)
                if not _graph(figure, box, graph, store, start, end, nobody_sends):
                    empty.append(graph.title)
    figure.savefig(path, dpi=90)
    return empty


Box = tuple[float, float, float, float]


def _frame(figure: Figure, widget: Mapping[str, Any], rows: int) -> Box:
    """A white panel; its left, bottom, width and height in inches."""
    gap = 0.06
    left, top = widget["x"] * UNIT_IN[0] + gap, widget["y"] * UNIT_IN[1] + gap
    width, height = widget["width"] * UNIT_IN[0] - 2 * gap, widget["height"] * UNIT_IN[1] - 2 * gap
    box = left, rows * UNIT_IN[1] - top - height, width, height
    _rectangle(figure, box, "white")
    return box


def _rectangle(figure: Figure, box: Box, color: str) -> None:
    left, bottom, width, height = _place(figure, box)
    # Below the graphs, which have the order 0.
    figure.add_artist(Rectangle((left, bottom), width, height, facecolor=color, edgecolor=FRAME, zorder=-1))


def _place(figure: Figure, box: Box) -> Box:
    width, height = figure.get_size_inches()
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _words(figure: Figure, box: Box, from_top: float, text: str, **style: Any) -> None:
    left, bottom, _, height = box
    x, y, _, _ = _place(figure, (left + 0.15, bottom + height - from_top, 0, 0))
    figure.text(x, y, text, va="top", color=INK, **style)


def _text(figure: Figure, box: Box, markdown: str) -> None:
    title, _, rest = markdown.partition("\n")
    _words(figure, box, 0.1, title.removeprefix("# "), fontsize=15, fontweight="bold")
    _words(figure, box, 0.5, textwrap.fill(rest.replace("*", ""), LETTERS), fontsize=9, linespacing=1.4)


def _alarms(figure: Figure, box: Box, properties: Mapping[str, Any]) -> None:
    """Their names; states are CloudWatch's."""
    _words(figure, box, 0.1, properties["title"], fontsize=11, fontweight="bold")
    names = [arn.rpartition(":alarm:")[2] for arn in properties["alarms"]]
    names = [re.sub(r".*?Alarms|[0-9A-F]{8}(-\w+)?$", "", name) for name in names]
    width = 2.25
    for number, name in enumerate(names):
        cell = box[0] + 0.15 + number * (width + 0.1), box[1] + 0.25, width, 0.7
        _rectangle(figure, cell, "#f4f4f4")
        left, bottom, wide, high = _place(figure, cell)
        figure.text(left + wide / 2, bottom + high / 2, name, ha="center", va="center", fontsize=9, color=INK)


def _graph(figure: Figure, box: Box, graph: Graph, store: MetricStore, start: int, end: int, nobody_sends: str) -> bool:
    """One graph; whether it has a line."""
    _words(figure, box, 0.1, graph.title, fontsize=11, fontweight="bold")
    inner = (
        box[0] + MARGINS_IN["left"],
        box[1] + MARGINS_IN["bottom"],
        box[2] - MARGINS_IN["left"] - MARGINS_IN["right"],
        box[3] - MARGINS_IN["bottom"] - MARGINS_IN["top"],
    )
    axes = {"left": figure.add_axes(_place(figure, inner), facecolor="none")}
    if "right" in graph.units:
        axes["right"] = axes["left"].twinx()
    starts = range(start, end, graph.period)
    series = [part for line in graph.lines for part in _series(line, store, starts)]
    _draw_lines(axes, graph, series)
    for label, value in graph.thresholds.items():
        line = axes["left"].axhline(value, color="#d62728", linewidth=1, linestyle="--", label=f"{label} ({value:g})")
        line.set_zorder(0)
    _finish(axes, graph, start, end)
    if not series:
        axes["left"].text(0.5, 0.5, nobody_sends, transform=axes["left"].transAxes, ha="center", color=FAINT)
    return bool(series)


def _series(line: Line, store: MetricStore, starts: Sequence[int]) -> Iterator[tuple[Line, str, Series]]:
    """A line's points with their label; a search has many lines, one with no points none."""
    if line.names_by is not None:
        found = [
            (dict(metric.dimensions)[line.names_by], store.statistic(metric, statistic, line.period, starts))
            for metric, statistic in line.metrics.items()
        ]
        found.sort(key=lambda named: -max(named[1].values(), default=0.0))
        yield from ((line, label, points) for label, points in found if points)
        return
    parts = {metric: store.statistic(metric, stat, line.period, starts) for metric, stat in line.metrics.items()}
    if line.expression is None:
        (points,) = parts.values()
    else:
        points = _evaluated(line.expression, line.names, parts, starts)
    if points:
        yield line, line.label, points


def _evaluated(
    expression: str, names: Mapping[str, Metric], parts: Mapping[Metric, Series], starts: Sequence[int]
) -> Series:
    found = {name: parts[metric] for name, metric in names.items()}
    # Where nothing at all was sent, CloudWatch has no series to fill.
    return evaluate(expression, found, starts, fills_empty=any(found.values()))


def _draw_lines(axes: Mapping[str, Axes], graph: Graph, series: Sequence[tuple[Line, str, Series]]) -> None:
    if graph.properties.get("stacked"):
        times = sorted({time for _, _, points in series for time in points})
        values = [[points.get(time, 0.0) for time in times] for _, _, points in series]
        if times:
            axes["left"].stackplot([_moment(t) for t in times], values, labels=[label for _, label, _ in series])
        return
    for line, label, points in series:
        axis = axes[line.axis]
        marker = "o" if len(points) == 1 else None
        times = [_moment(time) for time in points]
        axis.plot(times, [*points.values()], label=label, color=line.color, linewidth=1.4, marker=marker, markersize=4)


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)


def _finish(axes: Mapping[str, Axes], graph: Graph, start: int, end: int) -> None:
    for side, axis in axes.items():
        axis.set_ylabel(graph.units[side], fontsize=8, color=FAINT)
        if graph.properties["yAxis"][side].get("min") == 0:
            axis.set_ylim(bottom=0, top=max(axis.get_ylim()[1], 1e-3) if axis.has_data() else 1)
        axis.tick_params(labelsize=8, colors=FAINT, length=2)
        for spine in axis.spines.values():
            spine.set_color(FRAME)
    left = axes["left"]
    left.set_xlim(_moment(start), _moment(end))
    step = max(1, -(-(end - start) // (60 * MOST_TICKS))) * 60
    left.set_xticks([_moment(time) for time in range(start, end + 1, step)])
    left.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    left.grid(axis="y", color="#e9ebed", linewidth=0.8)
    left.set_axisbelow(True)
    handles, labels = [], []
    for axis in axes.values():
        found = axis.get_legend_handles_labels()
        handles += found[0][:MOST_IN_LEGEND]
        labels += found[1][:MOST_IN_LEGEND]
    if handles:
        left.legend(
            handles,
            labels,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
            ncols=2,
            fontsize=7.5,
            frameon=False,
            handlelength=1.2,
            columnspacing=1.0,
            labelcolor=INK,
            labelspacing=0.25,
        )
