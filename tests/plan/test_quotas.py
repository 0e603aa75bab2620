"""Which quotas a deployment uses up."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cortex_cdk.plan.capacity import Level, group_plan
from cortex_cdk.plan.quotas import quota_usage, quotas
from cortex_cdk.spec.cluster import InstanceGroup
from tests.support.api_specs import api_spec


def used(least: int = 1, most: int = 10, **group: Any) -> dict[str, dict[str, float]]:
    api = api_spec("one", gpu=1 if "g4dn.xlarge" in group.get("instance_types", ()) else 0)
    levels = {Level.MIN: {"one": least}, Level.MAX: {"one": most}}
    plan = group_plan(InstanceGroup(**{"instance_types": ["m5.large"]} | group), [api], levels)
    return {usage.quota.key: dict(usage.used) for usage in quota_usage([plan], levels, quotas())}


def test_by_hand() -> None:
    found = used()
    assert found["on-demand-standard"] == {Level.MIN: 2, Level.MAX: 10}
    assert found["volumes"][Level.MAX] == 500 / 1024
    assert found["network-interfaces"][Level.MAX] == 15
    assert found["cluster-instances"][Level.MAX] == 5
    assert found["targets"] == found["api-targets"] == found["api-replicas"] == {Level.MIN: 1, Level.MAX: 10}
    assert found["rules"][Level.MIN] == found["target-groups"][Level.MIN] == 1
    assert not {key for key in found if key.startswith("spot") or key.endswith(("-g", "-p"))}


def test_spot_and_gpus_count_apart() -> None:
    found = used(instance_types=["g4dn.xlarge"], spot=True, on_demand_base=1)
    assert found["on-demand-g"] == {Level.MIN: 4, Level.MAX: 4}
    assert found["spot-g"] == {Level.MIN: 0, Level.MAX: 36}
    assert "on-demand-standard" not in found


def test_what_has_no_place_uses_nothing() -> None:
    assert used(most=100, max_instances=3)["targets"][Level.MAX] == 6


def test_the_first_level_at_which_it_does_not_suffice() -> None:
    api = api_spec("one")
    levels = {Level.MIN: {"one": 4}, Level.MAX: {"one": 8}}
    plan = group_plan(InstanceGroup(instance_types=["m5.large"]), [api], levels)

    def exceeded(value: float) -> Level | None:
        known = quotas({"on-demand-standard": value})
        (first, *_) = quota_usage([plan], levels, known)
        return first.exceeded_at

    assert [exceeded(value) for value in (3.9, 4, 7.9, 8)] == [Level.MIN, Level.MAX, Level.MAX, None]


def test_the_accounts_own_by_key_or_code() -> None:
    assert quotas({"L-DB2E81BA": 8})["on-demand-g"].value == quotas({"on-demand-g": 8})["on-demand-g"].value == 8
    assert quotas()["on-demand-g"].value == 0
    assert quotas({"rules": 9})["rules"].own
    assert not quotas({"rules": 9})["targets"].own
    with pytest.raises(ValueError, match=r"there is no quota 'on-demand'; there are on-demand-standard, .*\(did you"):
        quotas({"on-demand": 1})


def test_every_quota_says_where_it_is_from() -> None:
    for quota in quotas().values():
        assert quota.source.startswith("https://docs.aws.amazon.com/")
        assert quota.checked is None or date.fromisoformat(quota.checked)
