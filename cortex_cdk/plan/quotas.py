"""Quotas of AWS that a deployment would run into, by the values that accounts begin with (``quotas.json``)."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from cortex_cdk.plan.capacity import GroupPlan, Level

_FILE = Path(__file__).parent / "quotas.json"
_GIB_PER_TIB = 1024


@dataclass(frozen=True)
class Quota:
    """A quota.

    Attributes:
        key: its name here.
        code: its code in Service Quotas; None: it is not known there.
        what: what it counts.
        value: the most.
        adjustable: whether AWS raises it.
        source: where it is documented.
        checked: when that was compared, as a date; None: not yet.
        own: whether ``value`` is the account's own.
    """

    key: str
    code: str | None
    what: str
    value: float
    adjustable: bool
    source: str
    checked: str | None
    own: bool = False


@dataclass(frozen=True)
class Usage:
    """How much of a quota is used at each level."""

    quota: Quota
    used: Mapping[Level, float]

    @property
    def exceeded_at(self) -> Level | None:
        """The first level at which it does not suffice."""
        return next((level for level in Level if self.used.get(level, 0) > self.quota.value), None)


def quotas(own: Mapping[str, float] | None = None) -> dict[str, Quota]:
    """All quotas by their keys.

    Args:
        own: values of the account, by key or by code.

    Raises:
        ValueError: when there is no such quota; it names all that there are.
    """
    found = dict(_defaults())
    by_code = {quota.code: key for key, quota in found.items() if quota.code is not None}
    for name, value in (own or {}).items():
        key = by_code.get(name, name)
        if key not in found:
            near = difflib.get_close_matches(name, [*found, *by_code], n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"there is no quota {name!r}; there are {', '.join(found)}{hint}")
        found[key] = replace(found[key], value=value, own=True)
    return found


def quota_usage(groups: Sequence[GroupPlan], levels: Iterable[Level], known: Mapping[str, Quota]) -> list[Usage]:
    """How much of each quota is used, in the order of ``known``; those of which nothing is used are left out."""
    used: dict[str, dict[Level, float]] = {}
    for level in levels:
        for key, amount in _used(groups, level):
            of_key = used.setdefault(key, {})
            of_key[level] = of_key.get(level, 0.0) + amount
    return [Usage(quota, used[key]) for key, quota in known.items() if any(used.get(key, {}).values())]


def _used(groups: Sequence[GroupPlan], level: Level) -> Iterator[tuple[str, float]]:
    replicas = [count for plan in groups for count in plan.levels[level].replicas.values()]
    running, most = sum(replicas), max(replicas, default=0)
    started = sum(plan.levels[level].instances for plan in groups)
    for plan in groups:
        count = plan.levels[level].instances
        spot = max(0, count - plan.group.on_demand_base) if plan.group.spot else 0
        family = _family(plan.instance_type)
        yield f"spot-{family}", spot * plan.capacity.vcpus
        yield f"on-demand-{family}", (count - spot) * plan.capacity.vcpus
        yield "volumes", count * plan.group.volume_gib / _GIB_PER_TIB
    yield "network-interfaces", running + started
    yield "cluster-instances", started
    yield "api-replicas", most
    yield "api-targets", most
    yield "targets", running
    yield "rules", len(replicas)
    yield "target-groups", len(replicas)


def _family(instance_type: str) -> str:
    """Which quota of vCPUs an instance type counts towards."""
    first = instance_type[:1]
    return first if first in ("g", "p") else "standard"


@cache
def _defaults() -> dict[str, Quota]:
    entries = json.loads(_FILE.read_text(encoding="utf-8"))["quotas"]
    return {entry["key"]: Quota(**entry) for entry in entries}
