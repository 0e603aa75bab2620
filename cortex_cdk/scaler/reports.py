"""The load reports of an API's replicas, from the table that the replicas write them to.

An item has ``pk`` = ``load#<api>``, ``sk`` = ``<bucket, 10 digits>#<replica>``, the numbers ``in_flight``,
``seconds`` and, where they are measured, ``queued``, ``arrived`` and ``served``, the bool ``draining`` (the replica is
stopping) and ``expires``, when DynamoDB may delete it. Reads are eventually consistent: what is not there yet is late,
and counts from the next tick on.
"""

from __future__ import annotations

from typing import Any

from cortex_cdk.autoscaling import BUCKET_S, LoadReport

from .json_client import Client

_FRESH_S = 20  # of `average_in_flight`: how old the newest bucket may be,
_BEFORE_S = 30  # and how much before the window tells whether a replica was there


def key_of(api: str) -> str:
    """The partition key of an API's load reports."""
    return f"load#{api}"


def read(
    dynamodb: Client, table: str, api: str, now: float, window_s: float, deadline: float
) -> tuple[list[LoadReport], int]:
    """The reports that a decision about the last ``window_s`` seconds needs.

    Returns:
        The reports, and how many items were none.

    Raises:
        AwsError: when the table cannot be read.
    """
    first = int((now - _FRESH_S - window_s - _BEFORE_S) // BUCKET_S) * BUCKET_S
    last = int(now // BUCKET_S + 1) * BUCKET_S
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ProjectionExpression": "sk, in_flight, seconds, queued, arrived, served",
        "ExpressionAttributeValues": {
            ":pk": {"S": key_of(api)},
            ":first": {"S": f"{max(first, 0):010d}#"},
            ":last": {"S": f"{last:010d}#\U0010ffff"},
        },
    }
    reports: list[LoadReport] = []
    wrong = 0
    while True:
        answer = dynamodb.call("Query", request, deadline=deadline)
        for item in answer.get("Items", []):
            try:
                reports.append(_report(item))
            except (KeyError, TypeError, ValueError):
                wrong += 1
        if not answer.get("LastEvaluatedKey"):
            return reports, wrong
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _report(item: dict[str, dict[str, str]]) -> LoadReport:
    bucket, _, replica = item["sk"]["S"].partition("#")
    return LoadReport(
        replica,
        int(bucket),
        in_flight=float(item["in_flight"]["N"]),
        seconds=float(item["seconds"]["N"]),
        queued=float(item["queued"]["N"]) if "queued" in item else None,
        arrived=int(item["arrived"]["N"]) if "arrived" in item else None,
        served=int(item["served"]["N"]) if "served" in item else None,
    )
