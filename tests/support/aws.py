"""DynamoDB, ECS and SQS in memory, as far as the scaler uses them, with faults on demand.

Limits are those of AWS: a call that asks for too much is refused. ``UpdateService`` replaces a deployment
configuration as a whole, the stricter of the two ways to read its documentation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from cortex_cdk.autoscaling import BUCKET_S, Policy
from cortex_cdk.scaler.json_client import Aws, AwsError
from cortex_cdk.scaler.service_tags import Strategy, tags_of

TABLE, CLUSTER, QUEUE_URL = "table", "cluster", "https://sqs.example/queue"
NEW = 1_793_280_000.0
"""When services are made unless told: long ago, as the tests' clocks go."""

Fault = Callable[[str, dict[str, Any]], AwsError | None]
Item = dict[str, Any]


def fails(*operations: str, when: Callable[[dict[str, Any]], bool] = lambda request: True, code: str = "Down") -> Fault:
    """A fault: these operations fail without effect, for requests that fit."""

    def fault(operation: str, request: dict[str, Any]) -> AwsError | None:
        return AwsError(operation, code, "on demand") if operation in operations and when(request) else None

    return fault


class FakeAws:
    """An account with one cluster and one table.

    Attributes:
        items: of the table, by partition and sort key.
        services: documents as ECS describes them, by ARN.
        messages: that were sent to the queue.
        faults: asked in turn before each call; an error is raised instead of it.
        lost: asked after each call, whose effect has happened; an error is raised instead of its answer.
        before: called before each call, without the lock.
        calls: operation and request of every call.
        page: how many items a query answers with at once.
    """

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.services: dict[str, dict[str, Any]] = {}
        self.messages: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.lost: list[Fault] = []
        self.before: Callable[[str, dict[str, Any]], None] = lambda operation, request: None
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.page = 1000
        self._lock = threading.Lock()
        self.aws = Aws(self, self, self)

    # What users and replicas do

    def add_service(
        self,
        name: str,
        policy: Policy | None = None,
        *,
        strategy: Strategy | None = None,
        desired: int = 1,
        created: float | str | None = NEW - 10_000,
        tags: dict[str, str] | None = None,
        **document: Any,
    ) -> str:
        """Make a service of an API of the same name; its ARN."""
        if tags is None:
            tags = tags_of(policy or Policy(), strategy or Strategy(), name)
        arn = f"arn:aws:ecs:eu-west-1:000000000000:service/{CLUSTER}/{name}"
        self.services[arn] = {
            "serviceArn": arn,
            "serviceName": name,
            "status": "ACTIVE",
            "desiredCount": desired,
            "runningCount": desired,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
            "deploymentConfiguration": {
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
                "deploymentCircuitBreaker": {"enable": True, "rollback": True, "newField": {"value": 3}},
                "alarms": {"alarmNames": ["a"], "enable": True, "rollback": True},
            },
            "deployments": [{"status": "PRIMARY"}],
            **({} if created is None else {"createdAt": created}),
            **document,
        }
        return arn

    def retag(self, name: str, policy: Policy, strategy: Strategy | None = None) -> None:
        """Change a service's policy."""
        tags = tags_of(policy, strategy or Strategy(), name)
        self.service(name)["tags"] = [{"key": key, "value": value} for key, value in tags.items()]

    def service(self, name: str) -> dict[str, Any]:
        """The document of a service."""
        return next(found for found in self.services.values() if found["serviceName"] == name)

    def desired(self, name: str) -> int:
        """The count that a service is set to."""
        return int(self.service(name)["desiredCount"])

    def percents(self, name: str) -> tuple[int, int]:
        """The percents that a service is set to."""
        configuration = self.service(name)["deploymentConfiguration"]
        return configuration["maximumPercent"], configuration["minimumHealthyPercent"]

    def report(self, api: str, bucket: float, in_flight: float, replica: str = "r", seconds: float = 10) -> None:
        """Write a load report of the bucket that a moment lies in."""
        start = int(bucket // BUCKET_S) * BUCKET_S
        item = {
            "pk": {"S": f"load#{api}"},
            "sk": {"S": f"{start:010d}#{replica}"},
            "in_flight": {"N": str(in_flight)},
            "seconds": {"N": str(seconds)},
            "draining": {"BOOL": False},
            "expires": {"N": str(start + 3600)},
        }
        self.items[item["pk"]["S"], item["sk"]["S"]] = item

    def called(self, operation: str) -> list[dict[str, Any]]:
        """The requests of an operation."""
        return [request for name, request in self.calls if name == operation]

    # What AWS does

    def call(self, operation: str, request: dict[str, Any], *, deadline: float | None = None) -> dict[str, Any]:
        """One call."""
        self.before(operation, request)
        with self._lock:
            self.calls.append((operation, request))
            for fault in self.faults:
                if error := fault(operation, request):
                    raise error
            answer: dict[str, Any] = getattr(self, f"_{operation}")(request)
            for fault in self.lost:
                if error := fault(operation, request):
                    raise error
            return answer

    def _ListServices(self, request: dict[str, Any]) -> dict[str, Any]:
        size = request.get("maxResults", 10)
        if size > 100 or request["cluster"] != CLUSTER:
            raise AwsError("ListServices", "InvalidParameterException", str(request))
        start = int(request.get("nextToken", 0))
        arns = list(self.services)
        more = {"nextToken": str(start + size)} if len(arns) > start + size else {}
        return {"serviceArns": arns[start : start + size], **more}

    def _DescribeServices(self, request: dict[str, Any]) -> dict[str, Any]:
        if not 1 <= len(request["services"]) <= 10:
            raise AwsError("DescribeServices", "InvalidParameterException", "at most 10 services")
        found = [dict(self.services[arn]) for arn in request["services"] if arn in self.services]
        if "TAGS" not in request.get("include", ()):
            for document in found:
                del document["tags"]
        missing = [{"arn": arn, "reason": "MISSING"} for arn in request["services"] if arn not in self.services]
        return {"services": found, "failures": missing}

    def _UpdateService(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["service"] not in self.services:
            raise AwsError("UpdateService", "ServiceNotFoundException", request["service"])
        service = self.services[request["service"]]
        names = ("desiredCount", "deploymentConfiguration")
        service.update({name: request[name] for name in names if name in request})
        return {"service": service}

    def _Query(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["KeyConditionExpression"] != "pk = :pk AND sk BETWEEN :first AND :last":
            raise AwsError("Query", "ValidationException", request["KeyConditionExpression"])
        partition, first, last = (
            request["ExpressionAttributeValues"][name]["S"] for name in (":pk", ":first", ":last")
        )
        after = request.get("ExclusiveStartKey", {}).get("sk", {}).get("S", "")
        keys = sorted(key for key in self.items if key[0] == partition and first <= key[1] <= last and key[1] > after)
        names = request["ProjectionExpression"].split(", ")
        found = [{name: value for name, value in self.items[key].items() if name in names} for key in keys[: self.page]]
        if len(keys) > self.page:
            last_key = {"pk": {"S": partition}, "sk": {"S": keys[self.page - 1][1]}}
            return {"Items": found, "LastEvaluatedKey": last_key}
        return {"Items": found}

    def _BatchGetItem(self, request: dict[str, Any]) -> dict[str, Any]:
        keys = request["RequestItems"][TABLE]["Keys"]
        if not 1 <= len(keys) <= 100:
            raise AwsError("BatchGetItem", "ValidationException", "at most 100 keys")
        found = [self.items[key] for key in ((k["pk"]["S"], k["sk"]["S"]) for k in keys) if key in self.items]
        return {"Responses": {TABLE: found}, "UnprocessedKeys": {}}

    def _PutItem(self, request: dict[str, Any]) -> dict[str, Any]:
        item = request["Item"]
        key = item["pk"]["S"], item["sk"]["S"]
        old = self.items.get(key, {})
        match request.get("ConditionExpression"):
            case None:
                holds = True
            case "attribute_not_exists(slot)":
                holds = "slot" not in old
            case "slot = :former":
                holds = old.get("slot") == request["ExpressionAttributeValues"][":former"]
            case other:
                raise AwsError("PutItem", "ValidationException", str(other))
        if not holds:
            raise AwsError(
                "PutItem", "ConditionalCheckFailedException", "The conditional request failed", {"Item": old}
            )
        self.items[key] = item
        return {}

    def _SendMessageBatch(self, request: dict[str, Any]) -> dict[str, Any]:
        if not 1 <= len(request["Entries"]) <= 10 or any(not 0 <= e["DelaySeconds"] <= 900 for e in request["Entries"]):
            raise AwsError("SendMessageBatch", "InvalidParameterValue", str(request))
        self.messages += request["Entries"]
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]], "Failed": []}
