"""The KPA against worked examples of Knative's own tests and comments.

Numbers are from https://github.com/knative/serving/blob/knative-v1.23.0/pkg/autoscaler/scaling/autoscaler_test.go,
whose autoscaler has rates of 10, a panic threshold of 2 and a stable window of 60 s unless a test says otherwise.
"""

from __future__ import annotations

import pytest

from cortex_cdk.simulation.policies import ReplicaBounds
from cortex_cdk.simulation.policies.knative import Knative, KnativeSettings
from tests.simulation.policies.scripted import WIDE, Readings, counts, run

LATE = 1000.0  # a time at which all windows are full


def kpa(target: float, **settings: float) -> Knative:
    given = {"max_scale_up_rate": 10.0, "max_scale_down_rate": 10.0} | settings
    return Knative(KnativeSettings(container_concurrency=target, target_utilization=1.0, **given), WIDE)


def wanted(policy: Knative, now: float, stable: float, panic: float, ready: int) -> int:
    return policy.decide(now, Readings(requested=ready, ready=ready, averages={60.0: stable, 6.0: panic})).desired


@pytest.mark.parametrize(
    ("target", "stable", "panic", "ready", "expected"),
    [
        pytest.param(181, 21, 26, 1, 1, id="one is enough"),
        pytest.param(10, 50, 49, 1, 5, id="stable window"),
        pytest.param(10, 50, 50, 5, 5, id="as many as there are"),
        pytest.param(10, 50, 100, 1, 10, id="panic takes precedence"),
        pytest.param(10, 100, 100, 8, 10, id="above the ready count without panic"),
        pytest.param(10, 50, 50, 8, 5, id="below the ready count"),
    ],
)
def test_the_larger_window_that_counts_decides(
    target: float, stable: float, panic: float, ready: int, expected: int
) -> None:
    assert wanted(kpa(target), LATE, stable, panic, ready) == expected


def test_one_step_up_multiplies_the_ready_pods() -> None:
    policy = kpa(10)
    assert wanted(policy, LATE, 1000, 1001, 1) == 10
    assert wanted(policy, LATE, 1000, 1001, 10) == 100


def test_one_step_down_divides_the_ready_pods() -> None:
    policy = kpa(10)
    assert wanted(policy, LATE, 1, 1, 100) == 10
    assert wanted(policy, LATE, 1, 1, 10) == 1


def test_a_small_rate_still_lets_one_more_pod_start() -> None:
    # 3 in flight at a target of 1 on 2 pods: 2 x 1.1 = 2.2 would never reach 3.
    assert wanted(kpa(1, max_scale_up_rate=1.1), LATE, 3, 3.1, 2) == 3
    assert wanted(kpa(10, max_scale_down_rate=1.1), LATE, 1, 1, 100) == 90


def test_no_ready_pod_counts_as_one() -> None:
    assert wanted(kpa(10), LATE, 1000, 888, 0) == 10


def test_the_default_rates_are_those_of_the_configuration() -> None:
    policy = Knative(KnativeSettings(container_concurrency=10, target_utilization=1.0), WIDE)
    assert wanted(policy, LATE, 100_000, 100_000, 1) == 1000
    policy = Knative(KnativeSettings(container_concurrency=10, target_utilization=1.0), WIDE)
    assert wanted(policy, LATE, 1, 1, 9) == 4


def test_traffic_that_grows_sixfold_is_followed_and_then_held() -> None:
    policy = kpa(1)
    steps = [(6, 1), (36, 6), (216, 36), (1296, 216), (1296, 1296)]
    assert [wanted(policy, LATE + i, load, load, ready) for i, (load, ready) in enumerate(steps)] == [
        6,
        36,
        216,
        1296,
        1296,
    ]


def test_panic_holds_the_highest_count_until_a_stable_window_after_the_surge() -> None:
    policy = kpa(10)
    assert wanted(policy, LATE, 100, 100, 1) == 10
    assert wanted(policy, LATE, 100, 1000, 10) == 100
    assert wanted(policy, LATE + 30, 1, 1, 10) == 100
    assert wanted(policy, LATE + 60, 1, 1, 10) == 100  # not before more than the window has passed
    assert wanted(policy, LATE + 61, 1, 1, 10) == 1


def test_a_new_panic_does_not_remember_the_one_before() -> None:
    policy = kpa(10)
    assert wanted(policy, LATE, 100, 1000, 10) == 100
    assert wanted(policy, LATE + 62, 1, 1, 10) == 1
    assert wanted(policy, LATE + 100, 10, 40, 1) == 4


