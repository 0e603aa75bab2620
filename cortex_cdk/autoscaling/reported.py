"""Load reports in order, and which replicas were there when; the rules are at the top of ``load``."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from .policy import BUCKET_S
from .report import CLOCKS_DIFFER_S, LoadReport

FRESH_S = 20
"""A bucket that began so many seconds ago, or more, is too old to be the newest one."""

GONE_BUCKETS = 3
"""A replica that is silent for so many buckets in a row has stopped."""


class Reported:
    """The reports of an API as seen at a moment.

    Attributes:
        by_bucket: by the bucket's start and the replica's id.
        by_replica: by the replica's id and the bucket's start.
        spans: by the replica's id, the buckets in which it is known or assumed to have been.
        newest: the newest bucket that counts for an average; None when no report is fresh.
    """

    def __init__(self, reports: Iterable[LoadReport], now: float) -> None:
        self.by_bucket = _by_bucket(reports, now)
        self.by_replica = _by_replica(self.by_bucket)
        self.newest = min((bucket for bucket in self.by_bucket if now - bucket < FRESH_S), default=None)
        self._due = math.floor((now - FRESH_S) / BUCKET_S + 1) * BUCKET_S
        known_since = min(self.by_bucket, default=0)
        self.spans = {replica: _there(own, known_since, self._due) for replica, own in self.by_replica.items()}

    def buckets(self, length: int) -> list[int]:
        """The ``length`` latest buckets of which there is a report, from ``newest`` back."""
        if self.newest is None:
            return []
        newest = self.newest
        return sorted((bucket for bucket in self.by_bucket if bucket <= newest), reverse=True)[:length]

    def filled_buckets(self, length: int) -> list[int]:
        """The ``length`` latest buckets in which any replica was, reported or not, newest first."""
        return _filled_buckets(self.spans.values(), self._due, length)

    def of(self, buckets: Iterable[int]) -> list[Collection[LoadReport]]:
        """The reports of each of these buckets."""
        return [self.by_bucket.get(bucket, {}).values() for bucket in buckets]


def _by_bucket(reports: Iterable[LoadReport], now: float) -> dict[int, dict[str, LoadReport]]:
    by_bucket: dict[int, dict[str, LoadReport]] = {}
    for report in reports:
        if report.bucket - now > CLOCKS_DIFFER_S:
            continue
        of_bucket = by_bucket.setdefault(report.bucket, {})
        known = of_bucket.get(report.replica)
        if known is None or _order(report) > _order(known):
            of_bucket[report.replica] = report
    return by_bucket


def _order(report: LoadReport) -> tuple[float, ...]:
    """Of two reports of the same replica and bucket the one with the greater of these counts."""
    rest = (-1.0 if value is None else value for value in (report.queued, report.arrived, report.served))
    return (report.seconds, report.in_flight, *rest)


def _by_replica(by_bucket: dict[int, dict[str, LoadReport]]) -> dict[str, dict[int, LoadReport]]:
    by_replica: dict[str, dict[int, LoadReport]] = {}
    for bucket, reports in by_bucket.items():
        for replica, report in reports.items():
            by_replica.setdefault(replica, {})[bucket] = report
    return by_replica


def _there(own: dict[int, LoadReport], known_since: int, newest: int) -> range:
    """The buckets in which a replica is known or assumed to have been, none of them before ``known_since``."""
    first, last = min(own), max(own)
    may_have_been_before = own[first].is_whole or first == last
    may_be_after = own[last].is_whole or first == last
    if may_have_been_before:
        first = max(first - BUCKET_S, known_since)
    if may_be_after and newest - last < GONE_BUCKETS * BUCKET_S:
        last = max(last, newest)
    elif may_be_after:
        last += BUCKET_S
    return range(first, last + 1, BUCKET_S)


def _filled_buckets(spans: Collection[range], newest: int, length: int) -> list[int]:
    """The ``length`` latest buckets in which any replica was, newest first, from the oldest at or after ``newest``."""
    bucket: int | None = min(max(span[0], newest) for span in spans if span[-1] >= newest)
    buckets: list[int] = []
    while bucket is not None and len(buckets) < length:
        buckets.append(bucket)
        bucket = max((min(span[-1], bucket - BUCKET_S) for span in spans if span[0] < bucket), default=None)
    return buckets
