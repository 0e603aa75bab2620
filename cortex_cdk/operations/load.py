"""The load of APIs, from what their replicas report every 10 s: fresher than any metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cortex_cdk.autoscaling import BUCKET_S, LoadReport, average_in_flight
from cortex_cdk.operations.aws import Aws
from cortex_cdk.scaler import reports, state

_NEVER = float("inf")
_LATE_S = 5  # after a bucket's end, when its reports have come


class _Table:
    """DynamoDB as the scaler's readers speak to it."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def call(self, operation: str, request: dict[str, Any], *, deadline: float | None = None) -> dict[str, Any]:
        return self._aws.call("dynamodb", operation, **request)


@dataclass(frozen=True)
class Load:
    """The load of an API in the newest 10 s of which all reports have come; None: no report is fresh.

    Attributes:
        in_flight: requests in flight, summed over replicas.
        replicas: how many replicas have reported.
    """

    in_flight: float
    replicas: int


def read_reports(aws: Aws, table: str, api: str, now: float, seconds: float) -> list[LoadReport]:
    """The reports of an API's replicas over the last ``seconds``, and half a minute more."""
    found, _ = reports.read(_Table(aws), table, api, now, seconds, _NEVER)
    return found


def read_decided_at(aws: Aws, table: str, apis: Iterable[str]) -> dict[str, float]:
    """When the scaler last decided about each API, in seconds since the epoch, to 10 s."""
    found = state.read(_Table(aws), table, apis, _NEVER)
    states = {api: stored.state for api, stored in found.items() if isinstance(stored, state.Stored)}
    return {api: one.slot * float(BUCKET_S) for api, one in states.items() if one is not None}


def current(found: Iterable[LoadReport], now: float) -> Load | None:
    """The load as the scaler sees it at its ticks, the last of which came ``_LATE_S`` after the end of a bucket."""
    load = average_in_flight(found, (now - _LATE_S) // BUCKET_S * BUCKET_S + _LATE_S, BUCKET_S)
    return None if load is None else Load(load.in_flight, load.replicas)


def history(found: Iterable[LoadReport], now: float, seconds: float) -> list[float | None]:
    """Requests in flight of an API in each bucket of the last ``seconds``, oldest first; None: no report."""
    sums: dict[int, float] = {}
    longest: dict[tuple[int, str], LoadReport] = {}
    for report in found:
        key = report.bucket, report.replica
        if key not in longest or longest[key].seconds < report.seconds:
            longest[key] = report
    for (bucket, _), report in longest.items():
        sums[bucket] = sums.get(bucket, 0.0) + report.share
    last = int((now - _LATE_S) // BUCKET_S - 1) * BUCKET_S
    return [sums.get(bucket) for bucket in range(last - int(seconds) + BUCKET_S, last + 1, BUCKET_S)]
