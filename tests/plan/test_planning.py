"""What is an error, what is a warning, and what a plan is made of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from cortex_cdk.plan.capacity import Level
from cortex_cdk.plan.document import document
from cortex_cdk.plan.load import Load
from cortex_cdk.plan.planning import Assumptions, Plan, plan
from cortex_cdk.simulation.prices import read_prices
from cortex_cdk.spec.cluster import InstanceCapacity, InstanceGroup
from cortex_cdk.spec.model import ApiSpec
from tests.support.api_specs import api_spec
from tests.support.cluster_specs import cluster_spec

ENOUGH = {"on-demand-standard": 1e6, "on-demand-g": 1e6}


def planned(*apis: ApiSpec, assumed: Assumptions | None = None, groups: list[InstanceGroup] | None = None) -> Plan:
    spec = cluster_spec() if groups is None else cluster_spec(instance_groups=tuple(groups))
    return plan(spec, apis, assumed or Assumptions(quotas=ENOUGH), read_prices())


def group(**options: Any) -> InstanceGroup:
    return InstanceGroup(**{"instance_types": ["m5.large"]} | options)


def test_all_is_well() -> None:
    found = planned(api_spec(max_replicas=10))
    assert (found.errors, found.warnings) == ([], [])
    assert [*found.levels] == [Level.MIN, Level.MAX]
    assert [*found.reactions] == ["my-api"]


def test_a_replica_that_fits_nowhere_is_an_error_and_the_rest_is_planned() -> None:
    found = planned(api_spec("big", cpu="4"), api_spec("small", max_replicas=2))
    (error,) = found.errors
    assert error.startswith("big: a replica does not fit onto m5.large of instance group `default`: CPU: needs 4 vCPU")
    assert [api.name for api in found.apis] == [*found.reactions] == ["small"]
    assert found.levels[Level.MAX] == {"small": 2}


def test_nothing_fits() -> None:
    found = planned(api_spec(gpu=1))
    assert len(found.errors) == 1
    assert (found.groups, found.apis) == ([], [])
    assert document(found)["costs"]["levels"]["min"]["total"] > 0  # the cluster itself


def test_too_few_instances_for_what_always_runs() -> None:
    found = planned(api_spec(min_replicas=21, max_replicas=40))
    (error,) = found.errors
    assert error == (
        "instance group `default`: the replicas that always run (21 of my-api) need 11 m5.large, max_instances is 10; "
        "raise it, or lower min_replicas"
    )
    assert not [warning for warning in found.warnings if "wait" in warning]


def test_an_update_that_can_never_proceed() -> None:
    one = group(max_instances=1, instance_types=["g4dn.xlarge"])
    found = planned(api_spec(gpu=1, max_replicas=1), groups=[one])
    (error,) = found.errors
    assert "an update can never proceed: at 1 replicas it may take away 0 and add 1" in error
    assert "raise max_instances, or write update_strategy.max_unavailable: 1" in error
    assert planned(api_spec(gpu=1, max_replicas=1, max_unavailable="1"), groups=[one]).errors == []
    assert planned(api_spec(gpu=1, max_replicas=1), groups=[replace(one, max_instances=2)]).errors == []


def test_updates_that_wait_for_a_lower_load() -> None:
    found = planned(api_spec(max_replicas=20, max_surge="1", max_unavailable="0"))
    (warning,) = found.warnings
    assert warning.startswith("my-api: from 20 replicas on, an update waits until the load falls: instance group")
    assert found.errors == []


def test_too_few_instances_at_the_most() -> None:
    found = planned(api_spec(max_replicas=100))
    (warning,) = found.warnings
    assert warning == (
        "instance group `default`: all replicas at max need 50 m5.large, max_instances is 10; those that fit nowhere "
        "wait"
    )
    assert found.groups[0].levels[Level.MAX].replicas == {"my-api": 20}


def test_a_typical_load() -> None:
    assumed = Assumptions(loads={"one": Load(4.5)}, quotas=ENOUGH)
    found = planned(api_spec("one", max_replicas=10), api_spec("two", max_replicas=3), assumed=assumed)
    assert found.levels[Level.TYPICAL] == {"one": 5, "two": 1}
    assert found.groups[0].levels[Level.TYPICAL].instances == 3
    assert found.reactions["one"].replicas_before == 5
    assert found.warnings == []


def test_a_typical_load_beyond_the_most() -> None:
    assumed = Assumptions(loads={"my-api": Load(45)}, quotas=ENOUGH)
    (warning,) = planned(api_spec(max_replicas=10), assumed=assumed).warnings
    assert warning == "my-api: the typical load of 45 requests in flight asks for 45 replicas, max_replicas is 10"


def test_quotas() -> None:
    (warning,) = planned(api_spec(max_replicas=10), assumed=Assumptions()).warnings
    assert warning == (
        "quota on-demand-standard (L-1216C47A): at max, 10 vCPUs of on-demand A, C, D, H, I, M, R, T and Z instances "
        "are needed, accounts begin with 5; check the account's own and ask AWS for more"
    )
    own = Assumptions(quotas={"L-1216C47A": 8, "target-groups": 0})
    warnings = planned(api_spec(max_replicas=10), assumed=own).warnings
    assert "are needed, there are 8; ask AWS for more" in warnings[0]
    assert warnings[1].endswith("there are 0; it cannot be raised")
    with pytest.raises(ValueError, match="there is no quota 'cpus'"):
        planned(api_spec(), assumed=Assumptions(quotas={"cpus": 1}))


def test_types_that_hold_less_than_the_first() -> None:
    groups = [group(instance_types=["m5.xlarge", "m5.large"], max_instances=5)]
    (warning,) = planned(api_spec(max_replicas=15), groups=groups).warnings
    assert warning == (
        "instance group `default`: at max, 8 m5.large are needed where no m5.xlarge can be had, max_instances is 5"
    )


def test_a_type_whose_interfaces_are_not_known() -> None:
    capacities = {"m5.16xlarge": InstanceCapacity(64, 262_144), "m5.metal": InstanceCapacity(96, 393_216)}
    prices = read_prices()
    dearest = prices.instances["m5.24xlarge"]
    spec = cluster_spec(instance_groups=(group(instance_types=["m5.metal"], capacities=capacities),))
    listed = replace(prices, instances={**prices.instances, "m5.metal": dearest})
    (warning,) = plan(spec, [api_spec(max_replicas=9)], Assumptions(quotas=ENOUGH), listed).warnings
    assert "it is not known how many network interfaces m5.metal takes" in warning


def test_prices_of_another_region() -> None:
    for region, warnings in (("eu-central-1", 1), ("us-east-1", 0), (None, 0)):
        found = plan(cluster_spec(region=region), [api_spec(max_replicas=2)], Assumptions(quotas=ENOUGH), read_prices())
        assert len(found.warnings) == warnings
        assert all("the prices are those of us-east-1, the cluster is in eu-central-1" in w for w in found.warnings)


def test_instances_that_are_kept_without_replicas_cost_too() -> None:
    found = planned(api_spec(max_replicas=2), groups=[group(), group(name="spare", min_instances=2)])
    assert found.groups[1].levels[Level.MIN].instances == 2
    lines = found.bill.levels[Level.MIN]
    assert sum(line.quantity for line in lines if line.what == "instances of spare") == 2 * 730


def test_the_reaction_is_that_of_each_api() -> None:
    quick = Assumptions(quotas=ENOUGH, burst=4.0, task_startup_s=7.0, instance_startup_s=5.0)
    found = planned(
        api_spec("slow", max_replicas=8), api_spec("fast", max_replicas=3, preset="responsive"), assumed=quick
    )
    slow, fast = found.reactions["slow"], found.reactions["fast"]
    assert (slow.replicas_before, slow.replicas_needed) == (1, 4)
    assert fast.replicas_needed == 3  # no more than max_replicas hold
    assert slow.ready_s is not None
    assert slow.enough_s is not None
    assert slow.ready_s[0] - slow.enough_s[0] == 12.0


BY_LEVEL = {"type": "object", "propertyNames": {"enum": ["min", "typical", "max"]}}
RANGE = {"oneOf": [{"type": "null"}, {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}]}


def keys(*names: str, **properties: Any) -> dict[str, Any]:
    """A schema of an object with exactly these keys."""
    known = {name: properties.get(name, {}) for name in (*names, *properties)}
    return {"type": "object", "properties": known, "required": [*known], "additionalProperties": False}


BILL = keys("total", lines={"type": "array", "items": keys("what", "key", "quantity", "price", "amount")})
SCHEMA = keys(
    schema={"const": "cortex-cdk/plan/1"},
    ok={"type": "boolean"},
    errors={"type": "array", "items": {"type": "string"}},
    warnings={"type": "array", "items": {"type": "string"}},
    levels={"type": "array"},
    apis={
        "additionalProperties": keys(
            "group",
            "per_instance",
            "limited_by",
            "with_trunking",
            "places",
            "updates_wait_from",
            replica=keys("cpu_units", "memory_mib", "gpus"),
            replicas=BY_LEVEL,
            updates=BY_LEVEL
            | {"additionalProperties": keys("surge", "unavailable", "added", "removed", "can_proceed")},
            burst=keys("replicas_before", "replicas_needed", decided_s=RANGE, enough_s=RANGE, ready_s=RANGE),
        )
    },
    groups={
        "additionalProperties": keys(
            "instance_type",
            "max_instances",
            "needed_of_types",
            levels=BY_LEVEL | {"additionalProperties": keys("needed", "running", "packed")},
        )
    },
    costs=keys(
        "currency",
        levels=BY_LEVEL | {"additionalProperties": BILL},
        million_requests=BILL,
        prices=keys("region", "date", "source"),
    ),
    quotas={"type": "array", "items": keys("key", "code", "what", "value", "exceeded_at", used=BY_LEVEL)},
    assumptions={"type": "object"},
)


def test_the_document_is_as_its_module_says() -> None:
    assumed = Assumptions(loads={"one": Load(4.5, 90.0)})
    found = planned(api_spec("one", max_replicas=40), api_spec("big", cpu="9"), assumed=assumed)
    written = json.loads(json.dumps(document(found), allow_nan=False))
    jsonschema.validate(written, SCHEMA)
    assert written["levels"] == ["min", "typical", "max"]
    assert written["ok"] is False
    assert written["apis"]["one"]["replicas"] == {"min": 1, "typical": 5, "max": 40}
    assert written["groups"]["default"]["levels"]["typical"]["packed"] == [
        {"instances": 2, "replicas": {"one": 2}},
        {"instances": 1, "replicas": {"one": 1}},
    ]
    costs = written["costs"]["levels"]["max"]
    assert costs["total"] == pytest.approx(sum(line["amount"] for line in costs["lines"]))
