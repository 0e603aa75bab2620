"""Target tracking against what AWS's pages say and show.

The examples are from
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html and, for
cooldowns, from the API's reference of ``StepScalingPolicyConfiguration``; each test says which.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cortex_cdk.simulation.policies import ReplicaBounds
from cortex_cdk.simulation.policies.ecs_target_tracking import HIGH_RESOLUTION, STANDARD, EcsSettings, EcsTargetTracking
from tests.simulation.policies.scripted import WIDE, Readings, counts, run

LATE = 1000.0


def decisions(
    utilizations: Sequence[float | None], count: int, *, bounds: ReplicaBounds = WIDE, **settings: float
) -> list[int]:
    """The counts after each datapoint, which are 20 s apart."""
    policy = EcsTargetTracking(EcsSettings(**settings), bounds)
    wanted = []
    for number, busy in enumerate(utilizations):
        count = policy.decide(LATE + 20 * number, Readings(requested=count, ready=count, busy=busy)).desired
        wanted.append(count)
    return wanted


def test_a_part_of_a_task_is_rounded_up() -> None:
    # The page: 1.5 more would bring CPU close to the target of 50 %, so two are added.
    assert decisions([0.75] * 3, 3, target_utilization=0.5) == [3, 3, 5]


def test_nothing_is_removed_when_that_would_go_above_the_target() -> None:
    # The page: half a task fewer would be right, so none is. 4 x 0.44 / 0.5 = 3.52.
    assert decisions([0.44] * 15, 4, target_utilization=0.5) == [4] * 15
    assert decisions([0.37] * 15, 4, target_utilization=0.5) == [4] * 14 + [3]


def test_three_datapoints_above_the_target_in_a_row() -> None:
    assert decisions([0.8, 0.8, 0.7, 0.8, 0.8, 0.8], 10) == [10] * 5 + [12]


def test_fifteen_datapoints_below_nine_tenths_of_the_target_in_a_row() -> None:
    assert decisions([0.35] * 14 + [0.63] + [0.35] * 15, 10) == [10] * 29 + [5]
    assert decisions([0.6299] * 15, 20) == [20] * 14 + [18]


def test_what_is_exactly_at_the_target_is_no_more_than_it() -> None:
    assert decisions([0.7] * 20, 7) == [7] * 20
    assert decisions([0.71] * 2 + [0.70000000001], 7) == [7] * 3


def test_missing_data_changes_nothing_and_breaks_the_row() -> None:
    assert decisions([0.8, 0.8, None, 0.8, 0.8, 0.8], 10) == [10] * 5 + [12]
    assert decisions([0.1] * 14 + [None] + [0.1] * 14, 10) == [10] * 29


def test_within_the_cooldown_only_a_larger_scale_out_counts_and_only_by_the_difference() -> None:
    # The reference: 2 were added; an alarm for 3 within the cooldown adds 1 more. Here 7 -> 9 -> 10.
    seven_to_nine, seven_to_ten = 0.9 - 0.01, 1.0
    wanted = decisions([seven_to_nine] * 5 + [seven_to_ten] * 3, 7)
    assert wanted == [7, 7, 9, 9, 9, 10, 10, 10]


def test_after_the_cooldown_it_goes_on_from_where_it_is() -> None:
    # At full utilization 10 -> 15; 300 s later, which is 15 datapoints, 15 -> 22.
    assert decisions([1.0] * 18, 10) == [10, 10, *[15] * 15, 22]


def test_the_scale_in_cooldown_blocks_scale_ins_but_no_scale_out() -> None:
    wanted = decisions([0.35] * 30, 16)
    assert wanted == [16] * 14 + [8] * 15 + [4]
    assert decisions([0.35] * 15 + [0.9] * 3, 16) == [16] * 14 + [8] * 3 + [11]


def test_a_scale_out_ends_the_scale_in_cooldown() -> None:
    with_cooldown = {"scale_in_datapoints": 2, "scale_out_datapoints": 1}
    # In at the 2nd, out at the 3rd, and in again at the 5th, 60 s after the first.
    assert decisions([0.35, 0.35, 0.9, 0.35, 0.35], 16, **with_cooldown) == [16, 8, 11, 11, 6]


def test_the_first_datapoint_is_of_a_whole_period() -> None:
    policy = EcsTargetTracking(HIGH_RESOLUTION, ReplicaBounds(minimum=1, maximum=50, initial=2))
    # 20 s and 16 s are over at the tick of 40 s; those of 60 s and 80 s make it three.
    assert counts(run(policy, lambda second: 9.0, 100)) == [(20.0, 2), (80.0, 3)]


def test_bounds_hold() -> None:
    bounds = ReplicaBounds(minimum=2, maximum=5, initial=3)
    assert decisions([1.0] * 40, 4, bounds=bounds)[-1] == 5
    assert decisions([0.0] * 40, 4, bounds=bounds)[-1] == 2
    assert EcsTargetTracking(EcsSettings(), bounds).initial() == 3


@pytest.mark.parametrize(
    ("settings", "measured_s"), [pytest.param(HIGH_RESOLUTION, 86, id="20 s"), pytest.param(STANDARD, 363, id="60 s")]
)
def test_a_rise_is_seen_within_the_time_of_the_vendors_benchmark(settings: EcsSettings, measured_s: float) -> None:
    # Wherever in a period the load rises: never later than AWS measured, and not a period and a half earlier.
    found = []
    for rise in range(1200, 1200 + int(settings.period_s)):
        policy = EcsTargetTracking(settings, ReplicaBounds(minimum=1, maximum=50, initial=4))
        changes = counts(run(policy, lambda second, rise=rise: 4.0 if second >= rise else 2.6, rise + 500))
        found.append(changes[1][0] - rise)
    assert max(found) <= measured_s + settings.period_s / 2
    assert min(found) >= measured_s - 1.5 * settings.period_s
    assert min(found) < max(found)


def test_queued_requests_are_not_seen() -> None:
    # 1,000 in flight on 4 slots are a utilization of 1: one step of 43 %, then a cooldown.
    policy = EcsTargetTracking(HIGH_RESOLUTION, ReplicaBounds(minimum=1, maximum=500, initial=4))
    assert [requested for _, requested in counts(run(policy, lambda second: 1000.0, 390))] == [4, 6, 9]


def test_the_two_forms_differ_in_the_metric_only() -> None:
    assert (HIGH_RESOLUTION.period_s, STANDARD.period_s) == (20, 60)
    assert HIGH_RESOLUTION.scale_out_cooldown_s == STANDARD.scale_out_cooldown_s == 300
    assert HIGH_RESOLUTION.scale_in_cooldown_s == STANDARD.scale_in_cooldown_s == 300
    assert HIGH_RESOLUTION.target_utilization == STANDARD.target_utilization == 0.7
