"""What holds for every policy that only looks at the past."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_cdk.autoscaling import Policy
from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.policies import PolicyContext, create
from tests.simulation.policies.scripted import run

ONLINE = ["cortex", "responsive", "knative", "ray", "hpa", "ecs", "ecs-60s"]
LEVEL_S = 97  # not a multiple of any tick
DURATION_S = 1500

levels = st.lists(st.sampled_from([0.0, 0.3, 1.0, 2.5, 7.0, 40.0, 900.0]), min_size=16, max_size=16)
apis = st.builds(
    lambda low, more, first, target: Policy(
        min_replicas=low,
        max_replicas=low + more,
        init_replicas=min(low + more, low + first),
        target_replica_concurrency=target,
    ),
    st.integers(1, 5),
    st.integers(0, 12),
    st.integers(0, 10),
    st.sampled_from([0.5, 1.0, 4.0]),
)


def context(api: Policy, slots: int) -> PolicyContext:
    return PolicyContext(policy=api, platform=Platform(slots=slots), responsive=replace(api, upscale_window_s=10))


@pytest.mark.parametrize("name", ONLINE)
@given(api=apis, levels=levels, slots=st.integers(1, 4), startup_s=st.sampled_from([0.0, 10.0, 240.0]))
@settings(max_examples=15, deadline=None)
def test_counts_stay_within_the_bounds_and_have_reasons(
    name: str, api: Policy, levels: list[float], slots: int, startup_s: float
) -> None:
    policy = create(name, context(api, slots))
    assert policy.initial() == api.init_replicas
    ticks = run(policy, lambda second: levels[second // LEVEL_S], DURATION_S, slots=slots, startup_s=startup_s)
    assert all(api.min_replicas <= requested <= api.max_replicas for _, requested, _ in ticks)
    assert all(outcome.reason for _, _, outcome in ticks)


@pytest.mark.parametrize("name", ONLINE)
@given(api=apis, levels=levels)
@settings(max_examples=5, deadline=None)
def test_a_run_depends_on_nothing_but_the_load(name: str, api: Policy, levels: list[float]) -> None:
    def load(second: int) -> float:
        return levels[second // LEVEL_S]

    policy = create(name, context(api, 1))
    first = run(policy, load, DURATION_S)
    assert run(policy, load, DURATION_S) == first  # the same object: a run forgets the one before
    assert run(create(name, context(api, 1)), load, DURATION_S) == first


@pytest.mark.parametrize("name", ONLINE)
@given(api=apis, levels=levels, other=levels)
@settings(max_examples=5, deadline=None)
def test_the_future_has_no_effect(name: str, api: Policy, levels: list[float], other: list[float]) -> None:
    parting = DURATION_S // 2

    def load(second: int) -> float:
        return levels[second // LEVEL_S]

    def other_load(second: int) -> float:
        return (levels if second < parting else other)[second // LEVEL_S]

    def until_parting(load_of: object) -> list[object]:
        return [tick for tick in run(create(name, context(api, 1)), load_of, DURATION_S) if tick[0] <= parting]  # type: ignore[arg-type]

    assert until_parting(load) == until_parting(other_load)


@pytest.mark.parametrize("name", ONLINE)
def test_a_steady_load_is_answered_with_a_steady_count(name: str) -> None:
    api = Policy(init_replicas=3, max_replicas=50)
    ticks = run(create(name, context(api, 1)), lambda second: 2.6, 6000)
    late = {requested for time, requested, _ in ticks if time > 3000}
    assert len(late) == 1
    assert late <= {2, 3, 4}  # at most two in flight each with Ray's target, 70 % of the slots with Knative's


@pytest.mark.parametrize("name", ONLINE)
def test_no_load_leaves_the_least(name: str) -> None:
    api = Policy(min_replicas=2, init_replicas=16, max_replicas=50)
    ticks = run(create(name, context(api, 1)), lambda second: 0.0, 6000)
    assert ticks[-1][1] == 2
