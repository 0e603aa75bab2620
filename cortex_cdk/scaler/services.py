"""The ECS services of a cluster that the scaler looks after, and the one call that changes them.

**Finding them.** ``ListServices`` gives 100 names a call and ``DescribeServices`` counts, tags and percents of 10
services a call. For 500 services these are 55 calls a tick, 5.5 a second, of the 20 a second (100 at once) that an
account may make in a region. The tagging API would save none of them: it is eventually consistent, and knows tags but
no counts.

**Changing them.** An account may make 5 changes of services a second, 50 at once. So a tick changes 40 services at
most, what would be refilled before the next tick and some to spare for deployments; the next tick does the rest.
``UpdateService`` gets the whole ``deploymentConfiguration`` back with new percents, because nothing is promised of
fields that are left out. Neither the count nor the percents start a deployment.

During a deployment ECS goes on with the new count and its percents from the next step on. The percents of the former
count would be wrong: 10 replicas that may be 3 more make 130 percent, which of 2 replicas is no one more, and with
100 percent healthy the deployment would never end.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html,
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cortex_cdk.autoscaling import Rollout

from .json_client import AwsError, Client
from .service_tags import API_TAG

LISTED_A_CALL = 100
DESCRIBED_A_CALL = 10
UPDATES_A_TICK = 40


@dataclass(frozen=True)
class Service:
    """An ECS service as of now.

    Attributes:
        arn: its name in AWS.
        desired: replicas that are requested.
        running: replicas that run.
        tags: all its tags.
        created: when it was made, in seconds since the epoch; None when ECS does not say.
        deployment: its ``deploymentConfiguration``, as ECS gave it.
        rolls: whether ECS itself replaces its tasks, so that percents mean something.
        deploying: whether it is being updated.
    """

    arn: str
    desired: int
    running: int
    tags: Mapping[str, str]
    created: float | None
    deployment: Mapping[str, Any]
    rolls: bool
    deploying: bool

    @property
    def identity(self) -> str:
        """The same for one service; another when it was deleted and made again under its name."""
        return self.arn if self.created is None else f"{self.arn} {self.created:.0f}"

    def has(self, desired: int, percents: Rollout) -> bool:
        """Whether it is set to this count and these percents."""
        if desired != self.desired:
            return False
        found = (self.deployment.get("maximumPercent", 200), self.deployment.get("minimumHealthyPercent", 100))
        return not self.rolls or found == tuple(percents)


@dataclass
class Found:
    """The services that carry the scaler's tag, and what went wrong on the way to them."""

    services: list[Service] = field(default_factory=list)
    errors: list[AwsError] = field(default_factory=list)


def find(ecs: Client, cluster: str, pool: Executor, deadline: float) -> Found:
    """All active services of a cluster with the tag ``cortex:api``. Never raises ``AwsError``."""
    found = Found()
    calls = []
    try:
        for arns in _listed(ecs, cluster, deadline):
            for start in range(0, len(arns), DESCRIBED_A_CALL):
                some = arns[start : start + DESCRIBED_A_CALL]
                calls.append(pool.submit(_described, ecs, cluster, some, deadline))
    except AwsError as error:
        found.errors.append(error)
    for call in calls:
        try:
            found.services += call.result()
        except AwsError as error:
            found.errors.append(error)
    return found


def update(ecs: Client, cluster: str, service: Service, desired: int, percents: Rollout, deadline: float) -> None:
    """Set a service's count and, in the same call, its percents.

    Raises:
        AwsError: when ECS does not take it.
    """
    request: dict[str, Any] = {"cluster": cluster, "service": service.arn, "desiredCount": desired}
    if service.rolls:
        request["deploymentConfiguration"] = {
            **service.deployment,
            "maximumPercent": percents.maximum_percent,
            "minimumHealthyPercent": percents.minimum_healthy_percent,
        }
    ecs.call("UpdateService", request, deadline=deadline)


def _listed(ecs: Client, cluster: str, deadline: float) -> Iterator[list[str]]:
    request: dict[str, Any] = {"cluster": cluster, "maxResults": LISTED_A_CALL, "schedulingStrategy": "REPLICA"}
    while True:
        answer = ecs.call("ListServices", request, deadline=deadline)
        yield answer.get("serviceArns", [])
        if not answer.get("nextToken"):
            return
        request["nextToken"] = answer["nextToken"]


def _described(ecs: Client, cluster: str, arns: list[str], deadline: float) -> list[Service]:
    request = {"cluster": cluster, "services": arns, "include": ["TAGS"]}
    answer = ecs.call("DescribeServices", request, deadline=deadline)
    # Services that were deleted meanwhile are in `failures`, or no longer ACTIVE.
    return [
        _service(document)
        for document in answer.get("services", [])
        if document.get("status") == "ACTIVE" and any(tag.get("key") == API_TAG for tag in document.get("tags") or ())
    ]


def _service(document: dict[str, Any]) -> Service:
    controller = (document.get("deploymentController") or {}).get("type", "ECS")
    return Service(
        arn=document["serviceArn"],
        desired=int(document.get("desiredCount", 0)),
        running=int(document.get("runningCount", 0)),
        tags={tag["key"]: tag.get("value", "") for tag in document["tags"]},
        created=_timestamp(document.get("createdAt")),
        deployment=document.get("deploymentConfiguration") or {},
        rolls=controller == "ECS",
        deploying=len(document.get("deployments") or ()) > 1,
    )


def _timestamp(value: Any) -> float | None:
    """Seconds since the epoch: ECS sends them, emulators send ISO 8601."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) else None
