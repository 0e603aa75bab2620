"""A deployed cluster with an API on moto's server, as the constructs make it and the replicas fill it."""

from __future__ import annotations

import contextlib
import json
import math
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from moto.cloudwatch.models import Statistics

from cortex_cdk.autoscaling import Policy, decide, observe
from cortex_cdk.autoscaling.history import History
from cortex_cdk.autoscaling.report import LoadReport as Report
from cortex_cdk.scaler import metrics as scaler_metrics
from cortex_cdk.scaler import state as scaler_state
from cortex_cdk.scaler.service_tags import CLUSTER_TAG, Strategy, tags_of
from cortex_runtime.aws_sink import item_of
from cortex_runtime.load import LoadReport, bucket_of
from tests.support.aws_server import AwsServer

TEMPLATE = {
    "Resources": {
        "ClusterEcs0A1B2C3D": {"Type": "AWS::ECS::Cluster", "Properties": {}},
        "ClusterScalerTable0A1B2C3D": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "AttributeDefinitions": [
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
                "BillingMode": "PAY_PER_REQUEST",
            },
        },
        "ClusterScalerLog0A1B2C3D": {"Type": "AWS::Logs::LogGroup", "Properties": {}},
    },
}
DASHBOARD = "https://console.example.com/dashboard/"
"""Before the name of a stack."""


@contextmanager
def percentiles() -> Iterator[None]:
    """Have moto know percentiles, of which it has none: the nearest rank of single values."""
    known = Statistics.get_statistics_for_type

    def with_percentiles(self: Any, stat: str) -> Any:
        if not re.fullmatch(r"p[0-9]+", stat):
            return known(self, stat)
        values = sorted(self.metric_single_values_list)
        return values[max(0, math.ceil(int(stat[1:]) / 100 * len(values)) - 1)]

    with mock.patch.object(Statistics, "get_statistics_for_type", with_percentiles):
        yield


