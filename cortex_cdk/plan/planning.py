"""What a deployment needs, costs and cannot do: all of ``cortex-cdk plan`` but its printing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cortex_cdk.constructs.instance_group import choose
from cortex_cdk.plan.capacity import GroupPlan, Level, group_plan
from cortex_cdk.plan.costs import Bill, bill
from cortex_cdk.plan.load import Load
from cortex_cdk.plan.quotas import Usage, quota_usage, quotas
from cortex_cdk.plan.reaction import Burst, Reaction, reaction
from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.prices import Prices
from cortex_cdk.spec.cluster.model import ClusterSpec
from cortex_cdk.spec.model import ApiSpec

TASK_STARTUP_S = 60.0
INSTANCE_STARTUP_S = 180.0


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What cannot be known before a deployment.

    Attributes:
        loads: the typical load by API; APIs that are left out have their least.
        service_time_s: how long a slot works on a request.
        burst: how many times the load grows at once.
        task_startup_s: from a place on an instance that is up until the replica takes requests.
        instance_startup_s: from a replica that fits nowhere until an instance is up for it.
        trunking: whether the account setting ``awsvpcTrunking`` is on.
        spot_discount: the share that spot instances cost less than on-demand ones.
        quotas: the account's own, by key or code.
    """

    loads: Mapping[str, Load] = field(default_factory=dict)
    service_time_s: float = 0.05
    burst: float = 10.0
    task_startup_s: float = TASK_STARTUP_S
    instance_startup_s: float = INSTANCE_STARTUP_S
    trunking: bool = False
    spot_discount: float = 0.0
    quotas: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The answers.

    Attributes:
        errors: what cannot work, in words. APIs that fit onto no group are in none of the rest.
        warnings: what works, but not always.
        apis: those that have a place.
        levels: replicas by level and API.
        groups: the instance groups that any API is on, or that keep instances anyway.
        bill: what a month costs.
        reactions: how a burst is met, by API.
        quotas: how much of them is used.
        assumptions: what all that goes by.
        prices: the list of prices.
    """

    errors: Sequence[str]
    warnings: Sequence[str]
    apis: Sequence[ApiSpec]
    levels: Mapping[Level, Mapping[str, int]]
    groups: Sequence[GroupPlan]
    bill: Bill
    reactions: Mapping[str, Reaction]
    quotas: Sequence[Usage]
    assumptions: Assumptions
    prices: Prices


def plan(cluster: ClusterSpec, apis: Sequence[ApiSpec], assumed: Assumptions, prices: Prices) -> Plan:
    """Plan a deployment.

    Args:
        cluster: valid, as from ``cortex_cdk.spec.cluster``.
        apis: all that are deployed to it.
        assumed: what cannot be known.
        prices: what things cost.

    Raises:
        PriceError: when prices are missing.
        ValueError: when ``assumed`` names a quota that there is not.
    """
    known = quotas(assumed.quotas)
    chosen = {api.name: choose(api.compute, cluster.instance_groups, None) for api in apis}
    errors = [f"{name}: {reason}" for name, (_, reasons) in chosen.items() for reason in reasons]
    placed = [api for api in apis if not chosen[api.name][1]]
    levels = _levels(placed, assumed)
    groups = []
    for group in cluster.instance_groups:
        on_it = [api for api in placed if chosen[api.name][0].name == group.name]
        if on_it or group.min_instances:
            counts = {level: {api.name: of_all[api.name] for api in on_it} for level, of_all in levels.items()}
            groups.append(group_plan(group, on_it, counts, trunking=assumed.trunking))
    used = quota_usage(groups, levels, known)
    return Plan(
        errors=[*errors, *(text for each in groups for text in _impossible(each))],
        warnings=[
            *(text for api in placed for text in _beyond_max(api, assumed)),
            *(text for each in groups for text in _tight(each)),
            *(text for each in used for text in _exceeded(each)),
            *_other_region(cluster, prices),
        ],
        apis=placed,
        levels=levels,
        groups=groups,
        bill=bill(cluster, placed, groups, levels, prices, spot_discount=assumed.spot_discount),
        reactions={api.name: _reaction(api, levels, assumed) for api in placed},
        quotas=used,
        assumptions=assumed,
        prices=prices,
    )


def _levels(apis: Sequence[ApiSpec], assumed: Assumptions) -> dict[Level, dict[str, int]]:
    levels = {Level.MIN: {api.name: api.autoscaling.min_replicas for api in apis}}
    if assumed.loads:
        levels[Level.TYPICAL] = {
            api.name: assumed.loads[api.name].replicas(api.autoscaling.policy())
            if api.name in assumed.loads
            else api.autoscaling.min_replicas
            for api in apis
        }
    levels[Level.MAX] = {api.name: api.autoscaling.max_replicas for api in apis}
    return levels


def _reaction(api: ApiSpec, levels: Mapping[Level, Mapping[str, int]], assumed: Assumptions) -> Reaction:
    scaling = api.autoscaling
    platform = Platform(
        slots=scaling.slots,
        max_replica_concurrency=scaling.max_replica_concurrency,
        task_startup_s=assumed.task_startup_s,
        node_startup_s=assumed.instance_startup_s,
    )
    each = min(scaling.target_replica_concurrency, scaling.slots)
    before = levels.get(Level.TYPICAL, levels[Level.MIN])[api.name] * each
    after = min(before * assumed.burst, scaling.max_replicas * each)
    return reaction(scaling.policy(), platform, Burst(before=before, after=after), assumed.service_time_s)


def _impossible(plan: GroupPlan) -> Iterator[str]:
    """What cannot work even at the least load."""
    group, least = plan.group, plan.levels[Level.MIN]
    if least.needed > group.max_instances:
        counts = ", ".join(f"{count:,} of {name}" for name, count in plan.replicas[Level.MIN].items())
        yield (
            f"instance group `{group.name}`: the replicas that always run ({counts}) need {least.needed:,} "
            f"{plan.instance_type}, max_instances is {group.max_instances:,}; raise it, or lower min_replicas"
        )
        return
    for name, places in plan.places.items():
        update = places.updates[Level.MIN]
        if not update.can_proceed:
            yield (
                f"{name}: an update can never proceed: at {update.desired:,} replicas it may take away "
                f"{update.unavailable:,} and add {update.surge:,}, and instance group `{group.name}` with "
                f"max_instances {group.max_instances:,} has no place for one more; raise max_instances, or write "
                f"update_strategy.max_unavailable: 1, with which a replica is missing meanwhile"
            )


def _tight(plan: GroupPlan) -> Iterator[str]:
    group = plan.group
    impossible = plan.levels[Level.MIN].needed > group.max_instances
    for level in (Level.TYPICAL, Level.MAX):
        filled = plan.levels.get(level)
        if filled is not None and filled.needed > group.max_instances and not impossible:
            yield (
                f"instance group `{group.name}`: all replicas at {level} need {filled.needed:,} {plan.instance_type}, "
                f"max_instances is {group.max_instances:,}; those that fit nowhere wait"
            )
    for name, places in plan.places.items():
        if places.stuck_from is not None and places.updates[Level.MIN].can_proceed:
            yield (
                f"{name}: from {places.stuck_from:,} replicas on, an update waits until the load falls: instance group "
                f"`{group.name}` has places for {places.in_group:,} beside the least of the other APIs, and the update "
                f"may not take one away first"
            )
    if plan.places and not plan.limit_known:
        yield (
            f"instance group `{group.name}`: it is not known how many network interfaces {plan.instance_type} takes; "
            f"each replica needs one"
        )
    for name, needed in plan.needed_of_types.items():
        for level, count in needed.items():
            if count > group.max_instances >= plan.levels[level].needed:
                yield (
                    f"instance group `{group.name}`: at {level}, {count:,} {name} are needed where no "
                    f"{plan.instance_type} can be had, max_instances is {group.max_instances:,}"
                )
                break


def _beyond_max(api: ApiSpec, assumed: Assumptions) -> Iterator[str]:
    load, scaling = assumed.loads.get(api.name), api.autoscaling
    if load is not None and load.wanted(scaling.policy()) > scaling.max_replicas:
        yield (
            f"{api.name}: the typical load of {load.in_flight:g} requests in flight asks for "
            f"{load.wanted(scaling.policy()):,} replicas, max_replicas is {scaling.max_replicas:,}"
        )


def _exceeded(usage: Usage) -> Iterator[str]:
    level, quota = usage.exceeded_at, usage.quota
    if level is not None:
        code = f" ({quota.code})" if quota.code else ""
        advice = "it cannot be raised"
        if quota.adjustable:
            advice = "ask AWS for more" if quota.own else "check the account's own and ask AWS for more"
        yield (
            f"quota {quota.key}{code}: at {level}, {usage.used[level]:,.4g} {quota.what} are needed, "
            f"{'there are' if quota.own else 'accounts begin with'} {quota.value:,g}; {advice}"
        )


def _other_region(cluster: ClusterSpec, prices: Prices) -> Iterator[str]:
    if cluster.region is not None and prices.region is not None and cluster.region != prices.region:
        yield f"the prices are those of {prices.region}, the cluster is in {cluster.region}; give its own with --prices"
