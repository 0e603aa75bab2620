"""From load reports to an average: each rule by examples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import pytest

from cortex_cdk.autoscaling import Load, LoadReport, Observation, Policy, average_in_flight, observe

NOW = 105.0  # bucket 90 is the newest one that is over


def reports(replica: str, values: dict[int, float], **parts: float) -> list[LoadReport]:
    """Reports by bucket; ``first`` and ``last`` are the seconds measured in the first and the last of them."""
    seconds = dict.fromkeys(values, 10.0)
    if values:
        seconds[min(values)] = parts.get("first", 10.0)
        seconds[max(values)] = parts.get("last", seconds[max(values)])
    return [LoadReport(replica, bucket, value, seconds[bucket]) for bucket, value in values.items()]


def steady(value: float, buckets: Iterable[int] = range(40, 100, 10)) -> dict[int, float]:
    return dict.fromkeys(buckets, value)


def load(*of_replicas: list[LoadReport], now: float = NOW, window: float = 60.0, full: float = 1.0) -> Load:
    found = average_in_flight(itertools.chain(*of_replicas), now, window, full=full)
    assert found is not None
    return found


# Which buckets


def test_the_sum_over_replicas_averaged_over_the_window() -> None:
    found = load(reports("a", steady(2)), reports("b", {bucket: bucket / 10 for bucket in range(40, 100, 10)}))
    assert found.in_flight == found.in_flight_if_full == 2 + 6.5
    assert found.buckets == (90, 80, 70, 60, 50, 40)
    assert (found.replicas, found.missing) == (2, ())


@pytest.mark.parametrize(("window", "buckets"), [(10, 1), (19.9, 1), (20, 2), (60, 6), (300, 9), (1, 1)])
def test_as_many_buckets_as_fit_into_the_window(window: float, buckets: int) -> None:
    assert len(load(reports("a", steady(2, range(10, 100, 10))), window=window).buckets) == buckets


@pytest.mark.parametrize(
    ("now", "newest"),
    [(99.99, 80), (100.0, 90), (101.0, 90), (105.0, 90), (109.9, 90), (110.0, 100), (119.9, 100), (120.0, None)],
)
def test_the_newest_bucket_is_the_older_of_those_that_began_less_than_20_s_ago(now: float, newest: int | None) -> None:
    found = average_in_flight(reports("a", {bucket: bucket for bucket in range(40, 110, 10)}), now, 10)
    assert (found and found.buckets[0]) == newest
    assert (found and found.in_flight) == (found and found.in_flight_if_full) == newest


def test_the_bucket_that_is_not_over_is_not_looked_at() -> None:
    found = load(reports("a", steady(2) | {100: 50}))
    assert found.in_flight == found.in_flight_if_full == 2


def test_without_the_older_one_the_fresh_one_is_taken() -> None:
    found = load(reports("a", {70: 2, 80: 2, 100: 5}))
    assert found.buckets == (100, 80, 70)
    assert found.in_flight == 3


def test_no_fresh_report_is_no_load() -> None:
    assert average_in_flight([], NOW, 60) is None
    assert average_in_flight(reports("a", steady(2)), 110.0, 60) is None


def test_buckets_without_any_report_are_left_out() -> None:
    found = load(reports("a", {90: 3, 70: 3, 30: 9}, last=10), window=30)
    assert found.buckets == (90, 70, 30)
    assert found.in_flight == 5


# Twice, late, from wrong clocks


def test_of_two_reports_the_longer_counts_and_of_equals_the_higher_in_any_order() -> None:
    twice = [LoadReport("a", 90, 4), LoadReport("a", 90, 5), LoadReport("a", 90, 50, seconds=9)]
    for order in itertools.permutations(twice):
        assert load(list(order)).in_flight == 5


def test_of_two_reports_that_differ_in_what_was_done_the_same_counts_in_any_order() -> None:
    policy = Policy(queue_drain_period_s=30)
    done = [(None, None, None), (0, 8, 8), (1, 8, 8), (1, 9, 3), (1, 9, 4)]
    twice = [LoadReport("a", 90, 5, queued=queued, arrived=arrived, served=served) for queued, arrived, served in done]
    for first, second in itertools.combinations(twice, 2):
        assert observe(policy, [first, second], NOW, 1) == observe(policy, [second], NOW, 1)
        assert observe(policy, [second, first], NOW, 1) == observe(policy, [second], NOW, 1)


def test_clocks_up_to_2_s_ahead_are_believed() -> None:
    ahead = [LoadReport("a", 100, 7)]
    assert load(ahead, now=98.0).in_flight == 7
    assert average_in_flight(ahead, 97.9, 60) is None
    assert load(reports("b", steady(1)), [LoadReport("a", 1000, 7)]).in_flight == 1


def test_a_report_of_long_ago_costs_nothing() -> None:
    found = load([LoadReport("a", 0, 3), LoadReport("a", 1_700_000_000, 3)], now=1_700_000_015.0)
    assert len(found.missing) == 5


# Just started, just stopped


def test_a_part_of_a_bucket_counts_for_that_part() -> None:
    assert load([LoadReport("a", 90, 4, seconds=5)], window=10).in_flight == 2
    assert load([LoadReport("a", 90, 4, seconds=8)], window=10).in_flight == 4  # clocks differ that much
    assert load([LoadReport("a", 90, 4, seconds=7.9)], window=10).in_flight == pytest.approx(3.16)
    assert load([LoadReport("a", 90, 4, seconds=12)], window=10).in_flight == 4


def test_a_replica_did_not_exist_before_a_first_part() -> None:
    found = load(reports("a", steady(1)), reports("b", {70: 1, 80: 1, 90: 1}, first=5))
    assert found.missing == ()
    assert found.in_flight == found.in_flight_if_full == pytest.approx(1 + 2.5 / 6)


def test_a_replica_has_stopped_after_a_last_part() -> None:
    found = load(reports("a", steady(1)), reports("b", {50: 1, 60: 1, 70: 1, 80: 1}, first=5, last=5))
    assert (found.missing, found.replicas) == ((), 1)


def test_a_single_part_may_be_the_start_or_the_end() -> None:
    found = load(reports("a", steady(1)), reports("b", {80: 1}, first=5))
    assert (found.missing, found.replicas) == ((("b", 70), ("b", 90)), 2)


# Missed


def test_a_missed_report_counts_nothing_and_as_full() -> None:
    found = load(reports("a", steady(1)), reports("b", {40: 2, 50: 2, 70: 2, 80: 2, 90: 2}), full=3)
    assert found.missing == (("b", 60),)
    assert found.in_flight == pytest.approx(1 + 10 / 6)
    assert found.in_flight_if_full == pytest.approx(1 + 13 / 6)


def test_a_replica_that_was_above_full_is_assumed_to_have_been_so() -> None:
    found = load(reports("a", steady(1)), reports("b", {40: 0, 50: 8, 70: 0, 80: 0, 90: 0}), full=3)
    assert found.in_flight_if_full == pytest.approx(1 + 16 / 6)
    assert load(reports("b", {30: 50, 40: 1, 60: 1, 70: 1, 80: 1, 90: 1})).in_flight_if_full == 1  # 30 is outside


def test_a_first_report_that_is_missing() -> None:
    found = load(reports("a", steady(1)), reports("b", {70: 1, 80: 1, 90: 1}))
    assert found.missing == (("b", 60),)


def test_nothing_is_assumed_before_the_first_bucket_of_all() -> None:
    found = load(reports("a", {80: 1, 90: 1}), reports("b", {80: 1, 90: 1}))
    assert found.missing == ()
    assert found.in_flight == found.in_flight_if_full == 2


def test_one_replica_that_misses_again_and_again() -> None:
    found = load(reports("a", steady(1)), reports("b", {40: 1, 80: 1}), full=1)
    assert found.missing == (("b", 50), ("b", 60), ("b", 70), ("b", 90))
    assert (found.in_flight_if_full, found.replicas) == (2, 2)


def test_a_bucket_that_all_miss_counts_as_full_for_a_scale_down_only() -> None:
    found = load(reports("a", {40: 2, 50: 2, 60: 2, 70: 2, 90: 2}), full=3)
    assert found.buckets == (90, 70, 60, 50, 40)
    assert found.in_flight == 2
    assert found.missing == (("a", 80),)
    assert found.in_flight_if_full == pytest.approx(13 / 6)


def test_the_newest_bucket_missed_by_all() -> None:
    found = load(reports("a", {60: 2, 70: 2, 80: 2, 100: 0}), window=30, full=3)
    assert (found.in_flight, found.buckets) == (pytest.approx(4 / 3), (100, 80, 70))
    assert found.in_flight_if_full == pytest.approx(7 / 3)  # of 70, 80 and 90
    assert found.missing == (("a", 90),)


# Gone


@pytest.mark.parametrize(("last", "missing"), [(80, [90]), (70, [80, 90]), (60, [70]), (50, [60]), (40, [50])])
def test_three_silent_buckets_and_a_replica_is_gone(last: int, missing: list[int]) -> None:
    found = load(reports("a", steady(1)), reports("b", steady(1, range(40, last + 10, 10))))
    assert found.missing == tuple(("b", bucket) for bucket in missing)
    assert found.replicas == (2 if 90 in missing else 1)


# Restart under the same id


def test_a_restart_under_the_same_id_within_a_bucket_leaves_the_longer_part() -> None:
    own = [LoadReport("a", 80, 2), LoadReport("a", 90, 4, seconds=3), LoadReport("a", 90, 6, seconds=5)]
    assert load(own, window=20).in_flight == (2 + 3) / 2


# observe


def test_observe_without_data() -> None:
    assert observe(Policy(), [], NOW, 4) == Observation(replicas=4, average_in_flight=None)


def test_observe_takes_full_from_the_policy_and_tells_whether_any_is_missing() -> None:
    policy = Policy(target_replica_concurrency=3)
    whole, holed = reports("a", steady(1)), reports("a", {40: 1, 50: 1, 60: 1, 70: 1, 80: 1})
    assert observe(policy, whole, NOW, 2) == Observation(replicas=2, average_in_flight=1)
    seen = observe(policy, [*holed, LoadReport("b", 90, 0, seconds=5)], NOW, 2)
    assert seen.average_if_full == pytest.approx((5 + 3 + 3) / 6)  # of b, too, the bucket before is assumed


def test_observe_looks_at_the_upscale_window() -> None:
    own = reports("a", {40: 0, 50: 0, 60: 0, 70: 0, 80: 3, 90: 9})
    assert observe(Policy(), own, NOW, 1).burst_in_flight is None
    seen = observe(Policy(upscale_window_s=20), iter(own), NOW, 1)
    assert (seen.average_in_flight, seen.average_if_full, seen.burst_in_flight) == (2, None, 6)


def test_a_missing_report_counts_as_full_in_the_upscale_window_too() -> None:
    own = reports("a", {40: 0, 50: 0, 60: 0, 70: 4, 80: 4})
    seen = observe(Policy(upscale_window_s=20), [*own, LoadReport("b", 90, 0), LoadReport("b", 80, 0)], NOW, 4)
    assert seen.burst_in_flight == 2
    assert seen.average_if_full == pytest.approx(4)


# Bad reports


def test_reports_say_what_was_done_or_not() -> None:
    assert LoadReport("a", 90, 4, queued=4, arrived=0, served=2**53).served == 2**53
    assert LoadReport("a", 90, 4).queued is None


@pytest.mark.parametrize("queued", [-0.1, 4.1, math.inf, math.nan])
def test_no_more_wait_than_are_in_flight(queued: float) -> None:
    with pytest.raises(ValueError, match=r"queued of replica a is .*, must be a number from 0 to in_flight \(4\)"):
        LoadReport("a", 90, 4, queued=queued)


@pytest.mark.parametrize("name", ["arrived", "served"])
@pytest.mark.parametrize("count", [-1, math.inf, math.nan, 2**53 + 1])
def test_no_count_is_negative_or_without_end(name: str, count: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} of replica a is .*, must be a number from 0 to 9007199254740992"):
        LoadReport("a", 90, 4, **{name: count})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan, 2**53 + 1])
def test_no_report_is_negative_or_without_end(value: float) -> None:
    with pytest.raises(ValueError, match=r"in_flight of replica a is .*, must be a number from 0 to 9007199254740992"):
        LoadReport("a", 90, value)


def test_no_report_is_off_the_grid_or_of_no_time() -> None:
    with pytest.raises(ValueError, match="bucket of replica a is 95, must be a multiple of 10"):
        LoadReport("a", 95, 1)
    for seconds in (0, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"seconds of replica a is .*, must be above 0"):
            LoadReport("a", 90, 1, seconds)
