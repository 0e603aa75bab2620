"""How long the command line takes: to its help, for a valid project, and the CDK app of ``cdk synth``."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from benchmarks.figures import spread
from benchmarks.goals import Goal
from benchmarks.part import MeasurementError, Run
from benchmarks.tables import Table

TITLE = "Commands"
PROGRAM = str(Path(sys.executable).with_name("cortex-cdk"))
HELP, VALIDATE = "`cortex-cdk --help`", "`cortex-cdk validate`"
SYNTH = "the app of `cdk synth`, one cluster and one API"


class Result(Struct):
    """Seconds from start to end of each command, a value for each round."""

    seconds: dict[str, list[float]]


def measure(run: Run) -> Result:
    """Measure, on a new project whose model is in S3, as one that is deployed.

    Raises:
        MeasurementError: a command failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "iris"
        _seconds([PROGRAM, "init", "iris"], Path(folder))
        config = project / "cortex.yaml"
        config.write_text(config.read_text().replace("model: model\n", "model: s3://bucket/iris\n"))
        commands = {HELP: [PROGRAM, "--help"], VALIDATE: [PROGRAM, "validate"], SYNTH: [sys.executable, "app.py"]}
        variables = os.environ | {"CDK_OUTDIR": f"{folder}/cdk.out"}
        seconds: dict[str, list[float]] = {title: [] for title in commands}
        for number in range(run.rounds):
            run.tell(f"round {number + 1} of {run.rounds}")
            for title, command in commands.items():
                seconds[title].append(_seconds(command, project, variables))
        return Result(seconds)


def _seconds(command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MeasurementError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return time.perf_counter() - began


def tables(result: Result) -> list[Table]:
    """Seconds of each."""
    rows = [[title, spread(seconds, "s")] for title, seconds in result.seconds.items()]
    note = f"Median (least-greatest) of {len(result.seconds[HELP])} rounds."
    return [Table(TITLE, ("", "start to end"), rows, [note])]


def goals(result: Result) -> list[Goal]:
    """The help is there at once."""
    return [Goal(HELP, statistics.median(result.seconds[HELP]), "below", 0.4, "s")]
