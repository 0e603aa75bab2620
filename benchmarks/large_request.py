"""A picture as nested JSON, from its bytes to the serialized request, in a process that has imported TensorFlow.

The picture is 1 x 224 x 224 x 3 numbers of up to nine digits. "Ours" is what a worker does: the runtime's JSON, its
client's cast and encoding, its settings of the garbage collector. "Naive" is ``json.loads`` and
``tf.make_tensor_proto``.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
from msgspec import Struct

from benchmarks.figures import paired_ratio, spread
from benchmarks.goals import Goal
from benchmarks.large_request_process import CALLS, INPUT, MODEL, SHAPE, Times
from benchmarks.model_server import model_server
from benchmarks.part import MeasurementError, Run
from benchmarks.tables import Table

TITLE = "A large request: 1 x 224 x 224 x 3 numbers as nested JSON"


WAYS = ("ours", "naive")


class Result(Struct):
    """Milliseconds, a value for each round; the body's size in bytes."""

    body_bytes: int
    ours_ms: list[float]
    ours_loads_ms: list[float]
    ours_cast_ms: list[float]
    ours_encode_ms: list[float]
    naive_ms: list[float]
    naive_loads_ms: list[float]
    naive_encode_ms: list[float]


def measure(run: Run) -> Result:
    """Measure: both processes live through all rounds and work in turns.

    Raises:
        MeasurementError: one of them ended, or made another tensor than the other.
    """
    with tempfile.TemporaryDirectory() as folder:
        run.tell("exporting a model that takes a picture")
        body = Path(folder) / "body.json"
        body.write_bytes(_body())
        command = [sys.executable, "-m", "benchmarks.large_request_process"]
        subprocess.run([*command, "export", f"{folder}/model/1"], check=True, stderr=subprocess.DEVNULL)
        with model_server(MODEL, Path(folder) / "model") as server:
            processes = [
                _start([*command, way, str(body), server.address], Path(folder) / f"{way}.log") for way in WAYS
            ]
            try:
                rounds = []
                for number in range(run.rounds):
                    run.tell(f"round {number + 1} of {run.rounds}")
                    rounds.append([_round(process) for process in processes])
            except msgspec.DecodeError:  # one has ended
                words = "\n".join((Path(folder) / f"{way}.log").read_text()[-2000:] for way in WAYS)
                raise MeasurementError(f"a process ended; the last words of {' and '.join(WAYS)}:\n{words}") from None
            finally:
                for process in processes:
                    process.communicate()
        ours, naive = zip(*rounds, strict=True)
        if len({times.digest for pair in rounds for times in pair}) > 1:
            raise MeasurementError("the two ways did not make the same tensor of the picture")
        return Result(
            body_bytes=body.stat().st_size,
            ours_ms=[one.whole_ms for one in ours],
            ours_loads_ms=[one.loads_ms for one in ours],
            ours_cast_ms=[one.cast_ms for one in ours],
            ours_encode_ms=[one.encode_ms for one in ours],
            naive_ms=[one.whole_ms for one in naive],
            naive_loads_ms=[one.loads_ms for one in naive],
            naive_encode_ms=[one.encode_ms for one in naive],
        )


def _body() -> bytes:
    """The request: numbers of up to nine digits, as a browser or a Python client would send a picture."""
    random.seed(1)
    _, height, width, channels = SHAPE
    picture = [[[round(random.random(), 9) for _ in range(channels)] for _ in range(width)] for _ in range(height)]
    return json.dumps({INPUT: [picture]}, separators=(",", ":")).encode()


def _start(command: list[str], log: Path) -> subprocess.Popen[str]:
    with log.open("w") as words:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True)


def _round(process: subprocess.Popen[str]) -> Times:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return msgspec.json.decode(process.stdout.readline(), type=Times)


def tables(result: Result) -> list[Table]:
    """Both ways, in their parts."""
    rows = [
        ["cortex_cdk: JSON", spread(result.ours_loads_ms)],
        ["cortex_cdk: to an array of the model's dtype", spread(result.ours_cast_ms)],
        ["cortex_cdk: to a serialized PredictRequest", spread(result.ours_encode_ms)],
        ["cortex_cdk: all of it", spread(result.ours_ms)],
        ["naive: `json.loads`", spread(result.naive_loads_ms)],
        ["naive: `tf.make_tensor_proto`, serialized", spread(result.naive_encode_ms)],
        ["naive: all of it", spread(result.naive_ms)],
    ]
    note = (
        f"{result.body_bytes / 1e6:.2f} MB. Median (least-greatest) of {len(result.ours_ms)} rounds of {CALLS} calls."
    )
    return [Table(TITLE, ("", "ms"), rows, [note])]


def goals(result: Result) -> list[Goal]:
    """The time of our way, and beside the naive one."""
    return [
        Goal("large request, bytes to PredictRequest", statistics.median(result.ours_ms), "at most", 12.0, "ms"),
        Goal("the naive way beside ours", paired_ratio(result.naive_ms, result.ours_ms), "at least", 15.0, "x"),
    ]
