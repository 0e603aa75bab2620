"""Instances by level, and what becomes of replicas that have no place."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.plan.capacity import GroupPlan, Level, group_plan
from cortex_cdk.plan.packing import instances
from cortex_cdk.spec.cluster import InstanceCapacity, InstanceGroup
from cortex_cdk.spec.model import ApiSpec
from tests.support.api_specs import api_spec


def planned(*apis: ApiSpec, trunking: bool = False, **group: Any) -> GroupPlan:
    """At the APIs' bounds."""
    levels = {
        Level.MIN: {api.name: api.autoscaling.min_replicas for api in apis},
        Level.MAX: {api.name: api.autoscaling.max_replicas for api in apis},
    }
    options = {"instance_types": ["m5.large"]} | group
    return group_plan(InstanceGroup(**options), apis, levels, trunking=trunking)


def limit(api: ApiSpec, **group: Any) -> tuple[int, str]:
    places = planned(api, **group).places[api.name]
    return places.per_instance, places.limit


def test_what_limits_the_replicas_of_an_instance() -> None:
    assert limit(api_spec(cpu="200m")) == (2, "network interfaces")
    assert limit(api_spec(cpu="200m"), trunking=True) == (5, "CPU")  # (2 - 0.8) / 0.2, of 205 units each
    assert limit(api_spec(cpu="1")) == (1, "CPU")
    assert limit(api_spec(cpu="100m", mem="5Gi")) == (1, "memory")
    assert limit(api_spec(gpu=1), instance_types=["g4dn.12xlarge"]) == (4, "GPUs")


def test_a_type_that_is_newer_than_the_list() -> None:
    found = planned(api_spec(), instance_types=["m99.large"], capacities={"m99.large": InstanceCapacity(2, 8192)})
    assert not found.limit_known
    assert found.places["my-api"].per_instance == 5
    assert planned(api_spec()).limit_known


def test_instances_stay_within_the_bounds_of_the_group() -> None:
    found = planned(api_spec(min_replicas=1, max_replicas=30), min_instances=3, max_instances=10)
    least, most = found.levels[Level.MIN], found.levels[Level.MAX]
    assert (least.needed, least.instances, least.replicas) == (1, 3, {"my-api": 1})
    assert (most.needed, most.instances, most.replicas) == (15, 10, {"my-api": 20})
    assert instances(most.packed) == 10


def test_the_api_with_most_replicas_goes_short() -> None:
    found = planned(api_spec("few", max_replicas=3), api_spec("many", max_replicas=100), max_instances=10)
    assert found.levels[Level.MAX].replicas == {"few": 3, "many": 17}


def test_places_beside_the_least_of_the_others() -> None:
    found = planned(
        api_spec("one", min_replicas=2, max_replicas=90), api_spec("other", min_replicas=4), max_instances=10
    )
    assert found.places["one"].in_group == 16
    assert found.places["other"].in_group == 18


def test_every_type_of_a_group_is_counted() -> None:
    found = planned(api_spec(max_replicas=12), instance_types=["m5.large", "m5.xlarge"])
    assert {name: needed[Level.MAX] for name, needed in found.needed_of_types.items()} == {
        "m5.large": 6,
        "m5.xlarge": 4,
    }


def test_updates_at_each_level() -> None:
    full = planned(api_spec(min_replicas=1, max_replicas=20, max_surge="2", max_unavailable="0"), max_instances=10)
    updates = full.places["my-api"].updates
    assert (updates[Level.MIN].added, updates[Level.MAX].added) == (2, 0)
    assert full.places["my-api"].stuck_from == 20


@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 40), st.integers(0, 60)), min_size=1, max_size=4),
    st.integers(1, 12),
)
def test_what_has_a_place_fits_and_one_more_each_would_not(apis: list[tuple[int, int, int]], most: int) -> None:
    specs = [
        api_spec(f"api-{place}", cpu=f"{tenths}00m", min_replicas=least, max_replicas=least + more)
        for place, (tenths, least, more) in enumerate(apis)
    ]
    found = planned(*specs, max_instances=most, trunking=True)
    for level, filled in found.levels.items():
        wanted = found.replicas[level]
        assert instances(filled.packed) <= most
        assert filled.instances == min(filled.needed, most)
        assert all(0 <= filled.replicas[name] <= count for name, count in wanted.items())
        if filled.needed <= most:
            assert filled.replicas == wanted
        else:
            highest = max(filled.replicas.values())
            one_more = {name: min(count, highest + 1) for name, count in wanted.items()}
            other = group_plan(found.group, specs, {Level.MIN: one_more, level: one_more}, trunking=True)
            assert other.levels[level].needed > most
