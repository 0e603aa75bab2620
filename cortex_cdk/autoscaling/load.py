"""From the load reports of replicas to the load of their API.

A replica reports, for each bucket of 10 s of wall clock, its mean number of requests in flight. Reports come late,
twice or not at all, and from clocks that differ by up to 2 s. The rules:

- **Which buckets.** The newest one is the older of those that began less than 20 s ago: the other is not over, or not
  all of its reports have come. From there back, as many buckets as fit into the window, leaving out those of which
  there is no report. When no bucket began less than 20 s ago there is no load: the caller holds.
- **Twice.** The report over the longer part of the bucket counts; of equals, the higher. So the order of arrival does
  not matter. A late report counts from the next tick on. A bucket that begins more than 2 s ahead of ``now`` is that
  of a wrong clock, and is left out.
- **Just started, just stopped.** A replica starts and stops within a bucket and reports that part, which counts for
  what it is: 4 in flight for 5 s are 2 over 10 s. So a replica whose first report covers a part of a bucket did not
  exist before it, and one whose last report covers a part has stopped. Of a single report over a part it is not known
  which of the two it is, so neither is concluded.
- **Missed.** A replica was there in every bucket between its first report and its last, in the bucket before a first
  report over a whole bucket, and in those after a last report over a whole one, until it is gone. Where it was there
  and did not report, its report is missing: that counts as nothing for a scale-up, and as full for a scale-down: as
  ``full`` requests, or as many as the replica reported at any time within the window when that is more. (Kubernetes'
  rule: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details) For a scale-down
  that goes for buckets of which all reports are missing, too, once one before them is known: they are not left out.
- **Gone.** A replica that has been silent for 3 buckets stopped in the bucket after its last report.
- **Work.** With a queue drain period the load is what ``work`` says, of the same buckets. Where a report does not tell
  what was done, or nothing was served, it is not known, and requests in flight count as without the period. Nothing was
  done in missing reports for a scale-up. For a scale-down they are full as above, running or waiting, whichever is more
  work, with as many arrivals as the busiest report within the (longer) window and nothing served; and the load is not
  below that without the period.

What follows: **a missing report never causes a scale-down.** Take any of an API's reports away: ``decide`` does not go
below the lower of the present count and the count that the load of all its reports gives. That holds as long as the
reports that are left tell what is missing, that is

- each replica has a report left. Its first two are not both missing, and not its last three while it runs, nor its
  last two once it has stopped: what nothing was heard of cannot be told from what does not exist;
- so has the API's very first bucket while it is within the window;
- what is missing is no more than ``full``, or than what the same replica reports elsewhere within the window (and
  within the upscale window, where there is one);
- with a queue drain period, no more requests came to what is missing than to the busiest report that is left within
  the window. If more came, ``decide`` still does not go below what it would without the period;
- a replica reports parts of buckets only when it starts and stops. One that restarts under the same id within a bucket
  has two reports of it, of which one counts: ids are best not used again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .decision import Observation
from .policy import BUCKET_S, Policy
from .report import LoadReport
from .reported import Reported
from .work import Work, work_done, work_if_full


@dataclass(frozen=True)
class Load:
    """The load of an API over a window.

    Attributes:
        in_flight: requests in flight, summed over replicas, averaged over buckets; what is missing counts nothing.
        in_flight_if_full: the same with missing reports counted as full replicas, also in buckets without any report.
        buckets: the starts of the buckets that ``in_flight`` is the average of, newest first, at least one.
        buckets_if_full: those of ``in_flight_if_full``, likewise.
        replicas: how many replicas are known or assumed to have been there in the newest bucket.
        missing: replica and bucket of each report that is missing in ``in_flight_if_full``.
        assumed: requests in flight that each of these counts as there, in the same order.
    """

    in_flight: float
    in_flight_if_full: float
    buckets: tuple[int, ...]
    buckets_if_full: tuple[int, ...]
    replicas: int
    missing: tuple[tuple[str, int], ...]
    assumed: tuple[float, ...]


def average_in_flight(reports: Iterable[LoadReport], now: float, window: float, *, full: float = 0.0) -> Load | None:
    """The load of an API, by the rules at the top of this file.

    Args:
        reports: of all its replicas, in any order; those of one window and three buckets before it are enough.
        now: the wall clock, in seconds.
        window: seconds to average over; less than 10 count as 10.
        full: requests in flight of a replica that is full, that is its ``target_replica_concurrency``.

    Returns:
        The load, or None when there is no fresh report.
    """
    return _average(Reported(reports, now), window, full)


def _average(reported: Reported, window: float, full: float) -> Load | None:
    if reported.newest is None:
        return None
    length = max(1, int(window // BUCKET_S))
    buckets, filled = reported.buckets(length), reported.filled_buckets(length)
    spans = reported.spans
    shares, missing = [], {}
    for replica, own in sorted(reported.by_replica.items()):
        highest = max([own[bucket].in_flight for bucket in filled if bucket in own], default=0.0)
        for bucket in reversed(filled):
            if bucket in own:
                shares.append(own[bucket].share)
            elif bucket in spans[replica]:
                missing[replica, bucket] = max(full, highest)
    reports = itertools.chain.from_iterable(reported.of(buckets))
    return Load(
        in_flight=math.fsum(report.share for report in reports) / len(buckets),
        in_flight_if_full=math.fsum([*shares, *missing.values()]) / len(filled),
        buckets=tuple(buckets),
        buckets_if_full=tuple(filled),
        replicas=sum(filled[0] in span for span in spans.values()),
        missing=tuple(missing),
        assumed=tuple(missing.values()),
    )


def observe(policy: Policy, reports: Iterable[LoadReport], now: float, replicas: int) -> Observation:
    """What ``decide`` needs: the averages over the policy's windows, and ``replicas``, the count as requested now."""
    reported, full = Reported(reports, now), policy.target_replica_concurrency
    load = _average(reported, policy.window_s, full)
    if load is None:
        return Observation(replicas=replicas, average_in_flight=None)
    burst = None
    if policy.upscale_window_s is not None:
        burst = _average(reported, policy.upscale_window_s, full)
    windows = [window for window in (load, burst) if window is not None]
    if_full, works = [window.in_flight_if_full for window in windows], []
    if policy.queue_drain_period_s is not None:
        works = _works(reported, windows, policy.queue_drain_period_s)
        if load.missing:
            if_full += _works_if_full(reported, windows, policy.queue_drain_period_s)
    return Observation(
        replicas=replicas,
        average_in_flight=load.in_flight,
        average_if_full=max(if_full) if load.missing else None,
        burst_in_flight=None if burst is None else burst.in_flight,
        average_work=works[0] if works else None,
        burst_work=works[1] if len(works) > 1 else None,
    )


def _works(reported: Reported, windows: Sequence[Load], drain_s: float) -> list[float]:
    """The work of the windows, of which the first is the longest; nothing when it is not known."""
    works = [work for window in windows if (work := work_done(reported.of(window.buckets))) is not None]
    if len(works) < len(windows) or works[0].service_s == math.inf:
        return []
    return [_as_long(work, works[0]).in_flight(drain_s) for work in works]


def _works_if_full(reported: Reported, windows: Sequence[Load], drain_s: float) -> list[float]:
    """The same with what is missing, all of it running and all of it waiting."""
    reports = itertools.chain.from_iterable(reported.of(windows[0].buckets_if_full))
    busiest = max((report.arrived or 0 for report in reports), default=0)
    ways = [work_if_full(reported.of(window.buckets_if_full), window.assumed, busiest) for window in windows]
    return [_as_long(work, long).in_flight(drain_s) for way in ways for work, long in zip(way, ways[0], strict=False)]


def _as_long(work: Work, long: Work) -> Work:
    """The same when a request takes as long as in the long window, which saw more of them."""
    return replace(work, service_s=long.service_s, window_s=long.window_s)
