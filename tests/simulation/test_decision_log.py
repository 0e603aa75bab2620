"""The file of decisions: what is written is read back, and nothing half-written takes the place of an older one."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from cortex_cdk.autoscaling import Decision, History, Observation, Policy, decide, explain
from cortex_cdk.simulation.decision_log import FILE, SCHEMA, DecisionLog, LogError, Logged, read
from cortex_cdk.simulation.policies.base import Outcome
from tests.simulation.scenarios import ListTrace

TRACE = ListTrace([], 120.0, name="a/s", starts_at=datetime(2026, 5, 31, 13, 45))


def decision(replicas: int, load: float) -> Decision:
    observation = Observation(replicas=replicas, average_in_flight=load)
    return decide(Policy(), observation, History(began=-1e6), 0.0)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    up = decision(1, 4.6)
    with DecisionLog(tmp_path, TRACE, ["cortex", "knative"]) as log:
        log.add("cortex", 5.0, 1, Outcome(up.desired, up))
        log.add("knative", 2.0, 1, Outcome(3, None, "panic: 2 → 3"))
        log.add("knative", 4.0, 3, Outcome(2))
        log.add("knative", 6.0, 2, Outcome(2, None, "stable"))
    header, decisions = read(tmp_path)
    assert (header.trace, header.starts_at, header.duration_s) == ("a/s", TRACE.starts_at, 120.0)
    assert header.policies == ("cortex", "knative")
    assert list(decisions) == [
        Logged("cortex", 5.0, 5.0, 1, 5, explain(up)),
        Logged("knative", 2.0, 2.0, 1, 3, ["Scale up from 1 to 3 replicas.", "  panic: 2 → 3"]),
        Logged("knative", 4.0, 4.0, 3, 2, ["Scale down from 3 to 2 replicas."]),
        Logged("knative", 6.0, 6.0, 2, 2, ["Keep 2 replicas.", "  stable"]),
    ]
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_a_decision_made_again_word_for_word_is_one_line(tmp_path: Path) -> None:
    with DecisionLog(tmp_path, TRACE, ["fixed", "other"]) as log:
        for tick in (10.0, 20.0, 30.0):
            log.add("fixed", tick, 2, Outcome(2, None, "a fixed size"))
        log.add("fixed", 40.0, 2, Outcome(2, None, "another reason"))
        log.add("fixed", 50.0, 3, Outcome(2, None, "another reason"))  # from another count
        log.add("fixed", 60.0, 2, Outcome(2, None, "another reason"))
        log.add("other", 70.0, 2, Outcome(2, None, "another reason"))
    lines = [(one.policy, one.t_s, one.until_s, one.requested) for one in read(tmp_path)[1]]
    assert lines == [
        ("fixed", 10.0, 30.0, 2),
        ("fixed", 40.0, 40.0, 2),
        ("fixed", 50.0, 50.0, 3),
        ("fixed", 60.0, 60.0, 2),
        ("other", 70.0, 70.0, 2),
    ]


def test_an_error_leaves_the_older_file(tmp_path: Path) -> None:
    with DecisionLog(tmp_path, TRACE, ["cortex"]) as log:
        log.add("cortex", 5.0, 1, Outcome(2))
    before = (tmp_path / FILE).read_bytes()

    def interrupted() -> None:
        with DecisionLog(tmp_path, TRACE, ["knative"]) as log:
            log.add("knative", 5.0, 1, Outcome(7))
            assert (tmp_path / FILE).read_bytes() == before
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / FILE).read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_the_file_itself_can_be_given(tmp_path: Path) -> None:
    with DecisionLog(tmp_path, ListTrace([], 60.0), ["cortex"]):
        pass
    header, decisions = read(tmp_path / FILE)
    assert (header.starts_at, list(decisions)) == (None, [])


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=f"{FILE}: cannot be read: No such file"):
        read(tmp_path)
    with pytest.raises(LogError, match="gone: cannot be read: No such file"):
        read(tmp_path / "gone")


HEADER = {"schema": SCHEMA, "trace": "t", "starts_at": None, "duration_s": 60, "policies": ["cortex"]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html>\n",
        b"\xff\xfe\x00",
        b"[1]",
        b"{}",
        *(
            json.dumps({**HEADER, key: value}).encode()
            for key, value in (("starts_at", "soon"), ("duration_s", "long"), ("policies", None), ("policies", []))
        ),
    ],
)
def test_other_files_are_not_taken_for_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(LogError, match=f"{FILE}: not the decisions of a simulation"):
        read(tmp_path)


def test_a_file_of_another_version(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({**HEADER, "schema": "cortex-cdk/decisions/9"}))
    with pytest.raises(LogError, match=r"its schema is 'cortex-cdk/decisions/9', this version reads '.*/1'"):
        read(tmp_path)


@pytest.mark.parametrize("line", ['{"policy": "cor', '{"policy": "cortex"}', "3", "null"])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    with DecisionLog(tmp_path, TRACE, ["cortex"]) as log:
        log.add("cortex", 5.0, 1, Outcome(2))
    with (tmp_path / FILE).open("a") as file:
        file.write(line + "\n")
    decisions = read(tmp_path)[1]
    assert next(decisions).desired == 2
    with pytest.raises(LogError, match=f"{FILE}:3: not a decision of a simulation"):
        next(decisions)
