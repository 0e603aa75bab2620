"""A deployed cluster: where its parts are, its services, replicas and releases."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any

from cortex_cdk.operations.aws import Aws
from cortex_cdk.operations.errors import CallError, OperationError
from cortex_cdk.operations.services import Service, services_of
from cortex_cdk.operations.task_definition import Release, release_of
from cortex_cdk.operations.tasks import Task, task_of

_DESCRIBED_SERVICES = 10  # a call, of ECS
_DESCRIBED_TASKS = 100
_URL, _DASHBOARD = "Url", "Dashboard"
# The names that the constructs `Cluster` and `Scaler` give their resources in any stack, and the hash of their path.
_TABLE = re.compile(r"ScalerTable[0-9A-F]{8}")
_LOG = re.compile(r"ScalerLog[0-9A-F]{8}")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a cluster's stack made.

    Attributes:
        stack: its name.
        ecs_cluster: name or ARN of the ECS cluster.
        table: the table of load reports and of the scaler's states.
        scaler_log: the log group of the scaler.
        load_balancer: ARN of the load balancer; None when the stack has none.
        url: before the paths of the APIs; None when the stack has no such output.
        dashboard: where the cluster's dashboard is seen, likewise.
    """

    stack: str
    ecs_cluster: str
    table: str
    scaler_log: str
    load_balancer: str | None = None
    url: str | None = None
    dashboard: str | None = None

    @property
    def ecs_cluster_name(self) -> str:
        """The name alone, which metrics have as a dimension."""
        return self.ecs_cluster.rpartition("/")[2]


def find(aws: Aws, stack: str) -> Parts:
    """The cluster that a stack holds.

    Raises:
        OperationError: when there is no such stack, or no cluster in it.
    """
    found = _stack(aws, stack)
    if found is None:
        raise OperationError(
            f"there is no stack {stack} in {aws.region}; deploy it (`cdk deploy --all`), "
            f"or name another with --cluster, --region or --profile"
        )
    resources = [
        (str(one["ResourceType"]), str(one["LogicalResourceId"]), str(one.get("PhysicalResourceId", "")))
        for page in aws.pages("cloudformation", "ListStackResources", StackName=stack)
        for one in page["StackResourceSummaries"]
    ]

    def first(kind: str, name: re.Pattern[str] | None = None) -> str:
        found = (id for type, logical, id in resources if type == kind and (name is None or name.search(logical)))
        return next(found, "")

    ecs_cluster, table = first("AWS::ECS::Cluster"), first("AWS::DynamoDB::Table", _TABLE)
    scaler_log = first("AWS::Logs::LogGroup", _LOG)
    if not (ecs_cluster and table and scaler_log):
        state = str(found.get("StackStatus", ""))
        if state.endswith("IN_PROGRESS"):
            raise OperationError(f"the stack {stack} is not complete ({state}); wait until its deployment has ended")
        raise OperationError(
            f"the stack {stack} in {aws.region} ({state}) is no cluster of APIs; --cluster takes the name of the "
            "cluster's stack"
        )
    outputs = _outputs(found)
    return Parts(
        stack=stack,
        ecs_cluster=ecs_cluster,
        table=table,
        scaler_log=scaler_log,
        load_balancer=first("AWS::ElasticLoadBalancingV2::LoadBalancer") or None,
        url=outputs.get(_URL),
        dashboard=outputs.get(_DASHBOARD),
    )


def _stack(aws: Aws, name: str) -> Mapping[str, Any] | None:
    """A stack's description; None where there is none of that name."""
    try:
        (found,) = aws.call("cloudformation", "DescribeStacks", StackName=name)["Stacks"]
    except CallError as error:
        if error.code == "ValidationError" and "does not exist" in error.detail:
            return None
        raise
    return dict(found)


def _outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    return {str(one["OutputKey"]): str(one.get("OutputValue", "")) for one in stack.get("Outputs") or ()}


class Cluster:
    """Reads what ECS knows of a cluster. May be used by many threads.

    Args:
        aws: the account.
        parts: from ``find``.
    """

    def __init__(self, aws: Aws, parts: Parts) -> None:
        self.aws = aws
        self.parts = parts
        self._releases: dict[str, Release] = {}
        self._lock = threading.Lock()

    def services(self) -> list[Service]:
        """The services of all APIs, by the names of the APIs."""
        cluster = self.parts.ecs_cluster
        pages = self.aws.pages("ecs", "ListServices", cluster=cluster, PaginationConfig={"PageSize": 100})
        arns = [arn for page in pages for arn in page["serviceArns"]]
        documents = [
            document
            for some in _batches(arns, _DESCRIBED_SERVICES)
            for document in self.aws.call("ecs", "DescribeServices", cluster=cluster, services=some, include=["TAGS"])[
                "services"
            ]
        ]
        return services_of(documents)

    def service(self, api: str) -> Service:
        """The service of an API.

        Raises:
            OperationError: when there is none.
        """
        found = {service.api: service for service in self.services()}
        if api not in found:
            raise OperationError(self._no_such_api(api, list(found)))
        return found[api]

    def tasks(self, service: Service | None = None) -> list[Task]:
        """The tasks of a service, or of all: those that are there, and those that ended within the last hour."""
        cluster = self.parts.ecs_cluster
        narrowed = {"serviceName": service.name} if service else {}
        arns: dict[str, None] = {}
        for status in ("RUNNING", "STOPPED"):
            for page in self.aws.pages("ecs", "ListTasks", cluster=cluster, desiredStatus=status, **narrowed):
                arns |= dict.fromkeys(page["taskArns"])
        return [
            task_of(document)
            for some in _batches(list(arns), _DESCRIBED_TASKS)
            for document in self.aws.call("ecs", "DescribeTasks", cluster=cluster, tasks=some)["tasks"]
        ]

    def release(self, service: Service) -> Release:
        """What a service's latest task definition says, which never changes."""
        with self._lock:
            known = self._releases.get(service.definition)
        if known is None:
            answer = self.aws.call("ecs", "DescribeTaskDefinition", taskDefinition=service.definition)
            known = release_of(answer["taskDefinition"])
            with self._lock:
                self._releases[service.definition] = known
        return known

    def url(self, release: Release) -> str | None:
        """Where an API is called; None where that is not known."""
        if self.parts.url is None or release.endpoint is None:
            return None
        return self.parts.url + release.endpoint

    def dashboard(self, api: str) -> str | None:
        """Where an API's dashboard is seen; None where its stack has another name than the app gives it, or none."""
        found = _stack(self.aws, f"{self.parts.stack}-{api}")
        return None if found is None else _outputs(found).get(_DASHBOARD)

    def _no_such_api(self, api: str, known: Sequence[str]) -> str:
        stack = self.parts.stack
        if not known:
            return f"the cluster {stack} in {self.aws.region} has no APIs; deploy them (`cdk deploy --all`)"
        close = get_close_matches(api, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(known)}"
        return f"the cluster {stack} in {self.aws.region} has no API {api}; {hint}"


def _batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
