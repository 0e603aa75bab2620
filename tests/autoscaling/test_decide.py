"""Each rule by worked examples, on both sides of each of its edges."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cortex_cdk.autoscaling import Decision, History, Observation, Policy, Record, Rule, decide

LONG_AGO = History(began=-1e6)


def tick(load: float | None, current: int, history: History = LONG_AGO, now: float = 0.0, **policy: Any) -> Decision:
    settings = {"init_replicas": policy.get("min_replicas", 1)} | policy
    return decide(Policy(**settings), Observation(replicas=current, average_in_flight=load), history, now)


def rules(decision: Decision) -> list[Rule]:
    return [step.rule for step in decision.steps]


def past(*records: tuple[float, int], began: float = -1e6) -> History:
    return History(began=began, records=tuple(Record(time, count) for time, count in records))


# 1. No data


def test_no_data_holds_and_records_nothing() -> None:
    history = past((-10, 9), (-5, 3))
    decision = tick(None, 4, history)
    assert (decision.desired, decision.valid, decision.raw, decision.recommendation) == (4, False, None, None)
    assert decision.history == history
    assert rules(decision) == [Rule.NO_DATA]


def test_the_history_begins_at_the_first_tick_even_without_data() -> None:
    assert tick(None, 4, History(), now=7).history == History(began=7)


def test_no_load_is_data() -> None:
    decision = tick(0.0, 4)
    assert decision.valid
    assert decision.desired == 2


# 2. The load


@pytest.mark.parametrize(
    ("load", "target", "count"),
    [(0.001, 1, 1), (3, 1, 3), (3.001, 1, 4), (3, 0.5, 6), (7.25, 0.5, 15), (299, 100, 3), (301, 100, 4)],
)
def test_the_load_fills_replicas_up_to_the_target(load: float, target: float, count: int) -> None:
    tolerances = {"upscale_tolerance": 0.0, "downscale_tolerance": 0.0}
    decision = tick(load, 2, target_replica_concurrency=target, **tolerances)
    assert (decision.raw, decision.recommendation) == (load / target, count)


# 3. Tolerance


@pytest.mark.parametrize(
    ("load", "kept"),
    [(9.0, False), (math.nextafter(9, 10), True), (9.5, True), (10.0, True), (10.5, True), (10.999, True), (11, False)],
)
def test_tolerance_is_strict_at_10_percent_of_10(load: float, kept: bool) -> None:
    decision = tick(load, 10)
    assert (decision.desired == 10) == kept
    assert (Rule.TOLERANCE in rules(decision)) == (kept and math.ceil(load) != 10)


def test_each_direction_has_its_own_tolerance() -> None:
    assert tick(6, 10, downscale_tolerance=0.5, upscale_tolerance=0.0).desired == 10
    assert tick(10.5, 10, downscale_tolerance=0.5, upscale_tolerance=0.0).desired == 11
    assert tick(14, 10, downscale_tolerance=0.0, upscale_tolerance=0.5).desired == 10
    assert tick(8.5, 10, downscale_tolerance=0.0, upscale_tolerance=0.5).desired == 9


def test_tolerance_is_about_the_load_not_about_its_rounding() -> None:
    # 13.4 of 15 is below the tolerance's 13.5, though 14 replicas would be within it
    assert tick(13.4, 15).desired == 14
    assert tick(13.6, 15).desired == 15


# 4. Factors


@pytest.mark.parametrize(
    ("current", "factor", "lowest"),
    [(10, 0.5, 5), (9, 0.5, 5), (10, 0.0, 0), (10, 0.95, 9), (10, 0.85, 9), (2, 0.75, 1), (1, 0.5, 0), (3, 0.5, 2)],
)
def test_a_step_down_is_bounded_but_for_one_replica(current: int, factor: float, lowest: int) -> None:
    decision = tick(0, current, max_downscale_factor=factor, min_replicas=0, init_replicas=0)
    assert (decision.downscale_factor_floor, decision.desired) == (lowest, lowest)


@pytest.mark.parametrize(
    ("current", "factor", "highest"),
    [(10, 1.5, 15), (9, 1.5, 14), (1, 10, 10), (1, 1.1, 2), (10, 1.05, 11), (10, 1.11, 12), (0, 10, 1)],
)
def test_a_step_up_is_bounded_but_for_one_replica(current: int, factor: float, highest: int) -> None:
    decision = tick(99, current, max_upscale_factor=factor, min_replicas=0, init_replicas=0)
    assert (decision.upscale_factor_ceiling, decision.desired) == (highest, highest)


def test_a_load_within_the_factors_is_met() -> None:
    assert tick(15, 10, max_upscale_factor=1.5).desired == 15
    assert tick(5, 10, max_downscale_factor=0.5).desired == 5
    assert Rule.MAX_UPSCALE_FACTOR not in rules(tick(15, 10, max_upscale_factor=1.5))


# 5. Bounds, and recording


def test_bounds() -> None:
    assert tick(99, 20, max_replicas=25).desired == 25
    assert tick(26, 20, max_replicas=25).desired == 25
    assert tick(1, 4, min_replicas=3, max_downscale_factor=0.0).desired == 3
    assert tick(2, 4, min_replicas=3).desired == 3
    assert tick(0, 4, min_replicas=3).desired == 3
    assert tick(0, 1).desired == 1
    assert tick(0, 1, min_replicas=0, init_replicas=0).desired == 0


def test_what_is_recorded_is_bounded_and_comes_before_stabilization() -> None:
    decision = tick(99, 20, now=3, max_replicas=25, upscale_stabilization_period_s=60.0, history=History(began=0))
    assert (decision.desired, decision.recommendation) == (20, 25)
    assert decision.history == History(began=0, records=(Record(3, 25),), ticked=3, desired=20)


def test_a_count_outside_changed_bounds_is_clamped_at_once_with_and_without_data() -> None:
    for load in (20.0, None):
        lowered, raised = tick(load, 20, max_replicas=7), tick(load, 2, min_replicas=5)
        assert (lowered.desired, lowered.change) == (7, -13)
        assert lowered.steps[0].rule is Rule.MAX_REPLICAS
        assert raised.steps[0].rule is Rule.MIN_REPLICAS
        assert raised.desired >= 5
    assert tick(None, 2, min_replicas=5).desired == 5


def test_factors_start_from_the_clamped_count() -> None:
    assert tick(0, 100, max_replicas=10, min_replicas=1).desired == 5


def test_no_stabilization_keeps_a_count_outside_the_bounds() -> None:
    assert tick(50, 50, past((-10, 50), began=-20), max_replicas=10).desired == 10


# 6. Downscale stabilization


def test_no_step_down_within_the_first_period() -> None:
    for now, desired in ((0, 4), (299.9, 4), (300, 2), (301, 2)):
        assert tick(0, 4, History(began=0), now=now).desired == desired


def test_not_below_the_highest_record_of_the_period() -> None:
    history = past((-200, 5), (-100, 3))
    assert tick(0, 8, history).desired == 5
    assert tick(0, 8, history).downscale_stabilization_floor == 5
    assert tick(0, 8, history, downscale_stabilization_period_s=150.0).desired == 4  # by the factor


def test_a_record_as_old_as_the_period_is_outside_it() -> None:
    assert tick(0, 8, past((-300, 6))).desired == 4
    assert tick(0, 8, past((-299.99, 6))).desired == 6


def test_the_floor_is_capped_at_the_present_count() -> None:
    decision = tick(0, 8, past((-100, 50)))
    assert (decision.desired, decision.downscale_stabilization_floor) == (8, 8)


def test_the_floor_is_no_matter_when_not_going_down() -> None:
    for load in (8.0, 9.0):
        assert tick(load, 8, past((-100, 50))).downscale_stabilization_floor is None


def test_a_zero_period_contains_nothing_not_even_this_tick() -> None:
    decision = tick(0, 8, History(), downscale_stabilization_period_s=0.0)
    assert (decision.desired, decision.downscale_stabilization_floor) == (4, None)
    decision = tick(20, 8, History(), upscale_stabilization_period_s=0.0)
    assert (decision.desired, decision.upscale_stabilization_ceiling) == (20, None)


# 7. Upscale stabilization


def test_no_step_up_within_the_first_period() -> None:
    for now, desired in ((0, 4), (59.9, 4), (60, 9), (61, 9)):
        assert tick(9, 4, History(began=0), now=now, upscale_stabilization_period_s=60.0).desired == desired


def test_not_above_the_lowest_record_of_the_period() -> None:
    history = past((-50, 5), (-20, 7))
    decision = tick(20, 4, history, upscale_stabilization_period_s=60.0)
    assert (decision.desired, decision.upscale_stabilization_ceiling) == (5, 5)
    assert tick(20, 4, history, upscale_stabilization_period_s=50.0).desired == 7
    assert tick(20, 4, history, upscale_stabilization_period_s=50.01).desired == 5
    assert tick(20, 4, history, upscale_stabilization_period_s=20.0).desired == 20


def test_the_ceiling_is_at_least_the_present_count() -> None:
    decision = tick(20, 4, past((-50, 1)), upscale_stabilization_period_s=60.0)
    assert (decision.desired, decision.upscale_stabilization_ceiling) == (4, 4)


def test_the_ceiling_is_no_matter_when_not_going_up() -> None:
    for load in (3.0, 4.0):
        decision = tick(load, 4, past((-50, 1)), upscale_stabilization_period_s=60.0)
        assert decision.upscale_stabilization_ceiling is None


def test_a_period_of_days_and_one_that_becomes_longer() -> None:
    history = tick(9, 9, now=0.0, downscale_stabilization_period_s=3 * 86_400.0).history
    history = tick(5, 9, history, now=2 * 86_400.0, downscale_stabilization_period_s=3 * 86_400.0).history
    assert tick(5, 9, history, now=2 * 86_400.0 + 10, downscale_stabilization_period_s=3 * 86_400.0).desired == 9
    history = tick(9, 9, now=0.0).history
    history = tick(5, 9, history, now=86_000.0).history
    assert tick(5, 9, history, now=86_010.0, downscale_stabilization_period_s=86_400.0).desired == 9


def test_neither_direction_looks_at_the_period_of_the_other() -> None:
    both = {"upscale_stabilization_period_s": 300.0, "downscale_stabilization_period_s": 0.0}
    assert tick(0, 8, past((-10, 50)), **both).desired == 4
    both = {"upscale_stabilization_period_s": 0.0, "downscale_stabilization_period_s": 300.0}
    assert tick(20, 8, past((-10, 1)), **both).desired == 20


# 8. The same tick twice, failed updates, counts set between ticks


def test_a_tick_that_comes_twice_gives_its_count_again() -> None:
    first = tick(100, 1, max_replicas=1000)
    again = tick(100, first.desired, first.history, now=4.9, max_replicas=1000)
    assert (first.desired, again.desired) == (10, 10)
    assert again.history == first.history
    assert rules(again) == [Rule.REPEATED]
    assert tick(100, first.desired, first.history, now=5.0, max_replicas=1000).desired == 100


def test_a_tick_that_comes_twice_heeds_bounds_that_changed_between() -> None:
    first = tick(8, 8)
    assert tick(8, 8, first.history, now=1, max_replicas=6).desired == 6


def test_a_failed_update_is_tried_again() -> None:
    first = tick(6, 2)
    assert tick(6, 2, first.history, now=1).desired == 6
    assert tick(6, 2, first.history, now=10).desired == 6


def test_a_tick_that_comes_twice_does_not_take_back_an_awakening() -> None:
    sleep = tick(0, 1, min_replicas=0)
    assert sleep.desired == 0
    awakened = sleep.history.recorded(1.0, 1)
    assert tick(0, 1, awakened, now=2.0, min_replicas=0).desired == 1


def test_an_awakened_api_stays_for_the_downscale_period() -> None:
    history = LONG_AGO.recorded(0.0, 1)
    assert tick(0, 1, history, now=299.0, min_replicas=0).desired == 1
    assert tick(0, 1, history, now=300.0, min_replicas=0).desired == 0


def test_a_sleeping_api_with_load_gets_one_replica() -> None:
    assert tick(0.5, 0, min_replicas=0).desired == 1
    assert tick(50, 0, min_replicas=0).desired == 1
    assert tick(0, 0, min_replicas=0).desired == 0


def test_a_clock_that_was_set_back_keeps_the_past_and_loses_no_time() -> None:
    history = tick(8, 8, now=1000.0).history
    decision = tick(0, 8, history, now=500.0)
    assert (decision.desired, decision.history.records[0]) == (8, Record(500.0, 8))
    assert tick(0, 8, decision.history, now=799.0).desired == 8
    assert tick(0, 8, decision.history, now=800.0).desired == 4


# Missing reports and the upscale window


def observed(current: int, load: float, if_full: float | None, burst: float | None = None, **policy: Any) -> Decision:
    observation = Observation(replicas=current, average_in_flight=load, average_if_full=if_full, burst_in_flight=burst)
    return decide(Policy(**policy), observation, LONG_AGO, 0.0)


@pytest.mark.parametrize(
    ("load", "if_full", "desired"), [(6, None, 6), (6, 7.5, 8), (6, 30, 10), (9.5, 30, 10), (10, 30, 10), (12, 30, 12)]
)
def test_missing_reports_hold_back_a_step_down_and_never_raise(load: float, if_full: float, desired: int) -> None:
    assert observed(10, load, if_full).desired == desired


def test_missing_reports_that_only_tip_the_tolerance_are_named() -> None:
    decision = observed(15, 13.2, 13.8)
    assert decision.desired == 15
    assert rules(decision) == [Rule.LOAD, Rule.MISSING_REPORTS, Rule.TOLERANCE]


def test_the_upscale_window_raises_only() -> None:
    window = {"upscale_window_s": 10.0}
    assert observed(4, 4, None, 20, **window).desired == 20
    assert observed(4, 4, None, 1, **window).desired == 4
    assert observed(4, 2, None, 3, **window).desired == 3
    assert observed(4, 4, None, 20).desired == 4  # no such window


# Extremes


def test_extreme_settings() -> None:
    most = 2**31 - 1
    huge = {"max_replicas": most, "max_upscale_factor": 1e308}
    assert tick(1, 1, target_replica_concurrency=1e-320, **huge).desired == most
    assert tick(1e308, most, target_replica_concurrency=1e-320, upscale_tolerance=1e308, **huge).desired == most
    assert tick(0, most, max_replicas=most).desired == 2**30
    assert tick(1e-300, 3, target_replica_concurrency=1e300).desired == 2


@pytest.mark.parametrize("replicas", [-1, -5])
def test_no_negative_count_is_observed(replicas: int) -> None:
    with pytest.raises(ValueError, match=f"replicas is {replicas}, must be at least 0"):
        Observation(replicas=replicas, average_in_flight=0.0)


@pytest.mark.parametrize("name", ["average_in_flight", "average_if_full", "burst_in_flight"])
@pytest.mark.parametrize("value", [-1e-9, math.inf, math.nan, 10**400])
def test_no_load_is_negative_or_without_end(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is .*, must be a number of at least 0, or None"):
        Observation(**{"replicas": 1, "average_in_flight": 1.0, name: value})
