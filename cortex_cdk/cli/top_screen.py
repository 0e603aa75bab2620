"""The screen of ``cortex-cdk top``: what is known in so many columns and lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cortex_cdk.cli.decision_text import wrapped
from cortex_cdk.cli.get_tables import in_flight_text, latency_text
from cortex_cdk.cli.top_rows import Health, Order, Row, ordered, sparkline

_STYLES = {Health.GOOD: "green", Health.CHANGING: "cyan", Health.BAD: "bold red"}
_GAP = 2  # of which the lines of the table take one
_LONGEST_NAME = 24
_SHORTEST_SPARK, _LONGEST_SPARK = 22, 60  # as wide as its title; a bar for each 10 s
_OTHER_LINES = 8
"""Beside rows and words: title, blank, two of the table's head, its caption, which rows are shown, blank, keys."""

_KEYS = "q quit   ↑↓ select   s sort"


@dataclass(frozen=True)
class View:
    """What the user has chosen: the API whose decision is shown (the first one unless told), and the order."""

    selected: str | None = None
    order: Order = Order.NAME

    def after(self, key: str, rows: Sequence[Row]) -> View:
        """The view after a key."""
        names = [row.name for row in ordered(rows, self.order)]
        if key == "s":
            return replace(self, order=self.order.next)
        step = {"up": -1, "k": -1, "down": 1, "j": 1}.get(key)
        if step is None or not names:
            return self
        place = names.index(self.selected) if self.selected in names else 0
        return replace(self, selected=names[min(max(place + step, 0), len(names) - 1)])


@dataclass(frozen=True)
class State:
    """What is known: ``rows`` are those of the last reading that went well, ``problem`` why the last did not."""

    title: str
    window: str
    rows: Sequence[Row] = ()
    problem: str | None = None
    known: bool = False


def screen(state: State, view: View, width: int, height: int, now: float) -> RenderableType:
    """All of it, not higher than ``height``."""
    rows = ordered(state.rows, view.order)
    selected = next((row for row in rows if row.name == view.selected), rows[0] if rows else None)
    clock = time.strftime("%H:%M:%S", time.localtime(now))
    head = Text.assemble((state.title, "bold"), f"   {clock}   sorted by {view.order}", no_wrap=True)
    words = _words(selected, width) if selected else []
    foot = Text(_KEYS, style="dim", no_wrap=True)
    if state.problem is not None:
        foot = Text.assemble((state.problem, "red"), "   ", (_KEYS, "dim"), no_wrap=True, overflow="ellipsis")
    if not rows:
        return Group(head, "", "There are no APIs." if state.known else "Reading ...", "", foot)
    room = max(1, height - _OTHER_LINES - min(len(words), max(3, height // 3)))
    place = rows.index(selected) if selected else 0
    first = max(0, place - room + 1)
    shown = rows[first : first + room]
    part = f"{first + 1} to {first + len(shown)} of {len(rows)}" if len(shown) < len(rows) else ""
    table = _table(shown, selected, state.window, width)
    return Group(
        head, "", table, Text(part, style="dim"), *words[: max(0, height - _OTHER_LINES - len(shown))], "", foot
    )


class _Column(NamedTuple):
    """A column of the table; ``given_up`` is its place in the order in which columns go when there is no room."""

    title: str
    cells: list[Text]
    right: bool = True
    given_up: int = 0

    @property
    def width(self) -> int:
        return max(len(self.title), *(cell.cell_len for cell in self.cells))


def _table(rows: Sequence[Row], selected: Row | None, window: str, width: int) -> Table:
    """The columns that fit, and a sparkline in the room that is left."""
    columns = _columns(rows)
    while _width(columns) > width and any(column.given_up for column in columns):
        columns.remove(min((column for column in columns if column.given_up), key=lambda column: column.given_up))
    room = min(width - _width(columns) - _GAP, _LONGEST_SPARK)
    if room >= _SHORTEST_SPARK:
        lines = [Text(sparkline(row.history, room), style="blue") for row in rows]
        columns.append(_Column("in flight, last 10 min", lines, right=False))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), show_edge=False, pad_edge=False)
    table.caption = f"answers and latency of the last {window}"
    table.caption_justify = "left"
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
    for place, row in enumerate(rows):
        cells = [column.cells[place] for column in columns]
        if selected is not None and row.name == selected.name:
            cells[0].stylize("reverse")  # its name alone: a sparkline cannot be read the other way round
        table.add_row(*cells)
    return table


def _columns(rows: Sequence[Row]) -> list[_Column]:
    def column(title: str, text: Callable[[Row], str], given_up: int = 0) -> _Column:
        return _Column(title, [Text(text(row)) for row in rows], given_up=given_up)

    names = [Text(row.name) for row in rows]
    for name in names:
        name.truncate(_LONGEST_NAME, overflow="ellipsis")
    return [
        _Column("api", names, right=False),
        _Column("status", [Text(row.status, style=_STYLES[row.health]) for row in rows], right=False),
        column("ready", lambda row: str(row.ready)),
        column("asked", lambda row: str(row.requested), given_up=5),
        column("wanted", lambda row: "-" if row.wanted is None else str(row.wanted)),
        column("in flight", lambda row: in_flight_text(row.in_flight)),
        column("2xx/s", lambda row: _rate(row.rates.get("2xx")), given_up=3),
        column("4xx/s", lambda row: _rate(row.rates.get("4xx")), given_up=2),
        column("5xx/s", lambda row: _rate(row.rates.get("5xx")), given_up=4),
        column("p50", lambda row: latency_text(row.p50_ms), given_up=1),
        column("p99", lambda row: latency_text(row.p99_ms), given_up=6),
    ]


def _width(columns: Sequence[_Column]) -> int:
    return sum(column.width + _GAP for column in columns) - _GAP


def _words(row: Row, width: int) -> list[Text]:
    lines = [part for line in row.words for part in wrapped(line, width)]
    return [Text(row.name, style="bold"), *(Text(line, no_wrap=True) for line in lines)]


def _rate(rate: float | None) -> str:
    return "-" if not rate else f"{rate:.3g}" if rate < 1000 else f"{rate:,.0f}"
