"""Costs against the objective: one point a policy, the best trade-offs joined by a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cortex_cdk.simulation.report.plots import new_figure
from cortex_cdk.simulation.report.reduce import colours, is_reference, pareto_front
from cortex_cdk.simulation.run import Run
from cortex_cdk.simulation.seconds import format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

_LEAST_MISSED = 1e-6  # stands for none on the log axis


def scatter(runs: Sequence[Run], *, least_replica_hours: float | None = None) -> Figure:
    """Replica hours (x) against the share of requests that missed the objective (y, log, lower is better).

    The front joins the policies that no other beats in both. ``least_replica_hours``, if known, is drawn as a line:
    the lower bound for policies that answer all requests within the objective.
    """
    figure = new_figure(8.4, 5.6)
    axes = figure.subplots()
    axes.set_yscale("log")
    missed = [max(1 - run.summary.fraction_within_objective, 0.0) for run in runs]
    known = [share for share in missed if share > 0]
    least = max(min(known, default=1e-3), _LEAST_MISSED)
    none = len(known) < len(runs)
    floor = 10 ** np.floor(np.log10(least) - 0.7) if none else least / 1.6  # with none missed, that is their line
    hours = [run.summary.replica_hours for run in runs]
    front = pareto_front(runs)
    corners = [(run.summary.replica_hours, max(1 - run.summary.fraction_within_objective, floor)) for run in front]
    if corners:
        # A staircase: to the right of and above a point everything is worse than it.
        top = min(max(max(known, default=0.1) * 2.5, floor * 30), 1.15)
        x = [*np.repeat([corner[0] for corner in corners], 2).tolist(), max(hours) * 1.25]
        y = [top, *np.repeat([corner[1] for corner in corners], 2).tolist()]
        axes.plot(x, y, color="#999999", linewidth=1.2, zorder=1, label="best trade-offs (Pareto front)")
        axes.set_ylim(floor / (2 if none else 1), top)
    for run, share, colour in zip(runs, missed, colours([run.policy for run in runs]), strict=True):
        marker = "D" if is_reference(run) else "o"
        face = "white" if is_reference(run) else colour[0]
        axes.plot(run.summary.replica_hours, max(share, floor), marker, color=face, markeredgecolor=colour[0],
                  markeredgewidth=1.5, markersize=8, zorder=3, linestyle="none")  # fmt: skip
    if least_replica_hours is not None:
        axes.axvline(least_replica_hours, color="black", linewidth=1.1, linestyle=(0, (4, 3)), zorder=1,
                     label=f"no policy can meet it with less ({least_replica_hours:,.3g} h)")  # fmt: skip
    low = min([*hours, *([] if least_replica_hours is None else [least_replica_hours])])
    axes.set_xlim(max(0.0, low - 0.12 * (max(hours) - low) - 0.03 * max(hours)), max(hours) * 1.18)
    objective = format_seconds(runs[0].objective_s)
    price = _price(runs)
    axes.set_xlabel("replica hours (fewer is cheaper" + (f"; one costs about ${price:.3g} here)" if price else ")"))
    axes.set_ylabel(f"requests not answered within {objective}\n(share, log; lower is better)")
    _percent_axis(axes, float(floor) if none else None)
    axes.set_title(f"Costs against the objective  |  {runs[0].trace}", loc="left", fontsize=12, fontweight="bold")
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower right", ncols=2, fontsize=8, frameon=False)
    points = [
        (run.policy, hours, max(share, float(floor))) for run, hours, share in zip(runs, hours, missed, strict=True)
    ]
    _name_points(figure, axes, points)
    return figure


def _price(runs: Sequence[Run]) -> float:
    """Dollars of a replica hour, the median of the policies: idle nodes make it differ."""
    prices = [run.summary.dollars / run.summary.replica_hours for run in runs if run.summary.replica_hours]
    return float(np.median(prices)) if prices else 0.0


def _percent_axis(axes: Axes, none: float | None) -> None:
    """Ticks at 0.1 %, 1 %, 10 %; ``none`` is where the requests of runs lie that missed not one."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = axes.get_ylim()
    span = np.log10(high / low)
    ticks = [m * 10.0**e for e in range(-7, 1) for m in ((1,) if span > 2.2 else (1, 2, 5)) if m * 10.0**e <= 1]
    ticks = [tick for tick in ticks if low <= tick <= high and (none is None or tick > none * 1.5)]
    axes.yaxis.set_major_locator(FixedLocator([*ticks, *([] if none is None else [none])]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "none" if value == none else f"{value * 100:.4g} %"))


def _name_points(figure: Figure, axes: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Write each name beside its point, at the first of some places where it covers neither a point nor a name."""
    figure.draw_without_rendering()
    taken: list[Bbox] = []
    frame = axes.get_window_extent()
    centres = [axes.transData.transform((x, y)) for _, x, y in points]
    scale = figure.dpi / 72
    for (name, x, y), _ in sorted(zip(points, centres, strict=True), key=lambda pair: pair[1][0]):
        for dx, dy, align in _PLACES:
            label = _label(axes, name, x, y, dx, dy, align)
            box = label.get_window_extent().padded(1.5)
            covers = any(
                box.x0 - 5 * scale < cx < box.x1 + 5 * scale and box.y0 - 5 * scale < cy < box.y1 + 5 * scale
                for cx, cy in centres
            )
            inside = box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1
            if inside and not covers and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                if max(abs(dx), abs(dy)) > 14:  # so far away that it needs a line to its point
                    line = {"arrowstyle": "-", "color": "#999999", "linewidth": 0.7}
                    label.remove()
                    _label(axes, name, x, y, dx, dy, align, arrowprops=line)
                break
            label.remove()
        else:
            _label(axes, name, x, y, 9, 0, "left")


def _label(axes: Axes, name: str, x: float, y: float, dx: float, dy: float, align: str, **more: Any) -> Annotation:
    return axes.annotate(
        name,
        (x, y),
        xytext=(dx, dy),
        textcoords="offset points",
        ha=align,
        va="center",
        fontsize=9,
        zorder=4,
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.5},
        **more,
    )


_PLACES = [
    (distance * dx, distance * dy, ha)
    for distance in (9, 16, 26, 38, 52)
    for dx, dy, ha in (
        (1, 0, "left"), (-1, 0, "right"), (0.7, 0.9, "left"), (-0.7, 0.9, "right"), (0.7, -0.9, "left"),
        (-0.7, -0.9, "right"), (0, 1.2, "center"), (0, -1.2, "center"),
    )
]  # fmt: skip
