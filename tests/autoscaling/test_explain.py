"""Decisions in words."""

from __future__ import annotations

import pytest

from cortex_cdk.autoscaling import Decision, History, Observation, Policy, Record, Rule, decide, explain
from cortex_cdk.autoscaling.explain import _TITLES


def decided(replicas: int, load: float | None, history: History | None = None, **policy: float) -> Decision:
    observation = Observation(replicas=replicas, average_in_flight=load)
    return decide(Policy(**policy), observation, history or History(began=-1e6), 0.0)


def test_scaling_up() -> None:
    assert explain(decided(3, 4.6)) == [
        "Scale up from 3 to 5 replicas.",
        "  load:            4.6 requests in flight on average over 60 s, at a target of 1 per replica, fill 4.6 "
        "replicas -> 5",
    ]


def test_scaling_down_step_by_step() -> None:
    history = History(began=-1e6, records=(Record(-100, 7),))
    assert explain(decided(20, 1, history, max_replicas=10)) == [
        "Scale down from 20 to 7 replicas.",
        "  upper bound:     max_replicas is 10 now -> 10",
        "  load:            1 requests in flight on average over 60 s, at a target of 1 per replica, fill 1 "
        "replicas -> 1",
        "  step down:       one step down leaves at least 0.5 of 10, or one less -> 5",
        "  stabilization:   7 recommended 100 s ago, within the last 300 s (downscale_stabilization_period) -> 7",
    ]


def test_keeping_and_holding() -> None:
    assert explain(decided(1, 0.5))[0] == "Keep 1 replica."
    assert explain(decided(2, 2.0))[0] == "Keep 2 replicas."
    assert explain(decided(1, None)) == [
        "Hold 1 replica.",
        "  no data:         no fresh load report, so nothing is known and the count is held -> 1",
    ]


def test_no_data_and_a_changed_bound() -> None:
    lines = explain(decided(9, None, max_replicas=4))
    assert lines[0] == "Hold 4 replicas."
    assert lines[1] == "  upper bound:     max_replicas is 4 now -> 4"


def test_every_rule_has_a_title() -> None:
    assert set(_TITLES) == set(Rule)


@pytest.mark.parametrize(
    ("decision", "held_by"),
    [
        (decided(3, 4.6), None),
        (decided(20, 3, max_replicas=6), None),  # once within its bounds, the load decides
        (decided(10, 9.5), None),
        (decided(10, 8.5, downscale_tolerance=0.2), Rule.TOLERANCE),
        (decided(10, 0), Rule.MAX_DOWNSCALE_FACTOR),
        (decided(1, 50), Rule.MAX_UPSCALE_FACTOR),
        (decided(50, 150), Rule.MAX_REPLICAS),
        (decided(1, 0), Rule.MIN_REPLICAS),
        (decided(4, 1, History()), Rule.DOWNSCALE_STABILIZATION),
        (decided(4, 9, History(), upscale_stabilization_period_s=60), Rule.UPSCALE_STABILIZATION),
        (decided(4, None, max_replicas=3), Rule.NO_DATA),
        (decide(Policy(), Observation(replicas=4, average_in_flight=9), decided(4, 9).history, 1.0), Rule.REPEATED),
    ],
)
def test_held_by_names_the_rule_that_decided_otherwise_than_the_load(decision: Decision, held_by: Rule | None) -> None:
    assert decision.held_by == held_by


@pytest.mark.parametrize(("if_full", "held_by"), [(8.9, None), (9.7, Rule.MISSING_REPORTS)])
def test_held_by_missing_reports_only_when_they_changed_the_count(if_full: float, held_by: Rule | None) -> None:
    observation = Observation(replicas=12, average_in_flight=8.5, average_if_full=if_full)
    assert decide(Policy(), observation, History(began=-1e6), 0.0).held_by == held_by


def test_reason_in_one_line() -> None:
    load = "requests in flight on average over 60 s, at a target of 1 per replica, fill"
    assert decided(3, 4.6).reason == f"3 -> 5: 4.6 {load} 4.6 replicas"
    assert decided(2, 2).reason == f"stays at 2: 2 {load} 2 replicas"
    assert decided(3, 4.6).change == 2
