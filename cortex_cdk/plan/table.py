"""A plan as tables for terminals of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cortex_cdk.constructs.placement import UNITS_PER_VCPU
from cortex_cdk.plan.capacity import GroupPlan, Level, Places
from cortex_cdk.plan.costs import total
from cortex_cdk.plan.planning import Plan
from cortex_cdk.plan.rollouts import Update
from cortex_cdk.simulation.seconds import format_seconds

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_MOST_PACKINGS = 4
_WAITS = "waits"
_SHORT = {"network interfaces": "network"}


def tables(plan: Plan) -> RenderableType:
    """All tables of a plan, with notes on what they go by."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    if plan.apis:
        parts += [_replicas(plan), Text("")]
    if plan.groups:
        parts += [_instances(plan), *_notes(_packing_notes(plan)), Text("")]
    parts += [_costs(plan), *_notes(_cost_notes(plan))]
    if plan.apis:
        parts += [Text(""), _reactions(plan), *_notes([_reaction_note(plan)])]
        parts += [Text(""), _updates(plan), *_notes(_update_notes(plan))]
    return Group(*parts)


def _replicas(plan: Plan) -> Table:
    table = _table(plan, "replicas", "takes", "per instance")
    for group in plan.groups:
        for name, places in group.places.items():
            counts = [_of(group.levels[level].replicas[name], plan.levels[level][name]) for level in plan.levels]
            holds = f"{places.per_instance:,}, {_SHORT.get(places.limit, places.limit)}"
            table.add_row(name, _share(places), holds, *counts)
    return table


def _instances(plan: Plan) -> Table:
    table = _table(plan, "instances", "type", "at most")
    for group in plan.groups:
        counts = [_of(filled.instances, max(filled.needed, filled.instances)) for filled in group.levels.values()]
        table.add_row(group.group.name, group.instance_type, f"{group.group.max_instances:,}", *counts)
    return table


def _packing_notes(plan: Plan) -> Iterator[str]:
    for group in plan.groups:
        for level, filled in group.levels.items():
            if filled.packed:
                yield f"{group.group.name} at {level}: {_packing(group, level)}"
        for name, places in group.places.items():
            if places.with_trunking > places.per_instance:
                yield (
                    f"With the account setting awsvpcTrunking, {group.instance_type} would hold "
                    f"{places.with_trunking:,} {name}; --trunking counts with that."
                )


def _packing(group: GroupPlan, level: Level) -> str:
    packed = sorted(group.levels[level].packed, key=lambda alike: alike.count, reverse=True)
    texts = [
        f"{alike.count:,} x ({', '.join(f'{count:,} {name}' for name, count in alike.replicas.items())})"
        for alike in packed
    ]
    more = len(texts) - _MOST_PACKINGS
    return ", ".join(texts[:_MOST_PACKINGS]) + (f", and {more:,} other ways" if more > 0 else "")


def _costs(plan: Plan) -> Table:
    table = _table(plan, f"{plan.prices.currency} a month")
    names = dict.fromkeys(line.what for lines in plan.bill.levels.values() for line in lines)
    for name in names:
        sums = [total(line for line in lines if line.what == name) for lines in plan.bill.levels.values()]
        table.add_row(name, *map(_money, sums))
    table.add_row("total", *(_money(total(lines)) for lines in plan.bill.levels.values()), style="bold")
    return table


def _cost_notes(plan: Plan) -> Iterator[str]:
    prices = plan.prices
    where = ", ".join(filter(None, (prices.region, prices.date))) or prices.where
    spot = [group.group.name for group in plan.groups if group.group.spot]
    yield (
        f"Each million requests adds {_money(total(plan.bill.million_requests))}. Prices: {where}, without free tiers, "
        f"taxes and data transfer."
    )
    if spot and not plan.assumptions.spot_discount:
        yield f"Spot instances ({', '.join(spot)}) are counted at on-demand prices, the most that they cost."


def _reactions(plan: Plan) -> Table:
    table = _plain_table(f"load x {plan.assumptions.burst:g}", "replicas", "more\nasked after", "enough\nasked after")
    table.add_column("enough\nready after", justify="right", no_wrap=True)
    for name, burst in plan.reactions.items():
        table.add_row(
            name,
            f"{burst.replicas_before:,} to {burst.replicas_needed:,}",
            *map(_range, (burst.decided_s, burst.enough_s, burst.ready_s)),
        )
    return table


def _reaction_note(plan: Plan) -> str:
    assumed = plan.assumptions
    return (
        f"With {format_seconds(assumed.service_time_s)} a request, {format_seconds(assumed.instance_startup_s)} for an "
        f"instance to start and {format_seconds(assumed.task_startup_s)} for a replica on it."
    )


def _updates(plan: Plan) -> Table:
    table = _table(plan, "an update replaces at a time")
    for group in plan.groups:
        for name, places in group.places.items():
            table.add_row(name, *(_update(places.updates[level]) for level in plan.levels))
    return table


def _update_notes(plan: Plan) -> Iterator[str]:
    updates = [
        update for group in plan.groups for places in group.places.values() for update in places.updates.values()
    ]
    if not all(update.can_proceed for update in updates):
        yield f"{_WAITS}: no place for another replica, and none may be taken away first."


def _update(update: Update) -> str:
    return f"{update.at_once:,}" if update.can_proceed else _WAITS


def _table(plan: Plan, heading: str, *others: str) -> Table:
    """A table whose last columns are the levels."""
    table = _plain_table(heading, *others)
    for level in plan.levels:
        table.add_column(level.value, justify="right", no_wrap=True)
    return table


def _plain_table(heading: str, *others: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, pad_edge=False)
    table.add_column(heading, overflow="fold")
    for other in others:
        table.add_column(other, justify="right", no_wrap=True)
    return table


def _notes(texts: Iterable[str]) -> Iterator[RenderableType]:
    from rich.text import Text

    for text in texts:
        yield Text(text, style="dim")


def _share(places: Places) -> str:
    share = places.share
    texts = [f"{share.cpu_units / UNITS_PER_VCPU:.3g} vCPU", f"{share.memory_mib:,} MiB"]
    if share.gpus:
        texts.append(f"{share.gpus} GPU")
    return ", ".join(texts)


def _of(there: int, wanted: int) -> str:
    return f"{there:,}" if there == wanted else f"{there:,} of {wanted:,}"


def _range(seconds: tuple[float, float] | None) -> str:
    if seconds is None:
        return "never"
    least, most = (format_seconds(moment) for moment in seconds)
    return f"{least.removesuffix(' s') if least.endswith(' s') and most.endswith(' s') else least} to {most}"


def _money(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:,.2f}"
