"""Measure, print beside the goals, and keep the figures: ``python -m benchmarks [PART ...]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.conditions import Watch
from benchmarks.part import ROUNDS, MeasurementError, Run
from benchmarks.results import FILE, PARTS, Results, ResultsError, goals_table, part, read, write
from benchmarks.wrk import require

FAILURES = (MeasurementError, ResultsError)


def main() -> int:
    """Measure the parts asked for; the exit status is 1 when one could not be measured. Goals missed are no failure."""
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 150)
    missing = 0
    try:
        results = read(arguments.out) if arguments.out.exists() else Results()
        if {"small", "model"} & set(arguments.parts):  # not after half an hour of other parts
            require("wrk", "wrk")
    except FAILURES as error:
        console.print(f"[bold red]error:[/] {error}")
        return 1
    for name in arguments.parts:
        module = part(name)
        console.rule(f"{name}: {module.TITLE}", align="left")
        watch = Watch()
        try:
            result = module.measure(Run(arguments.rounds, lambda words: console.print(f"  {words}", style="dim")))
        except FAILURES as error:
            console.print(f"[bold red]error:[/] {name} could not be measured: {error}", highlight=False)
            missing += 1
            continue
        results.record(name, watch.end(), result)
        write(results, arguments.out)
        for table in results.tables(name):
            console.print(table.rich())
        console.print(results.parts[name].conditions.sentence(), style="dim")
    console.print(goals_table(results.goals()).rich())
    console.print(f"All figures are in {arguments.out}; `make bench-page` writes docs/performance.md with them")
    return 1 if missing else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all without: {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each thing is measured (%(default)s)")
    parser.add_argument("--out", type=Path, default=FILE, help="where the figures are kept (%(default)s)")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.parts if name not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")
    arguments.parts = arguments.parts or list(PARTS)
    return arguments


if __name__ == "__main__":
    sys.exit(main())
