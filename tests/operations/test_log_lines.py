"""Lines of replicas: what the runtime writes is shown in one line, and what others write as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cortex_cdk.operations.log_events import Event
from cortex_cdk.operations.log_lines import Line, line_of
from cortex_runtime import embedded_metrics
from cortex_runtime.load import LoadReport
from cortex_runtime.logs import Writer
from cortex_runtime.settings import Log

TASK = "0123456789abcdef" * 2


def line(message: str, stream: str = f"replica/api/{TASK}") -> Line:
    found = line_of(Event(1_700_000_000_250, "1", stream, message), "replica")
    assert found is not None
    return found


def written(path: Path, level: str, message: str, **fields: Any) -> str:
    """What the runtime writes."""
    with path.open("w+b") as file:
        Writer(Log(format="json"), {"api": "iris", "worker": 1}, file.fileno()).write(level, message, **fields)
    return path.read_text().rstrip()


def test_a_record_of_the_runtime(tmp_path: Path) -> None:
    text = written(tmp_path / "log", "info", "POST /iris 200", status=200, latency_ms=3.1, request_id="ab")
    found = line(text)
    assert found.words == "worker 1  POST /iris 200  latency_ms=3.1  request_id=ab"
    assert found.as_text().endswith(f".250  01234567  api         {found.words}")
    assert found.as_json()["replica"] == TASK
    assert found.as_json()["container"] == "api"
    assert found.as_json()["log"] == json.loads(text)
    assert not found.is_metric


def test_a_traceback_has_lines_of_its_own(tmp_path: Path) -> None:
    found = line(written(tmp_path / "log", "error", "predict failed", traceback="Traceback\n  File x\nValueError: y\n"))
    assert found.words.splitlines() == ["worker 1  ERROR: predict failed", "Traceback", "  File x", "ValueError: y"]
    assert found.level == "error"


@pytest.mark.parametrize("text", ["loading model", "{not json", '{"a": 1}', "[1]", '{"message"', ""])
def test_lines_of_others_stay_as_they_are(text: str) -> None:
    found = line(text, f"replica/serve/{TASK}")
    assert (found.words, found.fields, found.level, found.is_metric) == (text, None, "info", False)
    assert found.as_json()["log"] == text


def test_metrics_are_told_from_the_rest() -> None:
    report = LoadReport(
        api="iris", replica="r", bucket=10, seconds=10, in_flight=1, in_flight_peak=1, requests={"200": 3}
    )
    lines = embedded_metrics.lines(report, [(10, 1.0)], [0.1], [], namespace="Cortex", cluster="c", dropped=0)
    assert all(line(text.decode().rstrip()).is_metric for text in lines)


@pytest.mark.parametrize("stream", ["replica/api", "other/api/x/y", "replica//x", "replica/api/", "x"])
def test_streams_that_are_no_replicas(stream: str) -> None:
    assert line_of(Event(0, "1", stream, "m"), "replica") is None
