"""What a month costs, by a list of prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cortex_cdk.plan.capacity import GroupPlan, Level
from cortex_cdk.plan.usage import HOURS, Use, per_million_requests, usage
from cortex_cdk.simulation.prices import Prices
from cortex_cdk.spec.cluster.model import ClusterSpec
from cortex_cdk.spec.model import ApiSpec


@dataclass(frozen=True)
class Cost:
    """A line of a bill.

    Attributes:
        what: what it is for, such as ``NAT gateway``. Several lines may be for the same.
        key: the price, as in the list: an instance type, or a key of its services.
        quantity: how much of it, in a month.
        price: of one, in the list's currency.
    """

    what: str
    key: str
    quantity: float
    price: float

    @property
    def amount(self) -> float:
        """What the line costs."""
        return self.quantity * self.price


@dataclass(frozen=True)
class Bill:
    """What a month costs.

    Attributes:
        levels: lines by level of load, instances first.
        million_requests: lines of each million requests on top of that.
    """

    levels: Mapping[Level, Sequence[Cost]]
    million_requests: Sequence[Cost]


def bill(
    cluster: ClusterSpec,
    apis: Sequence[ApiSpec],
    groups: Sequence[GroupPlan],
    levels: Iterable[Level],
    prices: Prices,
    *,
    spot_discount: float = 0.0,
) -> Bill:
    """What a month costs when the load stays at a level all the time.

    Args:
        cluster, apis: as they are to be deployed.
        groups: the instances of all APIs.
        levels: those to count.
        prices: with all that is used.
        spot_discount: the share that spot instances cost less than on-demand ones. They never cost more: that is what
            EC2 pays for them at most, unless it is told a price.

    Raises:
        PriceError: when prices are missing; it names all of them.
    """
    used = {level: _used(cluster, apis, groups, level) for level in levels}
    million = [*per_million_requests(cluster, len(apis))]
    prices.require(
        (group.instance_type for group in groups), {use.key for uses in (*used.values(), million) for use in uses}
    )
    return Bill(
        levels={
            level: [*_instances(groups, level, prices, spot_discount), *_priced(uses, prices)]
            for level, uses in used.items()
        },
        million_requests=_priced(million, prices),
    )


def total(costs: Iterable[Cost]) -> float:
    """What all lines cost together."""
    return sum(cost.amount for cost in costs)


def _used(cluster: ClusterSpec, apis: Sequence[ApiSpec], groups: Sequence[GroupPlan], level: Level) -> list[Use]:
    started = {group.name: 0 for group in cluster.instance_groups}
    started |= {plan.group.name: plan.levels[level].instances for plan in groups}
    replicas = {name: count for plan in groups for name, count in plan.levels[level].replicas.items()}
    return [*usage(cluster, apis, replicas, started)]


def _priced(uses: Iterable[Use], prices: Prices) -> list[Cost]:
    return [Cost(use.what, use.key, use.quantity, prices.services[use.key].price) for use in uses]


def _instances(groups: Sequence[GroupPlan], level: Level, prices: Prices, spot_discount: float) -> list[Cost]:
    found = []
    for plan in groups:
        count = plan.levels[level].instances
        spot = max(0, count - plan.group.on_demand_base) if plan.group.spot else 0
        price = prices.instances[plan.instance_type].price_per_hour
        name = f"instances of {plan.group.name}"
        if count > spot or not plan.group.spot:
            found.append(Cost(name, plan.instance_type, (count - spot) * HOURS, price))
        if plan.group.spot:
            found.append(Cost(name, plan.instance_type, spot * HOURS, price * (1 - spot_discount)))
    return found
