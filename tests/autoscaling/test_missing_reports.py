"""A missing report never causes a scale-down: whatever is lost, as long as what is left tells that something is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import History, LoadReport, Observation, Policy, average_in_flight, decide, observe
from tests.support.autoscaling_strategies import histories, policies

NEWEST = 1000
KNOWN = 14  # buckets
Key = tuple[str, int]
COUNTS = st.sampled_from([0, 0, 1, 5, 40])
EAGER = {"downscale_stabilization_period_s": 0.0, "max_downscale_factor": 0.0, "downscale_tolerance": 0.0}


@st.composite
def lives(draw: st.DrawFn) -> dict[str, range]:
    """When replicas ran: at any time, but in each bucket up to the newest there was one."""
    oldest = NEWEST - 10 * draw(st.integers(0, KNOWN - 1))
    latest = draw(st.sampled_from([NEWEST, NEWEST, NEWEST + 10]))  # by clocks that are ahead
    handover = draw(st.sampled_from(range(oldest, NEWEST + 10, 10)))
    found = {"first": range(oldest, handover + 10, 10), "second": range(handover, latest + 10, 10)}
    for number in range(draw(st.integers(0, 3))):
        start, end = sorted(draw(st.lists(st.sampled_from(range(oldest, latest + 10, 10)), min_size=2, max_size=2)))
        found[f"other {number}"] = range(start, end + 10, 10)
    return found


@st.composite
def losses(draw: st.DrawFn, runs: dict[str, range], window_starts: int) -> set[Key]:
    """Reports to take away, within what load.py says can be noticed."""
    lost: set[Key] = set()
    chance = draw(st.sampled_from([2, 4, 20]))
    for replica, run in runs.items():
        own = [bucket for bucket in run if draw(st.integers(1, chance)) == 1]
        left = sorted(set(run) - set(own)) or [run[0]]
        if left[0] > run[0] + 10:
            left.insert(0, run[0])
        if left[-1] < run[-1] - 10 and NEWEST - left[-1] >= 30:
            left.append(run[-1])
        lost |= {(replica, bucket) for bucket in run if bucket not in left}
    oldest = min(run[0] for run in runs.values())
    kept = [bucket for replica, run in runs.items() for bucket in run if (replica, bucket) not in lost]
    if min(kept) > max(oldest, window_starts):
        lost -= {(replica, oldest) for replica in runs}
    return lost


def highest(replica: str, left: dict[Key, LoadReport], since: int) -> float:
    """The most that a replica still reports from ``since`` on."""
    own = (report.in_flight for key, report in left.items() if key[0] == replica and since <= key[1] <= NEWEST)
    return max(own, default=0.0)


def busiest(left: dict[Key, LoadReport], since: int) -> int:
    """The most arrivals of a report that is left from ``since`` on."""
    return max((report.arrived or 0 for key, report in left.items() if since <= key[1] <= NEWEST), default=0)


@st.composite
def reports_and_what_is_left(
    draw: st.DrawFn, policy: Policy, *, any_arrivals: bool = False
) -> tuple[list[LoadReport], list[LoadReport]]:
    starts = [NEWEST + 10 - int(policy.window_s)]
    if policy.upscale_window_s is not None:
        starts.append(NEWEST + 10 - int(policy.upscale_window_s))
    runs = draw(lives())
    lost = draw(losses(runs, starts[0]))
    reports: dict[Key, LoadReport] = {}
    for replica, run in runs.items():
        for bucket in run:
            at_an_end = bucket in (run[0], run[-1])
            seconds = draw(st.sampled_from([3.0, 7.5, 8.5, 10.0])) if at_an_end else 10.0
            value = draw(st.sampled_from([0, 0, 0.5, 1, 2, 4, 10]))
            queued = draw(st.sampled_from([0, 0, 0.25, 1])) * value
            arrived, served = draw(COUNTS), draw(COUNTS)
            reports[replica, bucket] = LoadReport(replica, bucket, value, seconds, queued, arrived, served)
    left = {key: report for key, report in reports.items() if key not in lost}
    for replica, bucket in lost:
        likely = max(policy.target_replica_concurrency, min(highest(replica, left, since) for since in starts))
        report = reports[replica, bucket]
        assert report.queued is not None
        assert report.arrived is not None
        reports[replica, bucket] = replace(
            report,
            in_flight=min(report.in_flight, likely),
            queued=min(report.queued, likely),
            arrived=report.arrived if any_arrivals else min(report.arrived, busiest(left, starts[0])),
        )
    return list(reports.values()), list(left.values())


def known(policy: Policy, reports: Iterable[LoadReport], now: float, replicas: int) -> Observation:
    """What the load really was. Sums that come out as whole numbers in one order may not in another."""
    seen = replace(observe(policy, reports, now, replicas), average_if_full=None)
    work, burst = (work and work * (1 - 1e-12) for work in (seen.average_work, seen.burst_work))
    return replace(seen, average_work=work, burst_work=burst)


@st.composite
def eager_policies(draw: st.DrawFn, **fixed: float) -> Policy:
    """Small ones, most of which let nothing hold a scale-down back."""
    window = draw(st.integers(1, 3) | st.integers(1, KNOWN - 3))
    return draw(
        policies(
            min_replicas=0,
            init_replicas=1,
            max_replicas=60,
            target_replica_concurrency=draw(st.sampled_from([0.5, 1.0, 3.0])),
            window_s=10.0 * window,
            upscale_window_s=draw(st.one_of(st.none(), st.integers(1, window).map(lambda n: 10.0 * n))),
            **draw(st.sampled_from([EAGER, EAGER, {}])),
            **fixed,
        )
    )


NOW = st.sampled_from([10.0, 11.0, 15.0, 19.5]).map(lambda later: NEWEST + later)
COUNT = st.integers(0, 12) | st.none()  # None: as many as the load fills, so that any less is a scale-down


def replicas(count: int | None, policy: Policy, reports: list[LoadReport], now: float) -> int:
    """The count, or what the load of all reports fills."""
    if count is not None:
        return count
    raw = decide(policy, known(policy, reports, now, 0), History(), now).raw
    return 0 if raw is None else policy.bounded(math.ceil(raw))


@given(st.data(), NOW, COUNT, st.sampled_from([None, 0.5, 30.0, 1e6]))
def test_a_missing_report_never_causes_a_scale_down(
    data: st.DataObject, now: float, count: int | None, drain_s: float | None
) -> None:
    policy = data.draw(eager_policies(queue_drain_period_s=drain_s))
    reports, left = data.draw(reports_and_what_is_left(policy, any_arrivals=drain_s is None))
    history = data.draw(st.one_of(st.just(History(began=-1e6)), histories(now)))
    current = replicas(count, policy, reports, now)
    with_all = decide(policy, known(policy, reports, now, current), history, now)
    with_some = decide(policy, observe(policy, left, now, current), history, now)
    assert with_some.desired >= min(current, with_all.desired)


@given(st.data(), NOW, COUNT)
def test_whatever_arrived_a_drain_period_adds_no_scale_down_where_reports_are_missing(
    data: st.DataObject, now: float, count: int | None
) -> None:
    policy = data.draw(eager_policies(queue_drain_period_s=30.0))
    reports, left = data.draw(reports_and_what_is_left(policy, any_arrivals=True))
    history = History(began=-1e6)
    without = replace(policy, queue_drain_period_s=None)
    current = replicas(count, without, reports, now)
    with_all = decide(without, known(without, reports, now, current), history, now)
    with_some = decide(policy, observe(policy, left, now, current), history, now)
    seen = average_in_flight(left, now, policy.window_s)
    if seen is not None and seen.missing:
        assert with_some.desired >= min(current, with_all.desired)
