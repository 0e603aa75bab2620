"""Priorities, percents and times: what can be said without a template."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import CountOrPercent, rollout
from cortex_cdk.constructs.priority import HIGHEST, Claims, priority_of
from cortex_cdk.constructs.replica_settings import MAX_BYTES, replica_settings, too_large
from cortex_cdk.constructs.service_percents import template_percents
from cortex_cdk.constructs.timing import Timing
from cortex_cdk.spec.model import UpdateStrategySpec
from cortex_runtime import settings as runtime_settings
from tests.support.api_specs import api_spec


def test_priorities_do_not_change_between_versions():
    assert [priority_of(name) for name in ("iris-classifier", "code-language", "a")] == [41873, 26458, 12251]


@given(st.text(min_size=1))
def test_priorities_are_in_range(name):
    assert 1 <= priority_of(name) <= HIGHEST


def test_claims():
    claims = Claims()
    assert claims.claim("a", "/a", 7) == []
    assert claims.claim("a", "/a", 7) == []
    (priority,) = claims.claim("b", "/b", 7)
    assert "priority 7 of its listener rule is that of `a`" in priority
    (path,) = claims.claim("c", "/a", 8)
    assert path == "its path /a is that of `a`, too"
    (bounds,) = claims.claim("d", "/d", HIGHEST + 1)
    assert "is 50001, must be from 1 to 50000" in bounds


shares = st.integers(0, 100).map(lambda value: CountOrPercent(value, is_percent=True))
amounts = shares | st.integers(0, 20).map(lambda value: CountOrPercent(value, is_percent=False))
strategies = st.builds(UpdateStrategySpec, max_surge=amounts, max_unavailable=amounts).filter(
    lambda strategy: not (strategy.max_surge.is_zero and strategy.max_unavailable.is_zero)
)


@given(strategies, st.integers(1, 60), st.integers(0, 60))
def test_percents_of_a_template_take_no_replica_too_many_at_any_count(strategy, lowest, more):
    percents = template_percents(strategy, lowest, lowest + more)
    assert percents.maximum_percent > percents.minimum_healthy_percent  # what ECS takes
    for count in range(lowest, lowest + more + 1):
        exact = rollout(strategy, count)
        assert percents.unavailable(count) <= exact.unavailable(count) or strategy.max_surge.is_zero
        if not strategy.max_surge.is_zero:
            assert percents.surge(count) >= exact.surge(count)  # so that it is never stuck


def test_percents_of_the_defaults():
    quarter = CountOrPercent.parse("25%")
    assert template_percents(UpdateStrategySpec(quarter, quarter), 1, 100) == (200, 100)
    assert template_percents(UpdateStrategySpec(quarter, quarter), 4, 4) == (125, 75)


def test_very_large_bounds_take_no_time():
    quarter = CountOrPercent.parse("25%")
    assert template_percents(UpdateStrategySpec(quarter, quarter), 2**30, 2**31 - 1) == (125, 75)


@pytest.mark.parametrize("request_s", [1, 60, 300, 4000])
def test_times_fit_together(request_s):
    timing = Timing(request_s)
    assert timing.keep_alive_s > timing.idle_s  # else the load balancer answers 502
    assert timing.model_call_s < request_s <= timing.idle_s  # given up from the inside out
    assert timing.deregistration_delay_s >= min(request_s, 3600)
    assert timing.stop_api_s > timing.grace_s + timing.drain_s + 10  # the runtime's own margin
    assert timing.stop_serve_s > timing.stop_api_s  # the model server outlives the replica


@pytest.mark.parametrize("request_s", [0, 4001])
def test_no_such_time_out(request_s):
    with pytest.raises(ValueError, match=rf"is {request_s} s, must be from 1 to 4000 s"):
        Timing(request_s)


def test_the_runtime_understands_its_settings():
    spec = api_spec(config={"labels": ["a"], "nothing": None}, workers_per_replica=3, threads_per_worker=2)
    reporting = {"table": "t", "metric_namespace": "Mine", "cluster": "c"}
    document = replica_settings(spec, Timing(20), port=8080, reporting=reporting)
    parsed = runtime_settings.parse(json.dumps(document))
    assert parsed.api.endpoint == spec.endpoint
    assert parsed.reporting is not None
    assert (parsed.reporting.table, parsed.reporting.metric_namespace) == ("t", "Mine")
    assert parsed.predictor.config == spec.predictor.config
    assert (parsed.concurrency.workers, parsed.concurrency.threads_per_worker) == (3, 2)
    assert parsed.http.keep_alive_s == 40
    assert parsed.predictor.timeout_s == parsed.shutdown.timeout_s == 20
    assert parsed.model_server.timeout_s == 19


def test_settings_that_do_not_fit_into_a_task_definition():
    small = replica_settings(api_spec(config={"x": "y" * 30_000}), Timing(), port=1, reporting={})
    large = replica_settings(api_spec(config={"x": "y" * MAX_BYTES}), Timing(), port=1, reporting={})
    assert too_large(small) == []
    assert "at most 40,000 fit into a task definition" in too_large(large)[0]