def test_averages_are_rounded_so_that_no_pod_is_added_for_nothing() -> None:
    assert wanted(kpa(7), LATE, 21.0000001, 21.0000001, 3) == 3
    assert wanted(kpa(7), LATE, 21.000001, 21.000001, 3) == 4


def test_panic_ends_while_the_load_grows_slowly() -> None:
    policy = kpa(1)
    assert wanted(policy, LATE, 11, 25, 10) == 25
    assert wanted(policy, LATE + 30, 30, 41, 40) == 41  # still in panic, which was not renewed
    assert wanted(policy, LATE + 62, 50, 56, 55) == 50  # out of panic: the stable window's


def test_a_surge_that_goes_on_renews_panic() -> None:
    policy = kpa(1)
    assert wanted(policy, LATE, 11, 25, 10) == 25
    assert wanted(policy, LATE + 30, 30, 80, 40) == 80
    assert wanted(policy, LATE + 62, 30, 30, 80) == 80  # 32 s after the renewal
    assert wanted(policy, LATE + 91, 40, 30, 80) == 40


@pytest.mark.parametrize(("stable", "panic", "expected"), [(50, 30, 50), (20, 30, 30)])
def test_in_panic_the_larger_wish_counts(stable: float, panic: float, expected: int) -> None:
    policy = kpa(1)
    assert wanted(policy, LATE - 5, 5, 5, 2) == 5
    assert wanted(policy, LATE, stable, panic, 5) == expected


def test_with_several_pods_it_starts_in_panic_and_does_not_shrink_for_a_stable_window() -> None:
    policy = Knative(KnativeSettings(), ReplicaBounds(minimum=1, maximum=20, initial=8))
    assert policy.initial() == 8
    assert counts(run(policy, lambda second: 0.1, 70)) == [(2.0, 8), (62.0, 4), (64.0, 2), (66.0, 1)]


def test_a_delayed_scale_down_waits_for_the_whole_delay() -> None:
    policy = kpa(10, panic_threshold=100, scale_down_delay_s=300)
    bounded_below = 1  # 0 in the original, which scales to zero
    assert wanted(policy, LATE + 2, 40, 40, 0) == 4
    assert wanted(policy, LATE + 300, 0, 0, 0) == 4
    assert wanted(policy, LATE + 302, 0, 0, 0) == bounded_below


def test_a_delayed_scale_down_is_gradual() -> None:
    policy = kpa(10, panic_threshold=100, scale_down_delay_s=300)
    loads = [(540, 40), (600, 30), (660, 0), (840, 0), (900, 0)]
    assert [wanted(policy, now, load, load, 0) for now, load in loads] == [4, 4, 4, 3, 1]


def test_without_a_delay_it_scales_down_at_once() -> None:
    policy = kpa(10, panic_threshold=100)
    assert wanted(policy, LATE, 40, 40, 0) == 4
    assert wanted(policy, LATE + 0.5, 20, 20, 0) == 2


def test_activation_scale_is_the_least_while_there_is_load() -> None:
    assert wanted(kpa(10, activation_scale=2), LATE, 0, 0, 1) == 1
    assert wanted(kpa(10, activation_scale=2), LATE, 1, 0, 1) == 2


def test_without_metrics_the_count_stays() -> None:
    policy = Knative(KnativeSettings(), ReplicaBounds(minimum=2, maximum=9, initial=2))
    assert policy.decide(LATE, Readings(7, 7, {60.0: None, 6.0: None})).desired == 7
    assert policy.decide(1.0, Readings(7, 7, {60.0: None, 6.0: 3.0})).desired == 7


def test_seven_of_ten_slots_are_aimed_at() -> None:
    # "if a Revision specifies ContainerConcurrency of 10, then the Autoscaler will try to maintain 7" (autoscaler.yaml)
    settings = KnativeSettings(container_concurrency=10)
    assert settings.target == 7
    assert settings.panic_window_s == 6
    assert KnativeSettings(stable_window_s=65).panic_window_s == 7  # rounded to whole seconds, halves up
    assert KnativeSettings(stable_window_s=6, panic_window_share=0.01).panic_window_s == 1


def test_early_averages_are_over_what_there_is() -> None:
    # 10 s of 7 in flight are 7 on average, not 7 x 10 / 60.
    policy = Knative(KnativeSettings(), WIDE)
    assert [requested for time, requested, _ in run(policy, lambda second: 7.0, 11) if time >= 4] == [10] * 4


def test_a_step_raises_the_count_within_seconds() -> None:
    ticks = run(Knative(KnativeSettings(), WIDE), lambda second: 0.5 if second < 300 else 20.0, 400)
    panic_after = next(time for time, requested, _ in ticks if requested > 1)
    assert 302 <= panic_after <= 304
    assert ticks[-1][1] == 29  # 20 / 0.7
