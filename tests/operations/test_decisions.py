"""Decisions out of the scaler's log say what the rules said, word for word."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import Decision, History, LoadReport, Policy, decide, explain, observe
from cortex_cdk.operations.decisions import Decided, decided_of, merged, read
from cortex_cdk.scaler import metrics
from tests.support.autoscaling_strategies import histories, load_reports, policies
from tests.support.fake_aws import FakeAws

NOW = 105.0


def logged(decision: Decision, *, at: float = NOW, api: str = "iris", **fields: Any) -> str:
    """The scaler's line of a decision."""
    values = metrics.of_decision(decision, 1.0, 1)
    document = {**metrics.fields_of(decision), "result": "unchanged", **fields}
    dimensions = {metrics.CLUSTER: "home", metrics.API: api}
    return metrics.line("info", decision.reason, at, "Cortex", dimensions, values, document)


def decision_at(in_flight: float | None, replicas: int = 1) -> Decision:
    reports = [] if in_flight is None else [LoadReport("r", 90, in_flight)]
    policy = Policy(window_s=10, max_replicas=9)
    return decide(policy, observe(policy, reports, NOW, replicas), History(), NOW)


def decided(line: str) -> Decided:
    found = decided_of(line, 0.0)
    assert found is not None
    return found


@given(policies(), st.lists(load_reports(), max_size=3), histories(NOW), st.integers(0, 40))
def test_words_survive_the_log(policy: Policy, reports: list[LoadReport], history: Any, replicas: int) -> None:
    decision = decide(policy, observe(policy, reports, NOW, replicas), history, NOW)
    found = decided(logged(decision))
    assert list(found.words) == explain(decision)
    assert (found.requested, found.desired) == (replicas, decision.desired)
    assert (found.at, found.api, found.reason) == (NOW, "iris", decision.reason)
    assert found.changes == (decision.desired != replicas)


def test_what_became_of_it() -> None:
    assert decided(logged(decision_at(4.0), result="postponed")).words[-1].startswith("  Not carried out: too many")
    failed = decided(logged(decision_at(4.0), result="failed", error="UpdateService: no"))
    assert (failed.words[-1], failed.result) == ("  Failed: UpdateService: no", "failed")


def test_the_first_decision_about_a_service() -> None:
    line = json.loads(logged(decision_at(None)))
    line |= {"initial": True, "message": "0 -> 2: a new service begins with 2 replicas (init_replicas)"}
    found = decided(json.dumps(line))
    assert list(found.words) == ["0 -> 2: a new service begins with 2 replicas (init_replicas)."]


@pytest.mark.parametrize(
    "line",
    ["START RequestId: 1", "", "{", "[]", "{}", '{"message": "3 APIs in 0.1 s", "Cluster": "home"}'],
)
def test_other_lines_are_no_decisions(line: str) -> None:
    assert decided_of(line, 0.0) is None


def test_decisions_with_the_same_words_are_one() -> None:
    lines = [logged(decision_at(load), at=at) for at, load in ((10, 1), (20, 1), (30, 1), (40, 4), (50, 1))]
    found = list(merged(decided(line) for line in lines))
    assert [(one.at, one.until) for one in found] == [(10, 30), (40, 40), (50, 50)]
    assert list(merged([])) == []


@pytest.mark.parametrize(("api", "names"), [("iris", ["iris"]), (None, ["iris", "other"])])
def test_only_what_was_asked_for_is_read(api: str | None, names: list[str]) -> None:
    """Whatever the filter lets through: emulators have none."""
    events = [
        {"timestamp": 100_000, "eventId": name, "logStreamName": "s", "message": logged(decision_at(1), api=name)}
        for name in ("iris", "other")
    ]
    aws = FakeAws({"FilterLogEvents": {"events": events}})
    assert [one.api for one in read(aws, "log", 90.0, api, 120.5)] == names
    (call,) = aws.called("FilterLogEvents")
    assert (call["startTime"], call["endTime"], call["logGroupName"]) == (90_000, 120_500, "log")
    assert ('$.Api = "iris"' in call["filterPattern"]) == (api is not None)
