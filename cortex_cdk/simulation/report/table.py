"""Summaries of runs for terminals of 80 columns: one run in full, several side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cortex_cdk.simulation.report.reduce import is_reference
from cortex_cdk.simulation.run import Run, StepReaction
from cortex_cdk.simulation.seconds import format_seconds

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

BEST = "*"  # beside the colour, for those who do not see it
_NEVER = "never"


@dataclass(frozen=True)
class Column:
    """A figure of a run: its heading, its value (lower is better unless ``higher``), and how that is written."""

    heading: str
    value: Callable[[Run], float]
    written: Callable[[float], str]
    higher: bool = False
    judged: bool = True


def columns(runs: Sequence[Run]) -> list[Column]:
    """The figures to compare runs by. Dollars are left out when nodes have no price."""
    objective = format_seconds(runs[0].objective_s)
    found = [
        Column(f"within\n{objective}", lambda run: run.summary.fraction_within_objective, percent, higher=True),
        Column("p50", lambda run: run.summary.latency.p50, duration),
        Column("p99", lambda run: run.summary.latency.p99, duration),
        Column("503s", lambda run: float(run.summary.rejected), amount),
        Column("replica\nhours", lambda run: run.summary.replica_hours, amount),
    ]
    if runs[0].platform.node_price_per_hour > 0:
        found.append(Column("node\ncosts", lambda run: run.summary.dollars, dollars))
    return [
        *found,
        Column("peak", lambda run: float(run.summary.peak_replicas), amount, judged=False),
        Column(
            "times\nscaled", lambda run: float(run.summary.scale_ups + run.summary.scale_downs), amount, judged=False
        ),
    ]


def summary(runs: Sequence[Run], *, least_replica_hours: float | None = None) -> RenderableType:
    """The figures of one run, or a table of several, with the best of each column marked.

    Args:
        runs: one or more, of one workload.
        least_replica_hours: the lower bound for policies that answer all requests within the objective, if known.
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_one(runs[0]) if len(runs) == 1 else _several(runs)]
    notes = []
    if any(best(runs, column) for column in columns(runs)):
        notes.append(f"{BEST} best, of those that do not know the future. Latencies are from arrival to answer.")
    if least_replica_hours is not None:
        notes.append(
            f"Answering every request within {format_seconds(runs[0].objective_s)} takes {amount(least_replica_hours)} "
            f"replica hours or more, whatever the policy."
        )
    parts += [Text(note, style="dim") for note in notes]
    if any(run.summary.steps for run in runs):
        parts += [Text(""), _steps(runs)]
    return Group(*parts)


def best(runs: Sequence[Run], column: Column) -> set[int]:
    """Which runs have the best value, as it is written: several when it is the same in all of its digits.

    None does when all are equal.
    """
    able = {i: column.value(run) for i, run in enumerate(runs) if not is_reference(run)}
    known = {i: value for i, value in able.items() if not math.isnan(value)}
    if not column.judged or len(known) < 2:
        return set()
    winner = column.written((max if column.higher else min)(known.values()))
    found = {i for i, value in known.items() if column.written(value) == winner}
    return found if len(found) < len(able) else set()


def _several(runs: Sequence[Run]) -> Table:
    from rich.text import Text

    table = _table()
    table.add_column("policy", overflow="fold", max_width=17)
    shown = columns(runs)
    for column in shown:
        table.add_column(column.heading, justify="right", no_wrap=True)
    marked = [best(runs, column) for column in shown]
    for i, run in enumerate(runs):
        cells = [Text(run.policy, style="italic" if is_reference(run) else "")]
        for column, winners in zip(shown, marked, strict=True):
            text = column.written(column.value(run))
            space = " " if winners else ""
            cells.append(Text(f"{text}{BEST}", style="bold green") if i in winners else Text(f"{text}{space}"))
        table.add_row(*cells)
    return table


def _one(run: Run) -> Table:
    found = run.summary
    table = _table()
    table.add_column("policy", no_wrap=True)
    table.add_column(run.policy, justify="right", no_wrap=True)
    rows = [
        ("requests", amount(found.requests)),
        ("answered with 503", amount(found.rejected)),
        (f"answered within {format_seconds(run.objective_s)}", percent(found.fraction_within_objective)),
        *((f"latency {name}", duration(getattr(found.latency, name))) for name in ("mean", "p50", "p95", "p99", "max")),
        *((f"queue time {name}", duration(getattr(found.queue_time, name))) for name in ("mean", "p50", "p95", "p99")),
        ("requests in flight, mean", amount(found.mean_in_flight)),
        ("ready replicas, mean", amount(found.mean_ready)),
        ("replicas, peak", amount(found.peak_replicas)),
        ("replica hours", amount(found.replica_hours)),
        ("node hours", amount(found.node_hours)),
    ]
    if run.platform.node_price_per_hour > 0:
        rows.append(("costs of nodes", dollars(found.dollars)))
    rows += [("scaled up, times", amount(found.scale_ups)), ("scaled down, times", amount(found.scale_downs))]
    for name, text in rows:
        table.add_row(name, text)
    return table


def _steps(runs: Sequence[Run], most: int = 6) -> Table:
    """How long each policy took after each step in load; of many steps only the first."""
    table = _table()
    table.add_column("step in load", no_wrap=True)
    table.add_column("policy", overflow="fold", max_width=30)
    for heading in ("decided\nafter", "replicas\nneeded", "so many\nready after"):
        table.add_column(heading, justify="right", no_wrap=True)
    number = max(len(run.summary.steps) for run in runs)
    for place in range(min(number, most)):
        for i, run in enumerate(runs):
            step = run.summary.steps[place]
            table.add_row(
                _step_name(step) if i == 0 else "",
                run.policy,
                _NEVER if step.decided_after_s is None else duration(step.decided_after_s),
                amount(step.needed),
                _ready_after(step),
                end_section=i == len(runs) - 1,
            )
    if number > most:
        table.caption = f"and {number - most} more steps"
    return table


def _ready_after(step: StepReaction) -> str:
    if step.ready_after_s is not None:
        return duration(step.ready_after_s)
    return _NEVER if step.to_rate > step.from_rate else "-"


def _step_name(step: StepReaction) -> str:
    return f"{step.from_rate:g} to {step.to_rate:g}/s at {format_seconds(step.at_s)}"


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, pad_edge=False)


def percent(fraction: float) -> str:
    """A share with as many digits as matter: 99.95 %, and 100 % only for all."""
    if fraction in (0.0, 1.0):
        return f"{fraction:.0%}".replace("%", " %")
    digits = 1 if fraction < 0.99 else 2 if fraction < 0.999 else 3
    scale = 10**digits
    return f"{math.floor(fraction * 100 * scale) / scale:.{digits}f} %"


def duration(seconds: float) -> str:
    """A time, or a dash for none."""
    return "-" if math.isnan(seconds) else format_seconds(seconds)


def amount(value: float) -> str:
    """A number to three digits at least: 0.123, 12.3, 123, 1,234."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def dollars(value: float) -> str:
    """A sum of money: $0.0123, $1.23, $1,234."""
    if value >= 1000:
        return f"${value:,.0f}"
    return f"${value:,.2f}" if value >= 1 or value == 0 else f"${value:.3g}"
