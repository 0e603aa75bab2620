"""The load reports of an API's replicas, from the table that the replicas write them to.

An item has ``pk`` = ``load#<api>``, ``sk`` = ``<bucket, 10 digits>#<replica>``, the numbers ``in_flight``,
``seconds`` and, where they are measured, ``queued``, ``arrived`` and ``served``, the bool ``draining`` (the replica is
stopping) and ``expires``, when DynamoDB may delete it. Reads are eventually consistent: what is not there yet is late,
and counts from the next tick on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cortex_cdk.autoscaling import BUCKET_S, LoadReport

from .json_client import Client

_FRESH_S = 20  # of `average_in_flight`: how old the newest bucket may be,
_BEFORE_S = 30  # and how much before the window tells whether a replica was there
_LOAD = "sk, in_flight, seconds"
_WORK = "queued, arrived, served"


def key_of(api: str) -> str:
    """The partition key of an API's load reports."""
    return f"load#{api}"


def read(
    dynamodb: Client, table: str, api: str, now: float, window_s: float, deadline: float, *, work: bool = True
) -> tuple[list[LoadReport], int]:
    """The reports that a decision about the last ``window_s`` seconds needs.

    Args:
        work: whether ``queued``, ``arrived`` and ``served`` are read, too. Only a queue drain period needs them, and
            they are half of what there is to read.

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
        "ProjectionExpression": f"{_LOAD}, {_WORK}" if work else _LOAD,
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
    work = (item[name]["N"] if name in item else None for name in ("queued", "arrived", "served"))
    return _made(item["sk"]["S"], item["in_flight"]["N"], item["seconds"]["N"], *work)


@lru_cache(maxsize=1 << 15)  # what ticks of a process see again and again: 500 APIs have 20,000 within reach
def _made(
    key: str, in_flight: str, seconds: str, queued: str | None, arrived: str | None, served: str | None
) -> LoadReport:
    bucket, _, replica = key.partition("#")
    return LoadReport(
        replica,
        int(bucket),
        in_flight=float(in_flight),
        seconds=float(seconds),
        queued=None if queued is None else float(queued),
        arrived=None if arrived is None else int(arrived),
        served=None if served is None else int(served),
    )
