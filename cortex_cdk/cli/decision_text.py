"""Decisions of the autoscaler on a terminal."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap


def decision_text(first: str, reasons: list[str]) -> str:
    """Lines of a decision, each in as many as a terminal needs; left whole when redirected."""
    lines = [first, *reasons]
    if not sys.stdout.isatty():
        return "\n".join(lines)
    width = shutil.get_terminal_size().columns
    return "\n".join(part for line in lines for part in wrapped(line, width))


def wrapped(line: str, width: int) -> list[str]:
    """A line in as many as it needs, the text of a rule kept beside its name."""
    name = re.match(r"  (?:[a-z ]+: +)?", line)
    indent = name.end() if name else 2
    return textwrap.wrap(line, max(width, indent + 20), subsequent_indent=" " * indent)
