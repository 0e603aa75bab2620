"""The Lambda's entry points.

``handler`` takes the events of both the schedule and the queue: a schedule's are dispatched to the queue, and the
queue's are ticks. AWS may deliver each of them twice, late, out of order or at once: the slot of a decision is taken
from the clock when it is made, never from the event.
"""

from __future__ import annotations

import os
import time
import traceback
from typing import Any

from . import dispatch as ticks
from . import metrics
from .json_client import connect
from .metrics import Metric
from .settings import Settings, SettingsError
from .tick import Scaler

_scaler: Scaler | None = None


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Dispatch the ticks of a minute, or run one."""
    return tick(event, context) if "Records" in event else dispatch(event, context)


def dispatch(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Send the next minute's ticks to the queue. Errors are raised, and counted by Lambda; nothing tries again before
    the schedule's next minute.

    Raises:
        SettingsError: when ``CORTEX_QUEUE_URL`` is not set.
        AwsError: when the queue cannot be reached.
    """
    queue_url = os.environ.get("CORTEX_QUEUE_URL")
    if not queue_url:
        raise SettingsError("CORTEX_QUEUE_URL is not set in the environment")
    ticks.send(connect().sqs, queue_url, time.time())
    return {}


def tick(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Run one tick for all messages of an SQS event, unless they come too late.

    A message that comes again is never too late: it does when its tick failed, ran out of time or crashed, and only
    another failure takes it to the dead-letter queue. The tick that it runs is one of now, like any other.

    Returns:
        A partial batch response: the messages to deliver again. These are none, as faults of AWS are left to the next
        tick, and all of them after an error that nobody has thought of.
    """
    records = event["Records"]
    if all(_is_too_late(record, time.time()) for record in records):
        return {"batchItemFailures": []}
    settings = Settings.of_environment(os.environ)
    try:
        _of_process(settings).tick()
    except Exception as error:
        fields = {"traceback": traceback.format_exc()}
        values = {"Errors": Metric(1)}
        dimensions = {metrics.CLUSTER: settings.cluster_name}
        words = f"the tick failed: {type(error).__name__}: {error}"
        print(metrics.line("error", words, time.time(), settings.namespace, dimensions, values, fields), flush=True)
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in records]}
    return {"batchItemFailures": []}


def _is_too_late(record: dict[str, Any], now: float) -> bool:
    deliveries = record.get("attributes", {}).get("ApproximateReceiveCount", "1")
    return bool(deliveries == "1") and ticks.is_stale(record.get("body", ""), now)


def _of_process(settings: Settings) -> Scaler:
    """The scaler of this process, whose connections are kept between events."""
    global _scaler  # noqa: PLW0603
    if _scaler is None:
        _scaler = Scaler(settings, connect())
    return _scaler
