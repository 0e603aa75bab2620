"""What is known of an API: its state in each phase of its replica's life, and its last ten minutes."""

from pathlib import Path
from typing import Any

import pytest

from cortex_cdk.local.console.messages import Condition, Load, Second
from cortex_cdk.local.console.record import KEPT_S, ApiRecord
from cortex_cdk.spec import check
from cortex_cdk.spec.model import Project
from tests.support.serve import IRIS, iris_project

SUMMARY = {"model": {"name": "m", "version": 3}, "inputs": {"x": {"dtype": "float32", "shape": [-1]}}, "outputs": {}}


def read(folder: Path) -> Project:
    project, problems = check(folder / "cortex.yaml")
    assert not problems
    assert project is not None
    return project


@pytest.fixture
def record() -> ApiRecord:
    project = read(IRIS)
    return ApiRecord(project, project.apis[0])


def second(at: int, **values: Any) -> Second:
    return Second(**{"seconds": 1.0, "in_flight": 0.0, "queued": 0.0, "requests": {}, "p50_s": None, "p99_s": None}
                  | values, at=at)  # fmt: skip


def condition(*reasons: str, draining: bool = False) -> Condition:
    return Condition(not_ready_because=list(reasons), draining=draining, summary=SUMMARY)


def state(record: ApiRecord) -> tuple[str, list[str]]:
    whole = record.whole()
    return whole["state"], whole["reasons"]


def test_the_states_of_a_replica(record: ApiRecord):
    assert state(record) == ("starting", ["its process starts"])
    record.connected()
    record.take(condition("0 of 1 workers have built their predictor"))
    assert state(record) == ("starting", ["0 of 1 workers have built their predictor"])
    record.take(condition())
    assert state(record) == ("ready", [])
    record.take(condition("the model server: gone"))
    assert state(record) == ("not ready", ["the model server: gone"])
    record.take(condition("the replica is shutting down", draining=True))
    assert state(record) == ("stopping", ["the replica is shutting down"])
    record.disconnected()
    assert state(record) == ("starting", ["its process starts"])
    record.connected()
    record.take(condition("0 of 1 workers have built their predictor"))
    assert state(record)[0] == "starting"  # another process, which never was ready


@pytest.mark.parametrize("gone_first", [False, True])
def test_a_failure_and_its_reason(record: ApiRecord, gone_first: bool):
    record.connected()
    record.take(condition("0 of 1 workers have built their predictor: RuntimeError: no vocabulary"))
    if gone_first:
        record.disconnected()
    record.failed()
    record.disconnected()
    name, reasons = state(record)
    assert name == "failed"
    assert "no vocabulary" in reasons[0]
    assert "log" in reasons[-1]
    record.connected()
    assert state(record)[0] == "starting"


def test_that_it_stops_is_no_reason(record: ApiRecord):
    record.connected()
    record.take(condition("no vocabulary"))
    record.take(condition("the replica is shutting down", "no vocabulary", draining=True))
    record.failed()
    assert state(record)[1][0] == "no vocabulary"


def test_what_was_mended_is_no_reason(record: ApiRecord):
    record.connected()
    record.take(condition("the model server: gone"))
    record.take(condition())
    record.failed()
    assert not any("gone" in reason for reason in state(record)[1])


def test_seconds_are_sent_once_and_kept_for_ten_minutes(record: ApiRecord):
    record.news()
    for at in range(700):
        record.take(second(at, in_flight=float(at)))
    assert [row[0] for row in record.news()["seconds"]] == list(range(700))
    assert record.news() == {"seconds": []}
    assert [row[0] for row in record.whole()["seconds"]] == list(range(700 - KEPT_S, 700))


def test_a_row_has_rates(record: ApiRecord):
    record.take(second(5, seconds=2.0, in_flight=1.5, queued=0.5, requests={"200": 10, "503": 1}, p50_s=0.1, p99_s=0.2))
    assert record.whole()["seconds"] == [[5, 1.5, 0.5, 0.1, 0.2, {"200": 5.0, "503": 0.5}]]


def test_a_clock_that_is_set_back_adds_no_second_twice(record: ApiRecord):
    for at in (5, 6, 6, 4, 7):
        record.take(second(at))
    assert [row[0] for row in record.whole()["seconds"]] == [5, 6, 7]


def test_news_are_what_changed(record: ApiRecord):
    assert record.news()["state"] == "starting"
    assert "state" not in record.news()
    record.decide(1000.0)
    news = record.news()
    assert (news["decision"]["at"], news["decision"]["desired"]) == (1000, 1)
    assert "payload" not in news
    record.connected()
    assert record.news()["state"] == "starting"
    assert record.news() == {"seconds": []}


def test_decisions_are_those_of_ten_minutes(record: ApiRecord):
    for tick in range(100):
        record.decide(10.0 * tick)
    assert record.whole()["decisions"] == [[10 * tick, 1] for tick in range(40, 100)]


def load(bucket: int, in_flight: float, seconds: float = 10.0) -> Load:
    return Load(bucket=bucket, in_flight=in_flight, seconds=seconds, queued=0.0, arrived=0, served=0)


def test_two_processes_that_report_the_same_bucket_both_count(record: ApiRecord):
    """A replica that is replaced within a bucket: 4 for the first half of it, then 2 for the other."""
    record.connected()
    record.take(load(1000, 4.0, 5.0))
    record.disconnected()
    record.connected()
    record.take(load(1000, 2.0, 5.0))
    record.decide(1011.0)
    reason = record.whole()["decision"]["steps"][0][1]
    assert reason.startswith("3 requests in flight")


def test_the_sample_of_the_project_goes_before_an_example(tmp_path: Path):
    project = read(iris_project(tmp_path / "project"))
    record = ApiRecord(project, project.apis[0])
    record.connected()
    record.take(condition())
    whole = record.whole()
    assert (whole["payload"], whole["payload_from"]) == ((IRIS / "sample.json").read_text(), "sample.json")
    (project.folder / "sample.json").unlink()
    record.replace(project, project.apis[0])
    assert (record.whole()["payload"], record.whole()["payload_from"]) == (None, None)  # the model is not known
    record.connected()
    record.take(condition())
    assert (record.whole()["payload"], record.whole()["payload_from"]) == ('{\n  "x": [0.0]\n}', None)


def test_a_changed_project_keeps_the_past(tmp_path: Path):
    folder = iris_project(tmp_path / "project")
    project = read(folder)
    record = ApiRecord(project, project.apis[0])
    record.take(second(5))
    record.decide(10.0)
    with (folder / "cortex.yaml").open("a") as spec:
        spec.write("  autoscaling: {min_replicas: 2, init_replicas: 2}\n")
    project = read(folder)
    record.replace(project, project.apis[0])
    whole = record.whole()
    assert (len(whole["seconds"]), whole["decisions"], whole["min_replicas"]) == (1, [[10, 1]], 2)
    record.decide(20.0)
    assert record.whole()["decisions"][-1] == [20, 2]
