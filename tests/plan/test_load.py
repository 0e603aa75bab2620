"""Typical loads, as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import History, Observation, Policy, decide
from cortex_cdk.plan.load import Load


def test_requests_in_flight_or_a_second() -> None:
    assert Load.parse("12", 0.1) == Load(12.0)
    assert Load.parse(" 2.5 ", 0.1) == Load(2.5)
    assert Load.parse("50/s", 0.1) == Load(5.0, 50.0)


@pytest.mark.parametrize("text", ["", "a", "-1", "inf", "nan", "1/min", "5s", "/s", "1/"])
def test_what_is_no_load(text: str) -> None:
    with pytest.raises(ValueError, match="is neither requests in flight, such as 12, nor requests a second"):
        Load.parse(text, 0.1)


def test_the_replicas_for_it() -> None:
    policy = Policy(min_replicas=2, max_replicas=8, init_replicas=2, target_replica_concurrency=4)
    counts = [(Load(load).wanted(policy), Load(load).replicas(policy)) for load in (0, 1, 8, 8.01, 40)]
    assert counts == [(0, 2), (1, 2), (2, 2), (3, 3), (10, 8)]
    assert Load(0.1 * 3).wanted(Policy(target_replica_concurrency=0.1)) == 3  # 0.30000000000000004


@given(st.floats(0, 500), st.sampled_from([0.5, 1.0, 3.0]))
def test_the_rules_settle_on_it_from_below(load: float, target: float) -> None:
    """But for the tolerance, within which they leave the count as it is."""
    policy = Policy(max_replicas=2000, target_replica_concurrency=target, upscale_tolerance=0.0)
    count, history = 1, History(began=0.0)
    for tick in range(20):
        decision = decide(policy, Observation(replicas=count, average_in_flight=load), history, 10.0 * tick)
        count, history = decision.desired, decision.history
    assert Load(load).replicas(policy) == count
