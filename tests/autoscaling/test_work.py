"""What the traffic takes when nothing waits: worked examples, what holds for any reports, and how it is observed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import History, LoadReport, Observation, Policy, Work, decide, explain, observe
from cortex_cdk.autoscaling.work import work_done, work_if_full
from tests.support.autoscaling_strategies import load_reports

NOW = 105.0  # bucket 90 is the newest one that is over
DRAINING = Policy(window_s=30, upscale_window_s=10, queue_drain_period_s=30)


def report(
    bucket: int, running: float, queued: float, arrived: int, served: int, replica: str = "a", seconds: float = 10
) -> LoadReport:
    return LoadReport(replica, bucket, running + queued, seconds, queued=queued, arrived=arrived, served=served)


def done(*reports: LoadReport) -> Work:
    """Of one report for each bucket, the newest first."""
    found = work_done([[report] for report in reports])
    assert found is not None
    return found


# The formula


@pytest.mark.parametrize(
    ("work", "drain_s", "in_flight"),
    [
        (Work(4, 0, arrivals_per_s=40, service_s=0.1, window_s=60), 30, 4),  # keeps up
        (Work(4, 0, arrivals_per_s=70, service_s=0.1, window_s=60), 30, 7),  # 30 of 70 are turned away
        (Work(4, 300, arrivals_per_s=70, service_s=0.1, window_s=60), 30, 7 + 1),  # 30 s of work wait
        (Work(4, 300, arrivals_per_s=70, service_s=0.1, window_s=60), 300, 7.1),
        (Work(4, 300, arrivals_per_s=0, service_s=0.1, window_s=60), 30, 4 + 1),
        (Work(4, 300, arrivals_per_s=0, service_s=45, window_s=60), 30, 4 + 300),  # one slot for each
        (Work(4, 6, arrivals_per_s=0.1, service_s=math.inf, window_s=60), 30, 6 + 6),  # each of 6 lasts 60 s
        (Work(4, 6, arrivals_per_s=0, service_s=math.inf, window_s=60), 30, 10),
        (Work(0, 0, arrivals_per_s=0, service_s=math.inf, window_s=60), 30, 0),
        (Work(0, 0, arrivals_per_s=5, service_s=0, window_s=60), 1e-320, 0),
    ],
)
def test_arrivals_by_service_time_and_the_queue_within_its_period(work: Work, drain_s: float, in_flight: float) -> None:
    assert work.in_flight(drain_s) == pytest.approx(in_flight)


# From reports


def test_sums_over_replicas_are_averaged_over_buckets() -> None:
    newest = [report(90, 4, 6, 80, 40), report(90, 2, 0, 20, 20, "b")]
    found = work_done([newest, [report(80, 4, 2, 50, 40)], [report(70, 2, 1, 20, 15)]])
    # Slots worked for 120 s on 115 requests that were served and on 4 more at the end.
    assert found == Work(4, 3, arrivals_per_s=170 / 30, service_s=pytest.approx(120 / 119), window_s=30)


def test_a_part_of_a_bucket_counts_for_what_it_is() -> None:
    found = work_done([[report(90, 4, 8, 20, 10, seconds=5)], [report(80, 2, 0, 20, 20, seconds=9)]])
    assert found == Work((2 + 2) / 2, 4 / 2, arrivals_per_s=2, service_s=pytest.approx(40 / 30), window_s=20)


def test_requests_of_5_s_that_began_in_the_newest_bucket_do_not_look_longer() -> None:
    # 10 arrive each second from 94.5 s on, so 0.5 s before the end the first 5 of 55 have been served. Slots worked for
    # 10 * 5 * 5 / 2 + 50 * 0.5 = 150 s.
    found = done(report(90, 15, 0, 55, 5), report(80, 0, 0, 0, 0), report(70, 0, 0, 0, 0))
    assert found.service_s == pytest.approx(150 / (5 + 15))
    assert replace(found, running=15, arrivals_per_s=5.5).in_flight(30) < 10 * 5


def test_a_fleet_that_grows_and_is_busy_all_the_time_tells_the_service_time() -> None:
    found = done(report(90, 20, 9, 900, 200), report(80, 10, 9, 900, 100))
    assert found.service_s == pytest.approx(300 / 310)
    assert done(report(90, 10, 9, 900, 100), report(80, 20, 9, 900, 200)).service_s == 1


def test_requests_longer_than_the_window_count_for_the_window() -> None:
    # All of 100 that came at once run still, but for one.
    found = done(report(90, 99, 0, 0, 1), report(80, 100, 0, 100, 0))
    assert found.service_s == 1990
    assert found.in_flight(30) == 100


def test_nothing_served_and_nothing_said() -> None:
    assert done(report(90, 4, 7, 11, 0)).service_s == math.inf
    assert done(report(90, 4, 7, 11, 0), report(80, 0, 0, 0, 0)).service_s == math.inf
    assert done(report(90, 0, 0, 0, 0)).service_s == math.inf
    assert done(report(90, 0, 0, 7, 7)).in_flight(30) == 0
    for silent in ({"queued": None}, {"arrived": None}, {"served": None}):
        older = replace(report(80, 4, 7, 11, 9), **silent)
        assert work_done([[report(90, 4, 7, 11, 9)], [older]]) is None
        assert work_if_full([[report(90, 4, 7, 11, 9)], [older]], [1.0], 7) == ()


def test_what_is_missing_ran_or_waited_and_was_not_served() -> None:
    buckets = [[report(90, 2, 6, 30, 10), report(90, 2, 0, 50, 30, "b")], []]
    running, waiting = work_if_full(buckets, [4.0, 8.0], 50)
    assert running == Work((4 + 12) / 2, 6 / 2, arrivals_per_s=180 / 20, service_s=160 / 40, window_s=20)
    assert waiting == Work(4 / 2, (6 + 12) / 2, arrivals_per_s=180 / 20, service_s=160 / 40, window_s=20)
    assert work_if_full([[]], [3.0], 7)[-1] == Work(0, 3, arrivals_per_s=0.7, service_s=math.inf, window_s=10)


# What holds for any reports

DRAINS = st.sampled_from([1e-320, 1.0, 30.0, 1e300])
WINDOWS = st.lists(st.lists(load_reports(), max_size=4), min_size=1, max_size=6)
WORKS = WINDOWS.map(work_done).filter(lambda work: work is not None)


@given(WORKS, DRAINS)
def test_no_less_than_runs_and_no_more_than_there_was(work: Work, drain_s: float) -> None:
    found = work.in_flight(drain_s)
    assert work.running <= found < math.inf
    most = max(work.running, work.arrivals_per_s * work.window_s) + work.queued
    assert found <= most * (1 + 1e-12)


@given(WORKS, DRAINS, st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_arrivals_and_a_longer_queue_never_take_less(
    work: Work, drain_s: float, arrivals: float, queued: float
) -> None:
    more = replace(work, arrivals_per_s=work.arrivals_per_s + arrivals, queued=work.queued + queued)
    assert more.in_flight(drain_s) >= work.in_flight(drain_s)
    assert work.in_flight(drain_s) >= work.in_flight(drain_s * 2)


@given(st.lists(st.tuples(st.floats(0, 1e4), st.integers(0, 10**6)), min_size=1, max_size=6), DRAINS)
def test_where_nothing_waits_and_all_that_came_is_served_it_is_the_requests_in_flight(
    buckets: list[tuple[float, int]], drain_s: float
) -> None:
    work = done(*(report(90 - 10 * age, running, 0, count, count) for age, (running, count) in enumerate(buckets)))
    assert work.in_flight(drain_s) == pytest.approx(sum(running for running, _ in buckets) / len(buckets))


SMALL_REPORTS = st.builds(
    lambda running, queued, arrived, served, lost: (report(90, running, queued, arrived, served), lost),
    *(st.sampled_from([0, 0.5, 1, 4]), st.sampled_from([0, 0, 3])),
    *(st.sampled_from([0, 1, 5, 40]), st.sampled_from([0, 1, 5, 40])),
    st.booleans(),
)


@given(st.lists(st.lists(SMALL_REPORTS, min_size=1, max_size=3), min_size=1, max_size=3), DRAINS)
def test_what_is_missing_did_no_more_than_it_counts_for(
    window: list[list[tuple[LoadReport, bool]]], drain_s: float
) -> None:
    left = [[found for found, lost in bucket if not lost] for bucket in window]
    busiest = max((found.arrived or 0 for bucket in left for found in bucket), default=0)
    everything, full = [], []
    for bucket in window:
        everything.append([replace(f, arrived=min(f.arrived or 0, busiest)) if lost else f for f, lost in bucket])
        full.append([found.in_flight for found, lost in bucket if lost])
    long, most = work_done(everything), work_if_full(left, [value for values in full for value in values], busiest)
    short, most_short = work_done(everything[:1]), work_if_full(left[:1], full[0], busiest)
    assert long is not None
    assert short is not None
    counted = [way.in_flight(drain_s) for way in most]
    counted_short = [
        replace(way, service_s=most[0].service_s, window_s=most[0].window_s).in_flight(drain_s) for way in most_short
    ]
    if long.service_s < math.inf:
        short = replace(short, service_s=long.service_s, window_s=long.window_s)
        assert max(counted) >= long.in_flight(drain_s) * (1 - 1e-12)
        assert max(counted_short) >= short.in_flight(drain_s) * (1 - 1e-12)


@given(st.integers(1, 10), st.floats(0.5, 28), st.floats(0, 29), DRAINS)
def test_a_step_in_load_without_a_queue_takes_no_more_than_the_load_will(
    per_s: int, service_s: float, since_s: float, drain_s: float
) -> None:
    """Requests of one length from some second on, each in a slot of its own, seen over 30 s and over the last 10 s."""
    begins = [since_s + number / per_s for number in range(int(per_s * (30 - since_s)))]
    buckets = []
    for start in (20, 10, 0):
        end = start + 10
        running = sum(max(0.0, min(begin + service_s, end) - max(begin, start)) for begin in begins) / 10
        came = sum(start <= begin < end for begin in begins)
        left = sum(start < begin + service_s <= end for begin in begins)
        buckets.append(report(start, running, 0, came, left))
    work = done(*buckets)
    if work.service_s < math.inf:
        burst = replace(work, running=buckets[0].in_flight, arrivals_per_s=(buckets[0].arrived or 0) / 10)
        assert max(work.in_flight(drain_s), burst.in_flight(drain_s)) <= 1.1 * per_s * service_s + 1


# observe


def overloaded() -> list[LoadReport]:
    """A replica of 4 slots and requests of 0.5 s: 4, then 4, then 30 arrive per second. It turns some away."""
    return [report(70, 2, 0, 40, 40), report(80, 2, 0, 40, 40), report(90, 4, 56, 300, 80)]


def test_without_the_period_nothing_is_different() -> None:
    plain = [replace(found, queued=None, arrived=None, served=None) for found in overloaded()]
    for policy in (Policy(), Policy(window_s=30, upscale_window_s=10)):
        assert observe(policy, overloaded(), NOW, 1) == observe(policy, plain, NOW, 1)
    assert observe(DRAINING, plain, NOW, 1) == replace(
        observe(DRAINING, overloaded(), NOW, 1), average_work=None, burst_work=None
    )


def test_both_windows_with_the_service_time_of_the_long_one() -> None:
    seen = observe(DRAINING, overloaded(), NOW, 1)
    service_s = 80 / (160 + 2)
    assert seen.average_work == pytest.approx(380 / 30 * service_s + 56 / 3 * service_s / 30)
    assert seen.burst_work == pytest.approx(30 * service_s + 56 * service_s / 30)
    assert (seen.average_in_flight, seen.burst_in_flight, seen.average_if_full) == (64 / 3, 60, None)
    assert observe(replace(DRAINING, upscale_window_s=None), overloaded(), NOW, 1).burst_work is None


def test_a_short_window_in_which_nothing_was_served() -> None:
    seen = observe(DRAINING, [report(80, 2, 0, 4, 4), report(90, 2, 6, 8, 0)], NOW, 1)
    assert seen.burst_work == pytest.approx(max(2, 0.8 * 10) + 6 * 10 / 30)


def test_where_nothing_was_served_requests_in_flight_count() -> None:
    seen = observe(DRAINING, [report(90, 4, 56, 600, 0)], NOW, 1)
    assert (seen.average_work, seen.burst_work, seen.burst_in_flight) == (None, None, 60)
    assert decide(DRAINING, seen, History(began=-1e6), NOW).raw == 60


def test_a_report_of_an_older_replica_does_not_say() -> None:
    seen = observe(DRAINING, [*overloaded(), LoadReport("old", 70, 3)], NOW, 1)
    assert (seen.average_work, seen.burst_work) == (None, None)


def test_missing_reports_hold_back_a_scale_down_by_what_they_may_have_been() -> None:
    own = [report(70, 1, 0, 10, 10), report(80, 1, 0, 10, 10), report(90, 1, 0, 10, 10)]
    other = [replace(found, replica="b") for found in own if found.bucket != 80]
    policy = replace(DRAINING, target_replica_concurrency=2)
    seen = observe(policy, [*own, *other], NOW, 9)
    service_s = (50 + 20) / 50  # one more that is full for 10 s, and serves nothing
    assert seen.average_work == pytest.approx(5 / 3)
    assert seen.average_if_full == pytest.approx(2 * service_s + 2 / 3 * service_s / 30)
    busier = [replace(found, arrived=30) for found in other]
    assert observe(policy, [*own, *busier], NOW, 9).average_if_full == pytest.approx(
        4 * service_s + 2 / 3 * service_s / 30
    )


def test_what_is_missing_makes_requests_look_longer_in_the_short_window_too() -> None:
    own = [report(80, 0, 0, 0, 0), report(90, 1, 0, 20, 10)]
    other = [report(70, 0, 0, 0, 0, "b"), report(90, 1, 0, 20, 10, "b")]
    seen = observe(DRAINING, [*own, *other], NOW, 9)
    # Of the replicas one misses 70 and one 80. In 90, when all are there, 4 came per second.
    service_s = (20 + 20) / 20
    assert seen.average_if_full == pytest.approx(4 * service_s)


def test_what_is_missing_in_the_short_window_is_as_busy_as_any_in_the_long_one() -> None:
    own = [report(70, 0, 0, 0, 0), report(80, 0, 0, 0, 0), report(90, 1, 0, 20, 10)]
    other = [report(70, 0, 0, 0, 0, "b"), report(80, 0, 0, 50, 0, "b")]
    seen = observe(DRAINING, [*own, *other], NOW, 99)
    service_s = (10 + 10) / 10
    assert seen.average_if_full == pytest.approx(7 * service_s + service_s / 30)


def test_a_scale_down_that_reports_are_missing_for_is_not_below_that_without_the_period() -> None:
    own = [report(70, 1, 8, 10, 10), report(90, 1, 8, 10, 10)]
    seen = observe(DRAINING, own, NOW, 9)
    assert seen.average_work == pytest.approx(1 + 8 / 30)
    assert seen.average_if_full == 9


# In words


def test_the_reason_tells_what_was_counted_and_what_was_in_flight() -> None:
    decision = decide(DRAINING, observe(DRAINING, overloaded(), NOW, 2), History(began=-1e6), NOW)
    assert explain(decision) == [
        "Scale up from 2 to 16 replicas.",
        "  load:            15.74 requests in flight that serve all arrivals and work the queue off within 30 s (60 "
        "were in flight) on average over 10 s, at a target of 1 per replica, fill 15.74 replicas -> 16",
    ]


def test_the_reason_of_the_long_window_and_without_the_period() -> None:
    seen = Observation(replicas=3, average_in_flight=9, burst_in_flight=50, average_work=2.5, burst_work=2)
    reason = decide(DRAINING, seen, History(began=-1e6), NOW).steps[0].reason
    assert reason.startswith("2.5 requests in flight that serve all arrivals")
    assert "(9 were in flight) on average over 30 s" in reason
    without = replace(DRAINING, queue_drain_period_s=None, upscale_window_s=None)
    assert decide(without, seen, History(began=-1e6), NOW).steps[0].reason.startswith("9 requests in flight on average")
