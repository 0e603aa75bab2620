"""Queries of CloudWatch Logs Insights that are saved in the account, in a folder for each API and each cluster.

The names of the fields are those of the lines that replicas (``cortex_runtime.logs``, ``cortex_runtime.front``,
``cortex_runtime.embedded_metrics``) and the scaler (``cortex_cdk.scaler.metrics``) write. A saved query costs nothing;
running one costs by the gigabyte that it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_logs as logs
from constructs import Construct

_LATEST = ("sort @timestamp desc", "limit 100")

OF_REPLICAS: Mapping[str, Sequence[str]] = {
    "Slowest requests": (
        "fields @timestamp, latency_ms, queue_ms, status, request_id, message",
        "filter ispresent(latency_ms)",
        "sort latency_ms desc",
        "limit 50",
    ),
    "Failed requests (5xx)": (
        "fields @timestamp, status, request_id, latency_ms, message, @logStream",
        "filter status >= 500",
        *_LATEST,
    ),
    "Errors and tracebacks": (
        "fields @timestamp, message, request_id, worker, traceback, @logStream",
        "filter level in ['error', 'critical']",
        *_LATEST,
    ),
    "All of one request": (
        "fields @timestamp, level, message, worker, traceback, @logStream",
        "filter request_id = 'put the request id here'",
        "sort @timestamp asc",
        "limit 100",
    ),
    "Requests by code and minute": (
        "filter ispresent(latency_ms)",
        "stats count(*) as answers, pct(latency_ms, 99) as p99_ms by bin(1m), status",
    ),
    "Load by replica": (
        "filter message = 'load report'",
        "stats avg(in_flight) as mean, max(in_flight_peak) as peak, sum(arrived) as came, "
        "sum(served) as done by replica",
        "sort mean desc",
    ),
    "Warnings": (
        "fields @timestamp, message, request_id, worker, @logStream",
        "filter level = 'warning'",
        *_LATEST,
    ),
}
"""Of an API's replicas, by name: the commands of each."""

OF_SCALER: Mapping[str, Sequence[str]] = {
    "Changes of counts": (
        "fields @timestamp, Api, replicas, desired, in_flight, held_by, message",
        "filter result = 'updated'",
        *_LATEST,
    ),
    "Decisions about one API": (
        "fields @timestamp, replicas, desired, in_flight, raw, recommendation, held_by, result, message",
        "filter ispresent(desired) and Api = 'put the name of the API here'",
        "sort @timestamp desc",
        "limit 360",  # an hour
    ),
    "Errors": (
        "fields @timestamp, Api, message, error, service, traceback",
        "filter level = 'error'",
        *_LATEST,
    ),
    "What holds counts": (
        "filter ispresent(held_by)",
        "stats count(*) as decisions by Api, held_by",
        "sort decisions desc",
    ),
    "Ticks": (
        "filter ispresent(TickDuration)",
        "stats count(*) as ticks, max(TickDuration) as longest_ms, sum(Errors) as errors, sum(Updates) as updates, "
        "sum(Postponed) as postponed by bin(5m)",
    ),
}
"""Of the scaler, by name: the commands of each."""


def save(scope: Construct, queries: Mapping[str, Sequence[str]], *, folder: str, log_group: logs.ILogGroup) -> None:
    """Save queries about a log group.

    Args:
        queries: commands by name.
        folder: in which the console shows them.
    """
    for name, commands in queries.items():
        logs.CfnQueryDefinition(
            scope,
            "".join(letter for letter in name.title() if letter.isalnum()),
            name=f"{folder}/{name}",
            log_group_names=[log_group.log_group_name],
            query_string="\n| ".join(commands),
        )
