"""Every line that the scaler logs: what is in it, and that CloudWatch takes its metrics."""

import json
from dataclasses import replace

from cortex_cdk.autoscaling import Policy, Rule
from cortex_cdk.scaler.metrics import held_by_name
from tests.support import embedded_metrics
from tests.support.aws import NEW, fails
from tests.support.embedded_metrics import metric_names

POLICY = Policy(max_replicas=50, window_s=10)


def test_a_decision_has_its_reasons_and_its_metrics(world):
    world.fake.add_service("iris", POLICY, desired=4)
    world.later(iris=4.0)
    world.later(iris=1.2)
    line = embedded_metrics.check(json.dumps(world.decisions("iris")[-1]))
    assert line["message"].startswith("stays at 4: 1.2 requests in flight on average over 10 s")
    assert [step["rule"] for step in line["steps"]] == ["load", "downscale_stabilization"]
    assert (line["raw"], line["recommendation"], line["downscale_factor_floor"]) == (1.2, 2, 2)
    assert {name: line[name] for name in metric_names(line)} == {
        "DesiredReplicas": 4,
        "RunningReplicas": 4,
        "Recommendation": 2,
        "InFlightTotal": 1.2,
        "Target": 1.0,
        "HeldByDownscaleStabilization": 1,
    }
    assert line["_aws"]["Timestamp"] == (NEW + 25) * 1000
    resolutions = {m["Name"]: m["StorageResolution"] for m in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert resolutions.pop("HeldByDownscaleStabilization") == 60
    assert {*resolutions.values()} == {1}  # a point every 10 s
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Cluster", "Api"]]
    assert (line["Cluster"], line["Api"], line["result"]) == ("cluster", "iris", "unchanged")


def test_without_data_nothing_is_said_to_be_measured(world):
    world.fake.add_service("iris", POLICY, desired=4)
    world.later()
    line = embedded_metrics.check(json.dumps(world.decisions("iris")[-1]))
    assert metric_names(line) == {"DesiredReplicas", "RunningReplicas", "Target", "HeldByNoData"}


def test_every_rule_has_a_metric_of_its_own():
    names = [held_by_name(rule) for rule in Rule]
    assert len(names) == len(set(names))
    assert "HeldByMaxReplicas" in names


def test_a_tick_counts_itself(world):
    world.fake.add_service("iris", POLICY, desired=4)
    world.fake.add_service("other", replace(POLICY, max_replicas=2), desired=4)
    world.fake.add_service("wrong", tags={"cortex:api": "wrong", "cortex:window_s": "x"})
    world.fake.faults = [fails("UpdateService", when=lambda request: request["service"].endswith("other"))]
    world.later(iris=20.0)
    line = embedded_metrics.check(json.dumps(world.summary()))
    values = {name: line[name] for name in metric_names(line)}
    assert values.pop("TickDuration") > 0
    assert values == {"Ticks": 1, "Errors": 2, "Apis": 3, "Updates": 1, "Postponed": 0}
    assert line["message"].startswith("3 APIs in 0.")
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Cluster"]]


def test_lines_without_metrics_are_records_too(world):
    world.fake.add_service("wrong", tags={"cortex:api": "wrong", "cortex:window_s": "x"})
    world.later()
    (error,) = world.errors()
    assert "_aws" not in error
    assert error["Cluster"] == "cluster"


def test_what_was_measured_of_queues_is_used_and_said(world):
    policy = replace(POLICY, queue_drain_period_s=60.0)
    world.fake.add_service("iris", policy, desired=4)
    world.now += 10
    world.report("iris", 44.0)
    item = next(item for key, item in world.fake.items.items() if key[0] == "load#iris")
    item |= {"queued": {"N": "40"}, "arrived": {"N": "40"}, "served": {"N": "40"}}
    world.tick()
    line = world.decisions("iris")[-1]
    assert line["in_flight"] == 44.0
    assert line["work"] < 10
    assert world.fake.desired("iris") < 10
