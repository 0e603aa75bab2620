"""What a month costs, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cortex_cdk.plan.capacity import GroupPlan, Level, group_plan
from cortex_cdk.plan.costs import Cost, bill, total
from cortex_cdk.plan.usage import usage
from cortex_cdk.simulation.prices import PriceError, ServicePrice, read_prices
from cortex_cdk.spec.cluster import InstanceGroup
from tests.support.api_specs import api_spec
from tests.support.cluster_specs import cluster_spec

API = api_spec("one", min_replicas=2, max_replicas=8)
LEVELS = {Level.MIN: {"one": 2}, Level.MAX: {"one": 8}}


def planned(**group: Any) -> tuple[InstanceGroup, GroupPlan]:
    made = InstanceGroup(**{"instance_types": ["m5.large"]} | group)
    return made, group_plan(made, [API], LEVELS)


def lines_of(group: InstanceGroup, plan: GroupPlan, **options: Any) -> dict[Level, list[Cost]]:
    spec = cluster_spec(instance_groups=(group,))
    found = bill(spec, [API], [plan], LEVELS, read_prices(), **options)
    return {
        level: [line for line in lines if line.what.startswith("instances")] for level, lines in found.levels.items()
    }


def test_on_demand() -> None:
    found = lines_of(*planned())
    assert [(line.key, line.quantity, line.price) for line in found[Level.MAX]] == [("m5.large", 4 * 730, 0.096)]
    assert total(found[Level.MIN]) == pytest.approx(730 * 0.096)


def test_spot_instances_cost_less_but_for_the_base() -> None:
    plan = planned(spot=True, on_demand_base=1)
    found = lines_of(*plan, spot_discount=0.6)
    assert total(found[Level.MAX]) == pytest.approx(730 * 0.096 * (1 + 3 * 0.4))
    assert total(found[Level.MIN]) == pytest.approx(730 * 0.096)
    assert total(lines_of(*plan)[Level.MAX]) == pytest.approx(4 * 730 * 0.096)


def test_every_use_is_a_line_at_its_price() -> None:
    group, plan = planned()
    spec = cluster_spec(instance_groups=(group,))
    found = bill(spec, [API], [plan], LEVELS, read_prices())
    rest = [line for line in found.levels[Level.MAX] if not line.what.startswith("instances")]
    prices = read_prices().services
    assert [(line.key, line.quantity) for line in rest] == [
        (use.key, use.quantity) for use in usage(spec, [API], {"one": 8}, {"default": 4})
    ]
    assert all(line.amount == line.quantity * prices[line.key].price for line in [*rest, *found.million_requests])


def test_all_missing_prices_are_named() -> None:
    prices = read_prices()
    services = {key: price for key, price in prices.services.items() if key not in ("log_gb", "key_month")}
    lacking = replace(prices, instances={}, services=services, where="mine.json")
    group, plan = planned()
    with pytest.raises(PriceError) as error:
        bill(cluster_spec(instance_groups=(group,)), [API], [plan], LEVELS, lacking)
    assert str(error.value).startswith(
        "mine.json: prices are missing: instances has no m5.large; services has no key_month, log_gb. Copy "
    )


def test_a_group_without_instances_costs_nothing() -> None:
    idle = InstanceGroup(name="idle", instance_types=["g4dn.xlarge"])
    group, plan = planned()
    prices = read_prices()
    free = replace(prices, services={key: ServicePrice(price=0.0) for key in prices.services})
    found = bill(cluster_spec(instance_groups=(group, idle)), [API], [plan], LEVELS, free)
    assert total(found.levels[Level.MAX]) == pytest.approx(4 * 730 * 0.096)
