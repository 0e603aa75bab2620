"""Updates with too few places, against replicas that are replaced one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import CountOrPercent, rollout
from cortex_cdk.plan.rollouts import stuck_from, update
from cortex_cdk.spec.model import UpdateStrategySpec

amounts = st.builds(CountOrPercent, st.integers(0, 30), st.just(False)) | st.builds(
    CountOrPercent, st.integers(0, 100), st.just(True)
)
strategies = st.builds(UpdateStrategySpec, amounts, amounts).filter(
    lambda both: not (both.max_surge.is_zero and both.max_unavailable.is_zero)
)


def strategy(surge: str, unavailable: str) -> UpdateStrategySpec:
    return UpdateStrategySpec(CountOrPercent.parse(surge), CountOrPercent.parse(unavailable))


def replaced(both: UpdateStrategySpec, desired: int, places: int) -> int:
    """How many of the replicas that run are replaced when ECS does one thing at a time within its two percents."""
    percents = rollout(both, desired)
    highest = desired * percents.maximum_percent // 100
    healthy = -(-desired * percents.minimum_healthy_percent // 100)
    old, new = min(desired, places), 0
    while True:
        if new < desired and old + new < min(highest, places):
            new += 1  # a new one starts, and is healthy
        elif old and old + new > healthy:
            old -= 1
        else:
            return new


@given(strategies, st.integers(0, 250), st.integers(0, 400))
def test_what_can_proceed_ends_and_what_cannot_replaces_nothing(
    both: UpdateStrategySpec, desired: int, places: int
) -> None:
    done = replaced(both, desired, places)
    if not update(both, desired, places).can_proceed:
        assert done == 0
    elif desired:
        assert done == min(desired, places)


@given(strategies, st.integers(1, 250), st.integers(0, 400))
def test_it_keeps_to_the_percents_and_the_places(both: UpdateStrategySpec, desired: int, places: int) -> None:
    found, percents = update(both, desired, places), rollout(both, desired)
    running = min(desired, places)
    assert running + found.added <= max(running, min(places, desired * percents.maximum_percent // 100))
    assert found.removed == 0 or 100 * (running - found.removed) >= percents.minimum_healthy_percent * desired
    assert found.at_once == found.added + found.removed


@given(strategies, st.integers(1, 5000))
def test_with_places_enough_every_update_proceeds(both: UpdateStrategySpec, desired: int) -> None:
    """``rollout`` leaves no count without both a surge and an outage."""
    assert update(both, desired, 2**31).can_proceed


def test_nothing_to_replace_is_no_hindrance() -> None:
    assert update(strategy("25%", "25%"), 0, 0).can_proceed


def test_one_replica_on_one_place() -> None:
    """25 % of one replica: one may be added, none may be missing."""
    assert not update(strategy("25%", "25%"), 1, 1).can_proceed
    assert update(strategy("25%", "25%"), 1, 2).added == 1
    assert update(strategy("25%", "1"), 1, 1).removed == 1
    assert update(strategy("0", "25%"), 1, 1).removed == 1  # neither would do: then one may be missing


def test_from_which_count_on_it_waits() -> None:
    assert stuck_from(strategy("25%", "25%"), 1, 100, 3) == 3  # 25 % of 3 is no whole replica
    assert stuck_from(strategy("25%", "25%"), 1, 100, 4) is None  # of 4 one may be missing; of 3 one more has a place
    assert stuck_from(strategy("1", "0"), 1, 100, 50) == 50
    assert stuck_from(strategy("1", "0"), 1, 49, 50) is None
    assert stuck_from(strategy("1", "0"), 60, 100, 50) is None  # never that many


@given(strategies, st.integers(1, 60), st.integers(0, 60), st.integers(1, 60))
def test_it_is_the_lowest_count(both: UpdateStrategySpec, lowest: int, more: int, places: int) -> None:
    found = stuck_from(both, lowest, lowest + more, places)
    waiting = [n for n in range(lowest, lowest + more + 1) if n <= places and not update(both, n, places).can_proceed]
    assert found == min(waiting, default=None)
