"""Ticks every 10 seconds out of a schedule whose finest rate is a minute.

Every minute EventBridge has six messages sent to a queue, each delayed by SQS until it is due: 5 seconds after a
boundary of 10 s on the wall clock, when the load reports of the bucket that ended there have come.
"""

from __future__ import annotations

import json
import math
from typing import Any

from cortex_cdk.autoscaling import BUCKET_S, TICK_S

from .json_client import AwsError, Client

TICKS_A_MINUTE = 60 // TICK_S
AFTER_BUCKET_S = 5
STALE_S = 15
"""A tick whose message first comes later than this is left out: the next one is due, or has been."""


def due_times(now: float) -> list[int]:
    """When the next ticks are due, in seconds since the epoch."""
    first = math.ceil((now - AFTER_BUCKET_S) / BUCKET_S) * BUCKET_S + AFTER_BUCKET_S
    return [first + TICK_S * number for number in range(TICKS_A_MINUTE)]


def send(sqs: Client, queue_url: str, now: float) -> None:
    """Send the ticks of the minute that begins now.

    Raises:
        AwsError: when the queue does not take one of them, twice.
    """
    entries = [
        {"Id": str(due), "DelaySeconds": max(0, round(due - now)), "MessageBody": json.dumps({"due": due})}
        for due in due_times(now)
    ]
    for _ in range(2):
        answer = sqs.call("SendMessageBatch", {"QueueUrl": queue_url, "Entries": entries})
        failed = {failure["Id"]: failure for failure in answer.get("Failed") or ()}
        entries = [entry for entry in entries if entry["Id"] in failed]
        if not entries:
            return
    reason = next(iter(failed.values()))
    raise AwsError("SendMessageBatch", str(reason.get("Code")), f"{len(entries)} ticks not sent: {reason}")


def is_stale(body: str, now: float) -> bool:
    """Whether a tick comes so late that it is to be left out; one that does not say when it was due is not."""
    try:
        message: Any = json.loads(body)
        return bool(now - message["due"] > STALE_S)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return False