@dataclass
class Deployment:
    """A cluster's stack and what belongs to it. ``began`` is when it was made, in seconds since the epoch."""

    server: AwsServer
    stack: str = field(default_factory=lambda: f"cluster-{uuid.uuid4().hex[:8]}")
    url: str = "http://models.example.com"
    began: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self._create_stack(self.stack, {**TEMPLATE, "Outputs": {"Url": {"Value": self.url}}})
        found = self.client("cloudformation").list_stack_resources(StackName=self.stack)["StackResourceSummaries"]
        ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}
        self.cluster: str = ids["ClusterEcs0A1B2C3D"]
        self.table: str = ids["ClusterScalerTable0A1B2C3D"]
        self.scaler_log: str = ids["ClusterScalerLog0A1B2C3D"]

    @property
    def cluster_name(self) -> str:
        """The ECS cluster's name."""
        return self.cluster.rpartition("/")[2]

    def client(self, service: str) -> Any:
        """A client of boto3."""
        return self.server.client(service)

    def _create_stack(self, name: str, template: dict[str, Any]) -> None:
        outputs = {**template["Outputs"], "Dashboard": {"Value": DASHBOARD + name}}
        body = json.dumps({**template, "Outputs": outputs})
        self.client("cloudformation").create_stack(StackName=name, TemplateBody=body)

    def add_stack(self, api: str) -> None:
        """The stack of an API, as the app names it, of which only an output is there."""
        something = {"Log": {"Type": "AWS::Logs::LogGroup", "Properties": {}}}
        self._create_stack(f"{self.stack}-{api}", {"Resources": something, "Outputs": {}})

    def add_api(self, api: str, *, desired: int = 2, tracker: str | None = None, **policy: Any) -> str:
        """A service, with a log group of its own; the ARN of its task definition."""
        group = f"/{self.stack}/{api}"
        self.client("logs").create_log_group(logGroupName=group)
        definition = self.release(api, tracker=tracker)
        tags = {**tags_of(Policy(**policy), Strategy(), api), CLUSTER_TAG: self.cluster_name}
        self.client("ecs").create_service(
            cluster=self.cluster,
            serviceName=f"{self.stack}-{api}",
            taskDefinition=definition,
            desiredCount=desired,
            tags=[{"key": key, "value": value} for key, value in tags.items()],
        )
        return definition

    def release(self, api: str, *, tracker: str | None = None) -> str:
        """Register a task definition such as ``ReplicaTask`` makes."""
        settings = {
            "api": {"name": api, "endpoint": f"/v1/{api}"},
            "tracker": {"model_type": tracker} if tracker else None,
            "reporting": {"metric_namespace": "Cortex"},
        }
        options = {"awslogs-group": f"/{self.stack}/{api}", "awslogs-stream-prefix": "replica"}
        container = {
            "name": "api",
            "image": "api",
            "memory": 10,
            "environment": [{"name": "CORTEX_SETTINGS", "value": json.dumps(settings)}],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }
        answer = self.client("ecs").register_task_definition(family=api, containerDefinitions=[container])
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def report(self, api: str, in_flight: float, *, replica: str = "ip-10-0-0-1", ago_s: float = 10) -> None:
        """A load report of the bucket that was ``ago_s`` ago, as the runtime writes it."""
        made = LoadReport(
            api=api,
            replica=replica,
            bucket=bucket_of(time.time() - ago_s),
            seconds=10.0,
            in_flight=in_flight,
            in_flight_peak=int(in_flight),
            requests={},
        )
        self.client("dynamodb").put_item(TableName=self.table, Item=item_of(made))

    def decide(self, api: str, replicas: int, in_flight: float | None, *, at: float, result: str = "unchanged") -> str:
        """A decision of the scaler with a log line of its own; its message. What is logged is what it logs."""
        policy = Policy(window_s=10, max_replicas=9)
        bucket = bucket_of(at - 10)
        reports = [] if in_flight is None else [Report("r", bucket, in_flight)]
        decision = decide(policy, observe(policy, reports, at, replicas), History(), at)
        dimensions = {scaler_metrics.CLUSTER: self.cluster_name, scaler_metrics.API: api}
        values = scaler_metrics.of_decision(decision, policy.target_replica_concurrency, replicas)
        fields = {**scaler_metrics.fields_of(decision), "result": result}
        line = scaler_metrics.line("info", decision.reason, at, "Cortex", dimensions, values, fields)
        self.log(self.scaler_log, "scaler", [(at, line)])
        item = {
            **scaler_state.key_of(api),
            "slot": {"N": str(scaler_state.slot_of(at))},
            "desired": {"N": str(decision.desired)},
            "history": {"S": scaler_state.dump_history(decision.history)},
            "service": {"S": "service"},
            "policy": {"S": "policy"},
            "initial": {"BOOL": False},
        }
        self.client("dynamodb").put_item(TableName=self.table, Item=item)
        return decision.reason

    def log_of(self, api: str, task: str, lines: list[tuple[float, str]], container: str = "api") -> None:
        """Lines that a container of a replica wrote."""
        self.log(f"/{self.stack}/{api}", f"replica/{container}/{task}", lines)

    def log(self, group: str, stream: str, lines: list[tuple[float, str]]) -> None:
        """Lines with their moments, in seconds since the epoch."""
        logs = self.client("logs")
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": int(at * 1000), "message": line} for at, line in lines]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def count(self, api: str, name: str, value: float, unit: str = "Count", **dimensions: str) -> None:
        """A metric of an API, as CloudWatch makes it of a replica's log."""
        named = {"Cluster": self.cluster_name, "Api": api, **dimensions}
        datum = {
            "MetricName": name,
            "Value": value,
            "Unit": unit,
            "Dimensions": [{"Name": key, "Value": text} for key, text in named.items()],
        }
        self.client("cloudwatch").put_metric_data(Namespace="Cortex", MetricData=[datum])
