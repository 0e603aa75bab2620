"""What became of a deployment: services, tasks, load reports, decisions, and calls through the load balancer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from tests.emulator.harness import emulator, podman, processes

CLUSTER_STACK = "cortex"
DEADLINE_S = 300.0


@dataclass(frozen=True)
class Stack:
    """A deployed stack."""

    name: str

    def resources(self, kind: str) -> list[str]:
        """The physical ids of its resources of a type such as ``AWS::ECS::Service``."""
        return [found["PhysicalResourceId"] for found in self._resources() if found["ResourceType"] == kind]

    def one(self, kind: str) -> str:
        """The only one of a type."""
        (found,) = self.resources(kind)
        return found

    def _resources(self) -> Iterator[dict[str, Any]]:
        pages = emulator.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        for page in pages:
            yield from page["StackResourceSummaries"]


def stacks() -> set[str]:
    """The names of all stacks that are there, but the one of ``cdk bootstrap``."""
    pages = emulator.client("cloudformation").get_paginator("describe_stacks").paginate()
    return {stack["StackName"] for page in pages for stack in page["Stacks"]} - {"CDKToolkit"}


def containers() -> list[str]:
    """The names of all pods' containers that are there."""
    command = podman.command("ps", "--all", "--format", "{{.Names}}")
    done = subprocess.run(command, env=podman.environment(), capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split() if name != podman.KEEPER]


@dataclass(frozen=True)
class Api:
    """A deployed API."""

    name: str

    @cached_property
    def load_balancer(self) -> str:
        """The host by which the emulator knows the load balancer."""
        arn = Stack(CLUSTER_STACK).one("AWS::ElasticLoadBalancingV2::LoadBalancer")
        found = emulator.client("elbv2").describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
        return f"{found[0]['LoadBalancerName'].lower()}.alb.localhost"

    @cached_property
    def cluster(self) -> str:
        """The ECS cluster."""
        return Stack(CLUSTER_STACK).one("AWS::ECS::Cluster")

    def client(self) -> httpx.Client:
        """A client whose requests go through the load balancer."""
        headers = {"Host": self.load_balancer}
        return httpx.Client(base_url=emulator.URL, headers=headers, timeout=60, trust_env=False)

    def predict(self, payload: Any) -> httpx.Response:
        """One request."""
        with self.client() as client:
            return client.post(f"/{self.name}", json=payload)

    def service(self) -> dict[str, Any]:
        """The ECS service with its tags."""
        arn = Stack(f"{CLUSTER_STACK}-{self.name}").one("AWS::ECS::Service")
        answer = emulator.client("ecs").describe_services(cluster=self.cluster, services=[arn], include=["TAGS"])
        (found,) = answer["services"]
        return dict(found)

    def tasks(self) -> dict[str, str]:
        """The ARNs of its tasks that are not stopped, with their task definitions."""
        ecs = emulator.client("ecs")
        arns = ecs.list_tasks(cluster=self.cluster, serviceName=self.service()["serviceName"])["taskArns"]
        found = ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"] if arns else []
        return {task["taskArn"]: task["taskDefinitionArn"] for task in found if task["lastStatus"] == "RUNNING"}

    def containers(self) -> list[dict[str, Any]]:
        """Of the task definition that the service has."""
        definition = self.service()["taskDefinition"]
        found = emulator.client("ecs").describe_task_definition(taskDefinition=definition)["taskDefinition"]
        return list(found["containerDefinitions"])

    def reports(self) -> list[dict[str, Any]]:
        """Its load reports, oldest first."""
        answer = emulator.client("dynamodb").query(
            TableName=Stack(CLUSTER_STACK).one("AWS::DynamoDB::Table"),
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"load#{self.name}"}},
        )
        return [
            {"sk": item["sk"]["S"], "in_flight": float(item["in_flight"]["N"]), "draining": item["draining"]["BOOL"]}
            for item in answer["Items"]
        ]

    def decisions(self) -> list[dict[str, Any]]:
        """The lines of the scaler's log that are about it, oldest first."""
        function = Stack(CLUSTER_STACK).one("AWS::Lambda::Function")
        configuration = emulator.client("lambda").get_function_configuration(FunctionName=function)
        group = configuration["LoggingConfig"]["LogGroup"]
        lines: list[dict[str, Any]] = []
        for page in emulator.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group):
            for event in page["events"]:
                if event["message"].startswith("{"):
                    line = json.loads(event["message"])
                    if line.get("Api") == self.name:
                        lines.append(line)
        return lines

    def wait(self, condition: Callable[[], object], what: str, timeout: float = DEADLINE_S) -> None:
        """Wait for something about it; the error says how its service is."""
        try:
            processes.wait_until(condition, what, timeout, poll=0.5)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.state()}") from None

    def wait_running(self, count: int) -> None:
        """Wait until so many replicas take requests, and no others are there."""

        def settled() -> bool:
            service = self.service()
            return service["runningCount"] == service["desiredCount"] == count and len(service["deployments"]) == 1

        self.wait(settled, f"{count} replicas of {self.name}")

    def state(self) -> str:
        """Everything that helps to find out why something does not happen."""
        service = self.service()
        kept = ("desiredCount", "runningCount", "pendingCount", "deployments", "events", "tags")
        parts = [json.dumps({key: service.get(key) for key in kept}, indent=1, default=str)]
        parts += [json.dumps(line) for line in self.decisions()[-3:]]
        parts += [emulator.LOG.read_text(errors="replace")[-3000:]]
        return "\n".join(parts)
