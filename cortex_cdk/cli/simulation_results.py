"""What ``cortex-cdk simulate`` prints, and the files that it writes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cortex_cdk.cli import output
from cortex_cdk.cli.errors import UserError
from cortex_cdk.cli.project_file import shown

if TYPE_CHECKING:
    from cortex_cdk.simulation.run import Run

PAGE, FIGURES = "index.html", "figures.json"


def show(runs: Sequence[Run], least: float | None, about: str) -> None:
    """Print the tables, with what they are of."""
    from cortex_cdk.simulation.report.table import summary
    from cortex_cdk.simulation.seconds import format_seconds

    run, console = runs[0], output.console()
    since = f" from {run.starts_at:%Y-%m-%d %H:%M:%S}" if run.starts_at else ""
    slots = run.platform.slots
    console.print(f"{run.trace}: {run.summary.requests:,} requests in {format_seconds(run.duration_s)}{since}")
    console.print(
        f"replicas: {slots} {'request' if slots == 1 else 'requests'} at once, each taking "
        f"{format_seconds(run.service_time_s)} on average; start-up {_startup(run)}"
    )
    console.print(f"API: {about}\n")
    console.print(summary(runs, least_replica_hours=least), soft_wrap=False)
    if least is None:
        objective = format_seconds(run.objective_s)
        text = f"No policy can answer every request within {objective}: some of them alone take longer."
        console.print(text, style="dim", soft_wrap=False)


def print_json(runs: Sequence[Run], least: float | None) -> None:
    """Print one JSON object."""
    import json

    from cortex_cdk.simulation.report.json import document

    typer.echo(json.dumps(document(runs, least_replica_hours=least), indent=2, ensure_ascii=False))


def prepare(folder: Path) -> None:
    """Make the folder of ``--out``, or see that it is one, before anything takes its time.

    Raises:
        UserError: when it cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None


def cannot_write(folder: Path, error: OSError) -> UserError:
    """What to tell somebody whose ``--out`` cannot be written to."""
    reason = "is not a folder" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
    return UserError(f"--out {folder}: {reason}")


def write(
    runs: Sequence[Run],
    folder: Path,
    settings: dict[str, str],
    least: float | None,
    progress: Callable[[str, float], None],
) -> list[Path]:
    """Write the page, the figures and the plots into the folder; the plots of an earlier run there go.

    Raises:
        UserError: when they cannot be written.
    """
    from cortex_cdk.simulation.report.figures import write_figures
    from cortex_cdk.simulation.report.page import write_page
    from cortex_cdk.simulation.report.plots import write_plots

    try:
        earlier = _plots(folder) if (folder / FIGURES).exists() else set()
        progress(f"writing {PAGE}", 0.0)
        paths = [write_page(runs, folder / PAGE, settings=settings, least_replica_hours=least)]
        progress(f"writing {FIGURES}", 0.0)
        paths.append(write_figures(runs, folder / FIGURES, least_replica_hours=least))
        paths += write_plots(
            runs, folder, least_replica_hours=least, progress=lambda name, share: progress(f"drawing {name}", share)
        )
        for path in earlier.difference(paths):
            path.unlink()
    except OSError as error:
        raise cannot_write(folder, error) from None
    return paths


def note_written(folder: Path, paths: Sequence[Path], runs: Sequence[Run]) -> None:
    """Say on stderr what there is to look at, and how to ask for reasons."""
    plots = sum(path.suffix == ".png" for path in paths)
    others = ", ".join(path.name for path in paths if path.suffix not in (".png", ".html"))
    output.note(f"written to {shown(folder)}: {PAGE} to look at, {plots} {'plot' if plots == 1 else 'plots'}, {others}")
    explain = f"cortex-cdk explain --simulation {shlex.quote(str(shown(folder)))}"
    output.note(f"why it did what it did: {explain} --at {_clock(_turning_point(runs[0]))}")


def _plots(folder: Path) -> set[Path]:
    return {*folder.glob("timeline-*.png"), folder / "comparison.png", folder / "costs.png"} & {*folder.iterdir()}


def _startup(run: Run) -> str:
    from cortex_cdk.simulation.seconds import format_seconds

    task, node = run.platform.task_startup_s, run.platform.node_startup_s
    return format_seconds(task) + (f", on a new node {format_seconds(node)} more" if node else "")


def _turning_point(run: Run) -> float:
    """When the count changed most; the first decision when it never did."""
    before, most, moment = int(run.series.desired[0]), -1, 0.0
    for time, outcome in run.decisions:
        change = abs(outcome.desired - before)
        if change > most:
            most, moment = change, time
        before = outcome.desired
    return moment


def _clock(seconds: float) -> str:
    """An offset as one would write it: ``5m15s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
