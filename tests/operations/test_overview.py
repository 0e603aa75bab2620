"""What is said of an API: its counts, its status and what a person has to know, out of what ECS and the table hold."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType

from cortex_cdk.autoscaling import Policy
from cortex_cdk.cli import get_tables
from cortex_cdk.operations.cluster import Cluster, Parts
from cortex_cdk.operations.documents import document_of
from cortex_cdk.operations.overview import ApiOverview, Overview, Wanted
from cortex_cdk.operations.services import Deployment, Event, Service
from cortex_cdk.operations.task_definition import Release
from cortex_cdk.operations.tasks import Container, Task
from cortex_cdk.scaler import state
from cortex_cdk.scaler.service_tags import Strategy, tags_of
from tests.support.fake_aws import FakeAws

LATEST, FORMER = "definition:2", "definition:1"
NOW = 1_700_000_000.0
PARTS = Parts(stack="home", ecs_cluster="arn/home", table="table", scaler_log="log", url="http://lb")


def ago(minutes: float) -> datetime:
    return datetime.fromtimestamp(NOW, UTC) - timedelta(minutes=minutes)


class Home(Cluster):
    """A cluster of one API, whose service and tasks are as a test says."""

    def __init__(self, service: Service, tasks: list[Task], decided_s: float | None = 5) -> None:
        super().__init__(aws_with(decided_s), PARTS)
        self.service_, self.tasks_ = service, tasks

    def services(self) -> list[Service]:
        return [self.service_]

    def tasks(self, service: Service | None = None) -> list[Task]:
        return self.tasks_

    def release(self, service: Service) -> Release:
        return Release(definition=LATEST, endpoint="/v1/iris")


def aws_with(decided_s: float | None) -> FakeAws:
    """Without reports and metrics; the scaler decided ``decided_s`` ago."""

    def states(RequestItems: dict[str, Any]) -> dict[str, Any]:
        (table,) = RequestItems
        if decided_s is None:
            return {"Responses": {table: []}}
        item = {
            **state.key_of("iris"),
            "slot": {"N": str(state.slot_of(NOW - decided_s))},
            "desired": {"N": "2"},
            "history": {"S": '{"began":null,"ticked":null,"desired":null,"records":[]}'},
            "service": {"S": "s"},
            "policy": {"S": "p"},
            "initial": {"BOOL": False},
        }
        return {"Responses": {table: [item]}}

    return FakeAws({"Query": {"Items": []}, "BatchGetItem": states, "GetMetricData": {"MetricDataResults": []}})


def service(**values: Any) -> Service:
    tags = tags_of(Policy(min_replicas=1, max_replicas=9), Strategy(), "iris")
    base = {"arn": "a", "name": "service", "tags": tags, "requested": 2, "definition": LATEST, "created": ago(60)}
    return Service(**(base | values))


def task(id: str = "1", *, definition: str = LATEST, healthy: bool = True, **values: Any) -> Task:
    container = Container(name="api", health="HEALTHY" if healthy else "UNKNOWN")
    base = {"service": "service", "started": ago(30), "created": ago(31), "containers": (container,)}
    return Task(id=id * 32, definition=definition, **(base | values))


def crashed(minutes: float, id: str = "f", **values: Any) -> Task:
    end = {"status": "STOPPED", "desired": "STOPPED", "stopped": ago(minutes), "stop_code": "EssentialContainerExited"}
    return task(id, **end | {"containers": (Container(name="api", exit_code=1),)} | values)


def seen(of: Service, tasks: list[Task], **more: Any) -> ApiOverview:
    (found,) = Overview(Home(of, tasks, **more), clock=lambda: NOW).read()
    return found


def test_a_live_api() -> None:
    found = seen(service(), [task("1"), task("2")])
    assert (found.status, found.ready, found.starting, found.stale) == ("live", 2, 0, 0)
    assert found.url == "http://lb/v1/iris"
    assert found.notes == []
    assert found.load is None


def test_a_rollout() -> None:
    tasks = [task("1", definition=FORMER), task("2", definition=FORMER), task("3", healthy=False)]
    found = seen(service(), tasks)
    assert (found.status, found.ready, found.starting, found.stale) == ("updating", 0, 1, 2)
    # One that was told to stop is no longer counted.
    found = seen(service(), [task("1", definition=FORMER, desired="STOPPED"), task("3"), task("4")])
    assert (found.status, found.ready, found.stale) == ("live", 2, 0)


def test_a_release_that_fails_while_the_former_serves() -> None:
    found = seen(service(), [task("1", definition=FORMER), crashed(1), crashed(3)])
    assert (found.status, found.ready, found.stale, len(found.failures)) == ("error", 0, 1, 2)
    assert found.notes == [
        "replica ffffffff failed: api exited with 1; see `cortex-cdk logs iris --replica ffffffff --since 1h`"
    ]


def test_a_failure_that_was_made_good() -> None:
    found = seen(service(requested=1), [crashed(5), task("2", started=ago(4))])
    assert (found.status, found.notes, found.failures) == ("live", [], [])


def test_no_instance_comes() -> None:
    waiting = task("2", status="PROVISIONING", created=ago(6), started=None)
    found = seen(service(), [task("1"), waiting])
    assert (found.status, found.starting) == ("compute unavailable", 1)
    assert found.notes[0].startswith("replicas wait for an instance; see the instance group's maximum")
    unplaced = Event(ago(1), "was unable to place a task because of memory.")
    found = seen(service(events=[unplaced]), [task("1")])
    assert found.notes[0].startswith("was unable to place a task because of memory.; see")


def test_a_release_that_was_taken_back() -> None:
    failed = Deployment(status="ACTIVE", definition="x", state="FAILED", reason="tasks failed to start.")
    found = seen(service(deployments=[failed]), [task("1"), task("2")])
    assert found.status == "live"
    assert found.notes == ["the last release was taken back: tasks failed to start."]


@pytest.mark.parametrize(
    ("decided_s", "note"),
    [
        (5, None),
        (55, None),
        (185, "the scaler has not decided for 3 min; see its log, or the alarm on its heartbeat"),
        (None, "the scaler has not decided yet"),
    ],
)
def test_the_scalers_heartbeat(decided_s: float | None, note: str | None) -> None:
    assert seen(service(), [task("1"), task("2")], decided_s=decided_s).notes == ([note] if note else [])


def test_tags_that_are_wrong() -> None:
    found = seen(service(tags={"cortex:api": "iris", "cortex:max_replicas": "?"}), [task("1"), task("2")])
    assert found.notes == ["its tags are wrong, so it is not scaled; deploy it again"]
    assert document_of(found, 60)["replicas"]["max"] is None


def test_tasks_of_other_services_are_not_counted() -> None:
    assert seen(service(), [task("1"), task("2", service="other")]).ready == 1


def test_each_source_is_asked_as_often_as_it_has_news() -> None:
    now = [NOW]
    home = Home(service(), [])
    aws = home.aws
    assert isinstance(aws, FakeAws)
    overview = Overview(home, Wanted(300), clock=lambda: now[0])
    for _ in range(120):
        overview.read()
        now[0] += 1
    assert len(aws.called("GetMetricData")) == 2
    assert len(aws.called("Query")) == 24
    assert len(aws.called("BatchGetItem")) == 24


def test_the_history_is_read_once_and_then_what_is_new() -> None:
    now = [NOW]
    home = Home(service(), [])
    aws = home.aws
    assert isinstance(aws, FakeAws)

    def query(**arguments: Any) -> dict[str, Any]:
        first, last = (arguments["ExpressionAttributeValues"][name]["S"] for name in (":first", ":last"))
        buckets = range(int(first.partition("#")[0]), int(min(int(last.partition("#")[0]), now[0] - 10)) + 1, 10)
        return {
            "Items": [
                {"sk": {"S": f"{bucket:010d}#r"}, "in_flight": {"N": str(bucket % 7)}, "seconds": {"N": "10"}}
                for bucket in buckets
            ]
        }

    aws.answers["Query"] = query
    overview = Overview(home, Wanted(300, history=True), clock=lambda: now[0])
    (first,) = overview.read()
    for _ in range(70):
        now[0] += 10
        (last,) = overview.read()
    assert None not in first.history
    last_bucket = int((now[0] - 5) // 10 - 1) * 10
    assert list(last.history) == [float((last_bucket - 590 + 10 * place) % 7) for place in range(60)]
    spans = [
        int(call["ExpressionAttributeValues"][":last"]["S"][:10])
        - int(call["ExpressionAttributeValues"][":first"]["S"][:10])
        for call in aws.called("Query")
    ]
    assert spans[0] > 600
    assert max(spans[1:]) < 100
    assert last.load is not None


def test_the_document_is_json_with_utc_times() -> None:
    document = document_of(seen(service(), [task("1"), crashed(2)]), 300)
    assert document["name"] == "iris"
    assert document["updated"] == "2023-11-14T21:13:20+00:00"
    assert document["scaler"] == {"decided": "2023-11-14T22:13:10+00:00", "last": None}
    assert [one["state"] for one in document["tasks"]] == ["ready", "stopped"]
    assert document["tasks"][1]["failed"] == "api exited with 1"
    assert document["replicas"] | {"ready": 1, "failed": 1} == document["replicas"]


def shown(*parts: RenderableType) -> list[str]:
    console = Console(file=io.StringIO(), width=150)
    console.print(*parts)
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_the_table_has_columns_for_what_is_there() -> None:
    failing = seen(service(), [task("1", definition=FORMER), crashed(1)])
    lines = shown(get_tables.summary([failing], NOW))
    assert lines[0] == "api status ready requested stale failed in flight 2xx 4xx 5xx p50 p99 updated"
    assert lines[2].startswith("iris error 0 2 1 1 - - - - - - 60 min")
    assert lines[3].startswith("iris: replica ffffffff failed: api exited with 1; see")
    assert "stale" not in shown(get_tables.summary([seen(service(), [task("1")])], NOW))[0]


def test_a_release_that_was_taken_back_leads_to_its_log() -> None:
    gone = Deployment(status="ACTIVE", definition="definition:3", state="FAILED", reason="it failed.")
    primary = Deployment(status="PRIMARY", definition=LATEST, created=ago(5))
    failed = [crashed(minute, f"{minute}", definition="definition:3") for minute in (3, 1, 2)]
    found = seen(service(deployments=(primary, gone)), [task("a"), task("b"), *failed])
    hint = "see `cortex-cdk logs iris --replica 11111111 --since 1h`"
    assert found.notes == [f"the last release was taken back: it failed; {hint}"]
    assert "11111111 failed taken back 60 s api exited with 1" in shown(get_tables.details(found, "1h", NOW))


def test_each_replica_is_listed_and_the_latest_failures() -> None:
    tasks = [task("1", definition=FORMER), task("2", healthy=False), *(crashed(minute) for minute in range(7))]
    lines = shown(get_tables.details(seen(service(), tasks), "1h", NOW))
    assert "11111111 ready former 30 min" in lines
    assert "22222222 not ready latest 30 min" in lines
    failed = [line for line in lines if line.startswith("ffffffff failed latest ")]
    assert failed == [
        f"ffffffff failed latest {age} api exited with 1" for age in ("0 s", "60 s", "120 s", "180 s", "240 s")
    ]
    assert "curl http://lb/v1/iris -H 'Content-Type: application/json' -d @sample.json" in lines
