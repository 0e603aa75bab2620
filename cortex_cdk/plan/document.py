"""A plan as JSON. Keys are stable: new ones may come, none goes or changes its meaning without a new ``schema``.

A document has ``schema``, ``ok`` (there are no errors), ``errors`` and ``warnings`` (texts), and

- ``levels``: the names of those that there are, of ``min``, ``typical`` and ``max``: the keys of what is by level;
- ``apis``, by name: ``group``, ``replica`` (``cpu_units`` of 1,024 a vCPU, ``memory_mib``, ``gpus``), ``replicas`` by
  level, ``per_instance``, ``limited_by`` and ``with_trunking``, ``places`` in the group, ``updates`` by level
  (``surge`` and ``unavailable`` as allowed, ``added`` and ``removed`` at a time, ``can_proceed``),
  ``updates_wait_from`` (a count, or null), ``burst`` (``replicas_before``, ``replicas_needed``, and ``decided_s``,
  ``enough_s`` and ``ready_s``, each ``[best, worst]`` in seconds, or null);
- ``groups``, by name: ``instance_type``, ``max_instances``, by level ``needed`` (all replicas fit onto), ``running``,
  ``packed`` (``instances`` alike, with ``replicas`` on each by API); ``needed_of_types`` by instance type and level;
- ``costs``: ``currency``, by level ``total`` and ``lines`` of a month of 730 hours (``what``, ``key``, ``quantity``,
  ``price``, ``amount``); ``million_requests`` likewise; ``region``, ``date`` and ``source`` of the ``prices``;
- ``quotas``: those of which something is used: ``key``, ``code`` or null, ``what``, ``value``, ``used`` by level,
  ``exceeded_at`` (a level, or null);
- ``assumptions``: what all that goes by; seconds where the name ends with ``_s``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cortex_cdk.plan.capacity import GroupPlan, Level, Places
from cortex_cdk.plan.costs import Cost, total
from cortex_cdk.plan.planning import Plan
from cortex_cdk.plan.reaction import Reaction

SCHEMA = "cortex-cdk/plan/1"


def document(plan: Plan) -> dict[str, Any]:
    """The plan as one JSON object."""
    prices = plan.prices
    return {
        "schema": SCHEMA,
        "ok": not plan.errors,
        "errors": [*plan.errors],
        "warnings": [*plan.warnings],
        "levels": [level.value for level in plan.levels],
        "apis": {
            name: _api(name, group, places, plan.levels, plan.reactions[name])
            for group in plan.groups
            for name, places in group.places.items()
        },
        "groups": {group.group.name: _group(group) for group in plan.groups},
        "costs": {
            "currency": prices.currency,
            "levels": {level.value: _bill(lines) for level, lines in plan.bill.levels.items()},
            "million_requests": _bill(plan.bill.million_requests),
            "prices": {"region": prices.region, "date": prices.date, "source": prices.source},
        },
        "quotas": [
            {
                "key": usage.quota.key,
                "code": usage.quota.code,
                "what": usage.quota.what,
                "value": usage.quota.value,
                "used": {level.value: used for level, used in usage.used.items()},
                "exceeded_at": usage.exceeded_at,
            }
            for usage in plan.quotas
        ],
        "assumptions": asdict(plan.assumptions),
    }


def _api(
    name: str, group: GroupPlan, places: Places, levels: Mapping[Level, Mapping[str, int]], burst: Reaction
) -> dict[str, Any]:
    return {
        "group": group.group.name,
        "replica": asdict(places.share),
        "replicas": {level.value: counts[name] for level, counts in levels.items()},
        "per_instance": places.per_instance,
        "limited_by": places.limit,
        "with_trunking": places.with_trunking,
        "places": places.in_group,
        "updates": {
            level.value: {
                "surge": update.surge,
                "unavailable": update.unavailable,
                "added": update.added,
                "removed": update.removed,
                "can_proceed": update.can_proceed,
            }
            for level, update in places.updates.items()
        },
        "updates_wait_from": places.stuck_from,
        "burst": asdict(burst),
    }


def _group(plan: GroupPlan) -> dict[str, Any]:
    return {
        "instance_type": plan.instance_type,
        "max_instances": plan.group.max_instances,
        "levels": {
            level.value: {
                "needed": filled.needed,
                "running": filled.instances,
                "packed": [{"instances": alike.count, "replicas": {**alike.replicas}} for alike in filled.packed],
            }
            for level, filled in plan.levels.items()
        },
        "needed_of_types": {
            name: {level.value: count for level, count in needed.items()}
            for name, needed in plan.needed_of_types.items()
        },
    }


def _bill(lines: Sequence[Cost]) -> dict[str, Any]:
    return {"total": total(lines), "lines": [asdict(line) | {"amount": line.amount} for line in lines]}
