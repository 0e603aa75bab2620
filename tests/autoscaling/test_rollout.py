"""Surge and outage as ECS's percents, for every count from 1 to 1000, and rollouts that come to an end."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import CountOrPercent, Rollout, rollout
from cortex_cdk.autoscaling.rollout import MAX_PERCENT, allowed


class Strategy(NamedTuple):
    max_surge: CountOrPercent
    max_unavailable: CountOrPercent


def strategy(max_surge: str, max_unavailable: str) -> Strategy:
    return Strategy(CountOrPercent.parse(max_surge), CountOrPercent.parse(max_unavailable))


PERCENTS = [CountOrPercent(value, is_percent=True) for value in range(101)]
COUNTS = [CountOrPercent(value, is_percent=False) for value in [*range(21), 50, 99, 100, 101, 150]]
OPTIONS = PERCENTS + COUNTS
MOST_SURGE = 1000


def surges(desired: int) -> dict[int, CountOrPercent]:
    """Every surge that an option means for ``desired``, and one option for each."""
    return {option.rounded_up(desired): option for option in OPTIONS}


def outages(desired: int) -> dict[int, CountOrPercent]:
    """The same for outages."""
    return {min(option.rounded_down(desired), desired): option for option in OPTIONS}


def surge_of(percent: int, desired: int) -> int:
    """ECS rounds the upper limit down."""
    return desired * percent // 100 - desired


def outage_of(percent: int, desired: int) -> int:
    """ECS rounds the lower limit up."""
    return desired * (100 - percent) // 100


def nearest(sayable: list[int], wanted: int) -> int:
    """The highest of what can be said that is not above what is wanted."""
    return sayable[bisect_right(sayable, wanted) - 1]


def comes_to_an_end(desired: int, upper: int, lower: int) -> bool:
    """Whether a deployment of ECS replaces all tasks, with at most ``upper`` of them and at least ``lower`` healthy."""
    old, new = desired, 0
    while old or new < desired:
        started = min(upper - old - new, desired - new)
        new += started
        stopped = min(old, old + new - lower)
        old -= stopped
        if started <= 0 and stopped <= 0:
            return False
        assert lower <= old + new <= upper
    return True


def check(desired: int, surge: int, outage: int, pair: Rollout, sayable: tuple[list[int], list[int]]) -> None:
    maximum, minimum = pair
    assert maximum >= 100
    assert 0 <= minimum <= 100
    said = (surge_of(maximum, desired), outage_of(minimum, desired))
    assert said == (pair.surge(desired), pair.unavailable(desired))
    least_outage = 1 if surge == outage == 0 else outage
    expected = (nearest(sayable[0], surge), nearest(sayable[1], least_outage))
    if desired <= 100:
        assert expected == (surge, least_outage), "there are percents for all numbers"
    if expected == (0, 0):
        assert desired > 100
        assert pair == ((101, 100) if surge else (100, 99))
    else:
        assert said == expected
        assert maximum == 100 or surge_of(maximum - 1, desired) < said[0]
        assert minimum == 100 or outage_of(minimum + 1, desired) < said[1]
    assert sum(said) > 0, "nothing could be replaced"


def sayable(desired: int) -> tuple[list[int], list[int]]:
    """All surges and all outages that whole percents can say, ascending."""
    most = 100 + 100 * MOST_SURGE // desired
    up = sorted({surge_of(percent, desired) for percent in range(100, most + 1)})
    return up, sorted({outage_of(percent, desired) for percent in range(101)})


def test_a_deployment_comes_to_an_end_unless_it_may_neither_add_nor_miss_a_task() -> None:
    for desired in range(1, 41):
        for surge in range(2 * desired):
            for outage in range(desired + 1):
                ends = comes_to_an_end(desired, desired + surge, desired - outage)
                assert ends == (surge + outage > 0)


@pytest.mark.parametrize("desired", [range(1, 51), range(51, 101)], ids=["1-50", "51-100"])
def test_up_to_100_replicas_every_pair_is_exact(desired: range) -> None:
    for count in desired:
        can_be_said = sayable(count)
        for surge, max_surge in surges(count).items():
            for outage, max_unavailable in outages(count).items():
                pair = rollout(Strategy(max_surge, max_unavailable), count)
                check(count, surge, outage, pair, can_be_said)


def test_above_100_replicas_each_is_the_nearest_that_percents_can_say() -> None:
    for desired in range(101, 1001):
        can_be_said = sayable(desired)
        up, down = surges(desired), outages(desired)
        some_up, some_down = [{n: of[n] for n in (0, 1)} for of in (up, down)]
        for wanted_up, wanted_down in ((up, some_down), (some_up, down)):
            for surge, max_surge in wanted_up.items():
                for outage, max_unavailable in wanted_down.items():
                    pair = rollout(Strategy(max_surge, max_unavailable), desired)
                    check(desired, surge, outage, pair, can_be_said)


@given(st.integers(1, 2**31 - 1), st.sampled_from(OPTIONS), st.sampled_from(OPTIONS))
def test_any_count(desired: int, max_surge: CountOrPercent, max_unavailable: CountOrPercent) -> None:
    policy = Strategy(max_surge, max_unavailable)
    pair, may = rollout(policy, desired), allowed(policy, desired)
    assert max(pair) <= MAX_PERCENT
    assert pair.surge(desired) + pair.unavailable(desired) > 0
    if pair not in ((101, 100), (100, 99)):
        one_percent = -(-desired // 100)
        assert may.surge - one_percent < pair.surge(desired) <= may.surge
        assert may.unavailable - one_percent < pair.unavailable(desired) <= may.unavailable


@pytest.mark.parametrize(
    ("max_surge", "max_unavailable", "desired", "pair"),
    [
        ("25%", "25%", 1, (200, 100)),  # one more, none less; 125/75 would be neither
        ("25%", "25%", 2, (150, 100)),
        ("25%", "25%", 3, (134, 100)),
        ("25%", "25%", 4, (125, 75)),
        ("25%", "25%", 5, (140, 80)),
        ("25%", "25%", 100, (125, 75)),
        ("1", "0", 7, (115, 100)),
        ("0", "1", 7, (100, 85)),
        ("0", "100%", 7, (100, 0)),
        ("100%", "0", 7, (200, 100)),
        ("0", "25%", 3, (100, 66)),  # nothing could be replaced: one may be missing
        ("0", "9", 3, (100, 0)),
        ("5", "0", 1000, (101, 100)),  # 5 cannot be said, and none would never end
        ("0", "5", 1000, (100, 99)),
        ("25", "5", 1000, (102, 100)),
        ("2147483647", "0", 1, (2**31 - 1, 100)),
        ("25%", "25%", 0, (200, 100)),
    ],
)
def test_examples(max_surge: str, max_unavailable: str, desired: int, pair: tuple[int, int]) -> None:
    assert rollout(strategy(max_surge, max_unavailable), desired) == pair


def test_a_fixed_pair_deadlocks_where_the_rollout_does_not() -> None:
    for desired in (1, 2, 3):
        for pair, ends in ((Rollout(125, 75), False), (rollout(strategy("25%", "25%"), desired), True)):
            upper, lower = desired + pair.surge(desired), desired - pair.unavailable(desired)
            assert comes_to_an_end(desired, upper, lower) == ends


def test_a_negative_count() -> None:
    with pytest.raises(ValueError, match="desired is -1, must be at least 0"):
        rollout(strategy("1", "0"), -1)
