"""How many replicas network interfaces allow."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from cortex_cdk.plan import network_interfaces
from cortex_cdk.plan.network_interfaces import replica_limit
from cortex_cdk.simulation.prices import read_prices
from cortex_cdk.spec.cluster.instance_types import UnknownInstanceTypeError, capacity_of

DOCUMENT = json.loads(Path(network_interfaces.__file__).with_suffix(".json").read_text())


@pytest.mark.parametrize(
    ("instance_type", "limit", "with_trunking"),
    [("m5.large", 2, 10), ("c5.large", 2, 10), ("t3.micro", 1, 1), ("g5.xlarge", 3, 6), ("g4dn.xlarge", 2, 2)],
)
def test_known_types(instance_type: str, limit: int, with_trunking: int) -> None:
    assert replica_limit(instance_type) == limit
    assert replica_limit(instance_type, trunking=True) == with_trunking


def test_unknown_types_have_no_limit() -> None:
    assert replica_limit("m99.large") is None
    assert replica_limit("m99.large", trunking=True) is None
    assert replica_limit("m5") is None


def test_trunking_never_takes_away() -> None:
    for family, sizes in DOCUMENT["replicas_with_trunking"].items():
        for size, limit in sizes.items():
            assert limit >= (replica_limit(f"{family}.{size}") or 0)


def test_every_type_with_a_price_that_can_be_used_is_known() -> None:
    for name in read_prices().instances:
        try:
            capacity_of(name)
        except UnknownInstanceTypeError:
            continue
        assert replica_limit(name), name


def test_it_is_dated_and_says_where_it_is_from() -> None:
    for suffix in ("", "_with_trunking"):
        assert date.fromisoformat(DOCUMENT[f"date{suffix}"]) >= date(2023, 1, 1)
        assert DOCUMENT[f"source{suffix}"].startswith("https://github.com/aws")
