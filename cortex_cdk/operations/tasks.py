"""Replicas as ECS knows them: tasks, their containers, and why they ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cortex_cdk.operations.status import Cause

API_CONTAINER = "api"
SHORT_ID = 8
"""Digits of a task's id that people are shown: enough to tell the tasks of an API apart."""

_FAILED = frozenset({"EssentialContainerExited", "TaskFailedToStart"})
_NOT_PLACED = frozenset({"PROVISIONING"})
_STARTING = frozenset({"PROVISIONING", "PENDING", "ACTIVATING"})


class ReplicaState(StrEnum):
    """How a replica is."""

    WAITING = "waiting for an instance"
    STARTING = "starting"
    NOT_READY = "not ready"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of a task; ``exit_code`` is None while it runs, and where it never did."""

    name: str
    exit_code: int | None = None
    reason: str = ""
    health: str = "UNKNOWN"

    @property
    def end(self) -> str:
        """How it ended, unless that was well."""
        ended = f"{self.name} exited with {self.exit_code}" if self.exit_code else self.name if self.reason else ""
        return ": ".join(part for part in (ended, self.reason) if part)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task of ECS, which is a replica.

    Attributes:
        id: 32 hexadecimal digits.
        service: name of the service that started it; empty when none did.
        definition: ARN of its task definition, one for each release.
        status: ECS's ``lastStatus``.
        desired: ECS's ``desiredStatus``: ``RUNNING`` or ``STOPPED``.
        health: of the task as a whole, ``UNKNOWN`` without health checks.
        created, started, stopped: moments, None where it has not come to that.
        stop_code, stopped_reason: of ECS, empty while it runs.
        containers: its containers.
    """

    id: str
    definition: str
    service: str = ""
    status: str = "RUNNING"
    desired: str = "RUNNING"
    health: str = "UNKNOWN"
    created: datetime | None = None
    started: datetime | None = None
    stopped: datetime | None = None
    stop_code: str = ""
    stopped_reason: str = ""
    containers: Sequence[Container] = ()

    @property
    def short_id(self) -> str:
        """As people are shown it."""
        return self.id[:SHORT_ID]

    @property
    def state(self) -> ReplicaState:
        """How it is. Ready is what ``/readyz`` answers to the health check of its container ``api``."""
        if self.status == "STOPPED":
            return ReplicaState.STOPPED
        if self.desired == "STOPPED":
            return ReplicaState.STOPPING
        if self.status in _NOT_PLACED:
            return ReplicaState.WAITING
        if self.status in _STARTING:
            return ReplicaState.STARTING
        return ReplicaState.READY if self._healthy() else ReplicaState.NOT_READY

    def _healthy(self) -> bool:
        for container in self.containers:
            if container.name == API_CONTAINER:
                return container.health == "HEALTHY"
        return self.health != "UNHEALTHY"  # of a service that somebody else defined

    @property
    def failure(self) -> Cause | None:
        """Why it failed; None when it has not, or somebody wanted it to end."""
        if self.stopped is None:
            return None
        reasons = [self.stopped_reason, *(container.reason for container in self.containers)]
        if any("CannotPull" in reason for reason in reasons):
            return Cause.IMAGE_PULL
        if any(reason.startswith("OutOfMemory") for reason in reasons):
            return Cause.OUT_OF_MEMORY
        failed_check = self.stopped_reason.startswith("Task failed")
        return Cause.OTHER if self.stop_code in _FAILED or failed_check else None

    @property
    def words(self) -> str:
        """Why it ended, as well as ECS knows."""
        exits = [
            f"{container.name} exited with {container.exit_code}"
            + (f": {container.reason}" if container.reason else "")
            for container in self.containers
            if container.exit_code or (container.exit_code is None and container.reason)
        ]
        reason = self.stopped_reason.strip()
        if self.stop_code == "EssentialContainerExited" and exits:
            reason = ""  # ECS says no more than that
        return "; ".join(part for part in (reason, *exits) if part) or self.stop_code or "no reason given"


def task_of(document: Mapping[str, Any]) -> Task:
    """A task out of the answer of ``DescribeTasks``."""
    group = str(document.get("group", ""))
    return Task(
        id=str(document["taskArn"]).rpartition("/")[2],
        definition=str(document.get("taskDefinitionArn", "")),
        service=group.removeprefix("service:") if group.startswith("service:") else "",
        status=str(document.get("lastStatus", "")),
        desired=str(document.get("desiredStatus", "")),
        health=str(document.get("healthStatus") or "UNKNOWN"),
        created=document.get("createdAt"),
        started=document.get("startedAt"),
        stopped=document.get("stoppedAt"),
        stop_code=str(document.get("stopCode") or ""),
        stopped_reason=str(document.get("stoppedReason") or ""),
        containers=tuple(
            Container(
                name=str(container.get("name", "")),
                exit_code=container.get("exitCode"),
                reason=str(container.get("reason") or ""),
                health=str(container.get("healthStatus") or "UNKNOWN"),
            )
            for container in document.get("containers") or ()
        ),
    )


def current_failures(tasks: Iterable[Task], definition: str) -> list[Task]:
    """The tasks of a release that failed after its newest ready one had started, the latest first."""
    own = [task for task in tasks if task.definition == definition]
    started = [task.started for task in own if task.state is ReplicaState.READY and task.started is not None]
    since = max(started, default=None)
    failed = [task for task in own if task.failure is not None and task.stopped is not None]
    failed = [task for task in failed if since is None or (task.stopped is not None and task.stopped > since)]
    return sorted(failed, key=lambda task: task.stopped.timestamp() if task.stopped else 0.0, reverse=True)
