"""Services as ECS knows them, each of which is an API, and their deployments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from cortex_cdk.operations.tasks import ReplicaState, Task
from cortex_cdk.scaler.service_tags import API_TAG, ScalerTarget, TagError, parse

WAITS_FOR = timedelta(minutes=5)
"""For an instance, before it is said that none comes. One starts within 2 to 3 minutes."""

_ROLLED_BACK = re.compile(r"roll(ing|ed)? ?back", re.IGNORECASE)
_JUST_BEFORE = timedelta(minutes=1)
_UNPLACED = "unable to place a task"
_PLACED = "has started"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A deployment of a service: one release of it on its way in or out.

    Attributes:
        status: ``PRIMARY``: the latest; ``ACTIVE``: a former one that still has tasks.
        definition: ARN of its task definition.
        state: ``IN_PROGRESS``, ``COMPLETED``, ``FAILED``; empty where ECS does not say.
        reason: of the state, in ECS's words.
        updated: when it last changed.
    """

    status: str
    definition: str
    state: str = ""
    reason: str = ""
    created: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True)
class Event:
    """A line of a service's history."""

    at: datetime
    message: str


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that the scaler looks after.

    Attributes:
        arn, name: its names in ECS.
        tags: all its tags.
        requested: replicas that are asked for.
        definition: ARN of the latest task definition.
        created: when it was made.
        deployments: the latest first.
        events: the latest first, at most 100.
    """

    arn: str
    name: str
    tags: Mapping[str, str]
    requested: int
    definition: str
    created: datetime | None = None
    deployments: Sequence[Deployment] = ()
    events: Sequence[Event] = ()

    @property
    def api(self) -> str:
        """The API's name."""
        return self.tags[API_TAG]

    @cached_property
    def target(self) -> ScalerTarget | None:
        """Its policy; None when its tags are wrong, and it is not scaled."""
        try:
            return parse(self.tags)
        except TagError:
            return None

    @property
    def primary(self) -> Deployment | None:
        """The latest deployment."""
        return next((one for one in self.deployments if one.status == "PRIMARY"), None)

    @property
    def updated(self) -> datetime | None:
        """When its release was last changed."""
        return self.primary.created if self.primary else self.created

    @property
    def rolled_back(self) -> str | None:
        """What ECS says about a release that it has taken back, until there is another one."""
        primary = self.primary
        for deployment in self.deployments:
            newer = primary is None or _revision(deployment.definition) >= _revision(primary.definition)
            if deployment.state == "FAILED" and newer:
                return deployment.reason or "its deployment has failed"
        if primary is None:
            return None
        if _ROLLED_BACK.search(primary.reason):
            return primary.reason
        for event in self.events:  # the deployment itself is soon forgotten
            if _ROLLED_BACK.search(event.message) and event.at >= (primary.created or event.at) - _JUST_BEFORE:
                return event.message
        return None

    def was_taken_back(self, definition: str) -> bool:
        """Whether a release is a later one than that which the service has."""
        return _revision(definition) > _revision(self.definition)

    def unplaced(self, now: datetime) -> str | None:
        """Why ECS finds no room for a task, in its words, when that is what it tried last."""
        for event in self.events:
            if _PLACED in event.message:
                return None
            if _UNPLACED in event.message:
                return event.message if now - event.at < 2 * WAITS_FOR else None
        return None

    def stalled(self, tasks: Iterable[Task], now: datetime) -> bool:
        """Whether replicas wait for an instance longer than one needs to start."""
        waiting = [task.created for task in tasks if task.state is ReplicaState.WAITING]
        return any(at is not None and now - at >= WAITS_FOR for at in waiting) or self.unplaced(now) is not None


def services_of(documents: Iterable[Mapping[str, Any]]) -> list[Service]:
    """The services of APIs among the answers of ``DescribeServices``, by the names of the APIs.

    While a stack replaces its service there are two of an API: the newer one counts, as for the scaler.
    """
    found: dict[str, Service] = {}
    for document in documents:
        tags = {str(tag["key"]): str(tag.get("value", "")) for tag in document.get("tags") or ()}
        if document.get("status") != "ACTIVE" or not tags.get(API_TAG):
            continue
        service = _service(document, tags)
        other = found.get(service.api)
        if other is None or _moment(other) <= _moment(service):
            found[service.api] = service
    return [found[api] for api in sorted(found)]


def _revision(definition: str) -> int:
    """The number at the end of a task definition's ARN: each release has a higher one; 0 where there is none."""
    number = definition.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def _moment(service: Service) -> float:
    return service.created.timestamp() if service.created else 0.0


def _service(document: Mapping[str, Any], tags: Mapping[str, str]) -> Service:
    return Service(
        arn=str(document["serviceArn"]),
        name=str(document["serviceName"]),
        tags=tags,
        requested=int(document.get("desiredCount", 0)),
        definition=str(document.get("taskDefinition", "")),
        created=document.get("createdAt"),
        deployments=tuple(
            Deployment(
                status=str(deployment.get("status", "")),
                definition=str(deployment.get("taskDefinition", "")),
                state=str(deployment.get("rolloutState") or ""),
                reason=str(deployment.get("rolloutStateReason") or ""),
                created=deployment.get("createdAt"),
                updated=deployment.get("updatedAt"),
            )
            for deployment in document.get("deployments") or ()
        ),
        events=tuple(
            Event(event["createdAt"], str(event.get("message", "")))
            for event in document.get("events") or ()
            if event.get("createdAt") is not None
        ),
    )
