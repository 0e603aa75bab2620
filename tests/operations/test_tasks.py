"""Tasks of ECS: how a replica is, why it failed, and which failures still count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cortex_cdk.operations.status import Cause
from cortex_cdk.operations.tasks import Container, ReplicaState, Task, current_failures, task_of

NOW = datetime(2026, 5, 31, 12, tzinfo=UTC)
LATEST, FORMER = "definition:2", "definition:1"


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def task(**values: Any) -> Task:
    return Task(
        **{"id": "a" * 32, "definition": LATEST, "containers": (Container(name="api", health="HEALTHY"),)} | values
    )


def failed(minute: float, **values: Any) -> Task:
    reason = {"stop_code": "EssentialContainerExited", "stopped_reason": "Essential container in task exited"}
    return task(status="STOPPED", desired="STOPPED", stopped=at(minute), **reason | values)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({}, "ready"),
        ({"containers": (Container(name="api", health="UNKNOWN"),), "health": "HEALTHY"}, "not ready"),
        ({"containers": (Container(name="serve"), Container(name="api", health="UNHEALTHY"))}, "not ready"),
        ({"containers": (Container(name="web"),)}, "ready"),  # somebody's own service, without a health check
        ({"containers": (Container(name="web"),), "health": "UNHEALTHY"}, "not ready"),
        ({"status": "PROVISIONING"}, "waiting for an instance"),
        ({"status": "PENDING"}, "starting"),
        ({"status": "ACTIVATING"}, "starting"),
        ({"desired": "STOPPED"}, "stopping"),
        ({"desired": "STOPPED", "status": "DEACTIVATING"}, "stopping"),
        ({"desired": "STOPPED", "status": "STOPPED"}, "stopped"),
    ],
)
def test_states(values: dict[str, Any], state: str) -> None:
    assert task(**values).state == state


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({}, Cause.OTHER),
        ({"stop_code": "TaskFailedToStart", "stopped_reason": "ResourceInitializationError: no"}, Cause.OTHER),
        ({"stop_code": "TaskFailedToStart", "stopped_reason": "CannotPullContainerError: no"}, Cause.IMAGE_PULL),
        (
            {"containers": (Container(name="api", reason="CannotPullContainerError: denied"),)},
            Cause.IMAGE_PULL,
        ),
        (
            {"containers": (Container(name="api", exit_code=137, reason="OutOfMemoryError: Container killed"),)},
            Cause.OUT_OF_MEMORY,
        ),
        (
            {"stop_code": "ServiceSchedulerInitiated", "stopped_reason": "Task failed ELB health checks in x"},
            Cause.OTHER,
        ),
        (
            {"stop_code": "ServiceSchedulerInitiated", "stopped_reason": "Scaling activity initiated by deployment"},
            None,
        ),
        ({"stop_code": "UserInitiated", "stopped_reason": "Task stopped by user"}, None),
        ({"stop_code": "SpotInterruption", "stopped_reason": "Your Spot Task was interrupted."}, None),
    ],
)
def test_causes(values: dict[str, Any], cause: Cause | None) -> None:
    assert failed(0, **values).failure is cause


def test_what_runs_has_not_failed() -> None:
    assert task(stop_code="EssentialContainerExited").failure is None


def test_why_it_ended() -> None:
    containers = (
        Container(name="downloader", exit_code=0),
        Container(name="api", exit_code=1),
        Container(name="serve"),
    )
    assert failed(0, containers=containers).words == "api exited with 1"
    killed = Container(name="api", exit_code=137, reason="OutOfMemoryError: killed")
    assert failed(0, containers=(killed,)).words == "api exited with 137: OutOfMemoryError: killed"
    pull = {"stop_code": "TaskFailedToStart", "stopped_reason": "CannotPullContainerError: no such image"}
    assert failed(0, **pull, containers=()).words == "CannotPullContainerError: no such image"
    assert failed(0, stopped_reason="", containers=()).words == "EssentialContainerExited"


def test_a_failure_counts_until_a_later_replica_is_ready() -> None:
    crash = failed(10, id="crash")
    older, newer = task(started=at(5)), task(started=at(11))
    assert current_failures([crash, older], LATEST) == [crash]
    assert current_failures([crash, older, newer], LATEST) == []
    starting = task(status="PENDING", started=None)
    assert current_failures([crash, starting], LATEST) == [crash]


def test_failures_of_other_releases_do_not_count() -> None:
    assert current_failures([failed(1, definition=FORMER)], LATEST) == []
    crash = failed(3)
    assert current_failures([crash, task(definition=FORMER, started=at(4))], LATEST) == [crash]


def test_the_latest_failure_is_first() -> None:
    failures = [failed(minute, id=str(minute)) for minute in (2, 5, 3)]
    assert [one.id for one in current_failures(failures, LATEST)] == ["5", "3", "2"]


def test_from_ecs() -> None:
    found = task_of(
        {
            "taskArn": "arn:aws:ecs:eu-west-1:000000000000:task/cluster/0123456789abcdef",
            "taskDefinitionArn": LATEST,
            "group": "service:iris",
            "lastStatus": "RUNNING",
            "desiredStatus": "RUNNING",
            "startedAt": NOW,
            "containers": [{"name": "api", "healthStatus": "HEALTHY", "lastStatus": "RUNNING"}],
        }
    )
    assert (found.id, found.short_id, found.service) == ("0123456789abcdef", "01234567", "iris")
    assert found.state is ReplicaState.READY
    assert task_of({"taskArn": "x/y", "group": "family:iris"}).service == ""
