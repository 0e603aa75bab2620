"""How many requests in flight an API's traffic takes when nothing waits.

Requests in flight measure the load well as long as replicas keep up. When they do not, requests queue, and the queue
says little about how many replicas are missing: it grows for as long as new ones take to start, and would be counted as
if every waiting request needed a slot of its own, all at the same time. What the traffic takes is known from how many
requests arrive and how long one takes, by Little's law: arrivals per second times service time. What has queued up is
worked off beside that, within a time that the policy gives, ``queue_drain_period_s``.

- **Arrivals** count requests that were turned away, too, which are not in flight anywhere; a client's second attempt is
  a second arrival.
- **Service time** is the time that slots worked, per request that they began. Begun are those served and, where more
  run at the end of the window than at its start, so many besides: else the first answers after a step in load would
  seem to have taken all of the work. A request that hangs makes the others seem longer.
- **At most the window.** What arrives in a window is in flight for no longer than the window, so no request counts for
  more. Where requests take longer than that, few of them are served in it, and their service time is a guess.

So where nothing waits and nothing is turned away it is the requests in flight that count, as without all of this.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from .policy import BUCKET_S
from .report import LoadReport


@dataclass(frozen=True)
class Work:
    """What the replicas of an API did in a window, all of it summed over them.

    Attributes:
        running: mean number of requests that a slot worked on.
        queued: mean number of requests that waited for a slot.
        arrivals_per_s: requests per second that came, those turned away included.
        service_s: mean seconds that a slot works on a request; infinite when none was served.
        window_s: the longest that one counts for among the arrivals, in seconds: the window that ``service_s`` is from.
    """

    running: float
    queued: float
    arrivals_per_s: float
    service_s: float
    window_s: float

    def in_flight(self, drain_s: float) -> float:
        """Requests in flight that serve the arrivals and work the queue off within ``drain_s`` seconds.

        No less than run already: a slot may be held by a request that never ends. A queued request that takes longer
        than ``drain_s`` needs a slot of its own and no more.
        """
        arriving = self.arrivals_per_s * min(self.service_s, self.window_s)
        return max(self.running, arriving) + self.queued * min(1.0, self.service_s / drain_s)


def work_done(buckets: Sequence[Collection[LoadReport]]) -> Work | None:
    """What was done by the reports of each bucket of a window, newest first; None when one of them does not say."""
    sums = _Sums.of(buckets)
    if sums is None:
        return None
    growth = max(0.0, math.fsum(sums.running[0]) - math.fsum(sums.running[-1]))
    return sums.work(begun=sums.served + growth if sums.served else 0.0)


def work_if_full(
    buckets: Sequence[Collection[LoadReport]], assumed: Sequence[float], arrived: int
) -> tuple[Work, Work] | tuple[()]:
    """The most that may have been done when reports are missing: the greater of what the two results count.

    Nothing that is missing was served. What was in flight ran, in the first, and waited, in the second.

    Args:
        buckets: the reports that are there, of each bucket of a window, newest first.
        assumed: requests in flight that each missing report counts as.
        arrived: requests that came to each of these.

    Returns:
        Nothing when a report does not say what was done.
    """
    sums = _Sums.of(buckets)
    if sums is None:
        return ()
    sums = sums._replace(arrived=sums.arrived + len(assumed) * arrived)
    running = sums._replace(running=[*sums.running, assumed]).work(sums.served)
    waiting = sums._replace(queued=[*sums.queued, *assumed]).work(sums.served)
    return running, replace(waiting, service_s=running.service_s)


class _Sums(NamedTuple):
    """Reports of so many buckets: each one's share of its bucket, running ones by bucket; and counts."""

    buckets: int
    running: Sequence[Sequence[float]]
    queued: Sequence[float]
    arrived: int
    served: int

    @classmethod
    def of(cls, buckets: Sequence[Collection[LoadReport]]) -> _Sums | None:
        running: list[list[float]] = []
        queued: list[float] = []
        all_arrived = all_served = 0
        for reports in buckets:
            running.append([])
            for report in reports:
                if report.queued is None or report.arrived is None or report.served is None:
                    return None
                running[-1].append(report.over_bucket(report.in_flight - report.queued))
                queued.append(report.over_bucket(report.queued))
                all_arrived += report.arrived
                all_served += report.served
        return cls(len(buckets), running, queued, all_arrived, all_served)

    def work(self, begun: float) -> Work:
        """With so many requests that slots began."""
        running = math.fsum(value for values in self.running for value in values)
        window_s = self.buckets * BUCKET_S
        return Work(
            running=running / self.buckets,
            queued=math.fsum(self.queued) / self.buckets,
            arrivals_per_s=self.arrived / window_s,
            service_s=running * BUCKET_S / begun if begun else math.inf,
            window_s=window_s,
        )
