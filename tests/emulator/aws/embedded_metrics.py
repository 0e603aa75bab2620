"""CloudWatch's metrics out of log lines in the embedded metric format, which the emulator leaves in the log.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs


def install() -> None:
    """Look through all that is written to a log."""
    append = cloudwatch_logs._append_log_events

    def append_and_measure(stream: dict[str, Any], events: list[dict[str, Any]]) -> Any:
        for event in events:
            _measure(event.get("message", ""))
        return append(stream, events)

    cloudwatch_logs._append_log_events = append_and_measure


def _measure(message: str) -> None:
    if not message.startswith("{") or '"_aws"' not in message:
        return
    try:
        document = json.loads(message)
    except ValueError:  # a part of a line
        return
    seconds = document["_aws"]["Timestamp"] / 1000
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: document[name] for name in names}
            for metric in directive["Metrics"]:
                name, unit, found = metric["Name"], metric.get("Unit", "None"), document[metric["Name"]]
                values = found if isinstance(found, list) else [found]
                namespace = directive["Namespace"]
                cloudwatch._store_datum(namespace, name, dimensions, seconds, unit, None, values, None, None)
