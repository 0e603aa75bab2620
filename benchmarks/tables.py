"""A table as text in cells, for the terminal and for a Markdown page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group
from rich.markup import escape
from rich.table import Table as RichTable
from rich.text import Text

from benchmarks.goals import NOT_MEASURED


@dataclass(frozen=True)
class Table:
    """The first column is text, the others are figures. ``notes`` are sentences below the table."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def rich(self) -> Group:
        """For a terminal."""
        table = RichTable(box=box.SIMPLE_HEAD)
        for number, column in enumerate(self.columns):
            table.add_column(escape(column), justify="right" if number else "left", overflow="fold")
        for row in self.rows:
            table.add_row(*(_styled(cell) for cell in row))
        return Group(Text(self.title, "bold"), table, *(Text(note, "dim") for note in self.notes))

    def markdown(self, *, titled: bool = True) -> str:
        """For a page: the title where it is wanted, the table, then the notes."""
        lines = [f"{self.title}:", ""] if titled else []
        lines += [_line(self.columns), "|---|" + "---:|" * (len(self.columns) - 1)]
        lines += map(_line, self.rows)
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines) + "\n"


def _styled(cell: str) -> str:
    style = "green" if cell == "met" else "bold red" if cell.startswith("missed by ") or cell == NOT_MEASURED else ""
    return f"[{style}]{escape(cell)}[/]" if style else escape(cell)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(re.sub(r"([|<])", r"\\\1", cell) for cell in cells) + " |"
