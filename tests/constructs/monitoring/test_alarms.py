"""Each alarm is raised by what it is about, and by nothing else, on what replicas, scaler and AWS really send."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.events.models import EventPattern

from cortex_cdk.autoscaling import Policy
from tests.constructs.monitoring.conftest import APIS, Replicas
from tests.support.alarm_state import ALARM, OK, UNKNOWN, evaluated, period_of
from tests.support.aws import NEW, fails
from tests.support.aws_metrics import sent_by_aws
from tests.support.metric_store import MetricStore, metric

START = int(NEW)
MINUTE = 60
REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
FEW = st.sampled_from([0, 0, 0, 1, 2])
FILLS = pytest.mark.parametrize("fills_empty", [True, False])


def test_every_metric_is_sent_by_somebody(deployed, sent):
    known = sent.units.keys() | sent_by_aws(deployed, "cluster", *APIS).keys()
    for stack in ("cluster", *APIS):
        for id, alarm in deployed.all(stack, "CloudWatch::Alarm").items():
            asked = [q["MetricStat"]["Metric"] for q in alarm.get("Metrics", []) if "MetricStat" in q] or [alarm]
            for found in asked:
                dimensions = {d["Name"]: d["Value"] for d in found["Dimensions"]}
                assert metric(found["Namespace"], found["MetricName"], **dimensions) in known, id
                assert "Unit" not in found  # another one than was sent would find nothing
            assert period_of(alarm) % MINUTE == 0  # a shorter one costs three times as much


def test_they_cost_what_the_documentation_says(deployed):
    def looked_at(stack):
        alarms = [a for id, a in deployed.all(stack, "CloudWatch::Alarm").items() if "MonitoringAlarms" in id]
        return sum(len([q for q in alarm.get("Metrics", [{}]) if "Expression" not in q]) for alarm in alarms)

    assert looked_at("plain") == 9
    assert looked_at("cluster") == 4 + 2


@FILLS
@REUSED
@given(st.lists(st.tuples(st.sampled_from([0, 1, 18, 60]), FEW, FEW), min_size=7, max_size=7))
def test_server_errors(deployed, fills_empty, minutes):
    store = MetricStore()
    for number, (good, failed, refused) in enumerate(minutes):
        bucket = START + number * MINUTE
        counts = {"200": good, "500": failed, "503": refused}
        replicas = Replicas(deployed, "plain", store)
        replicas.report(bucket, requests={code: count for code, count in counts.items() if count})
        replicas.report(bucket + 30, replica="idle")
    failed = sum(failed + refused for _, failed, refused in minutes[-5:])
    every = sum(sum(counts) for counts in minutes[-5:])
    expected = ALARM if failed >= 5 and 100 * failed > 5 * every else OK
    now = START + len(minutes) * MINUTE
    assert evaluated(deployed.alarm("plain", "ServerErrors"), store, now, fills_empty=fills_empty) == expected


@FILLS
def test_server_errors_without_replicas(deployed, store, fills_empty):
    """Nobody fails where nobody answers; other alarms tell that."""
    alarm = deployed.alarm("plain", "ServerErrors")
    assert evaluated(alarm, store, START, before=ALARM, fills_empty=fills_empty) == OK


@FILLS
@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ([{"200": 50}, {"200": 44, "500": 6}, {"200": 44, "502": 6}], ALARM),
        ([{"200": 50}, {"200": 44, "500": 6}, {"200": 50}], OK),  # two minutes of three
        ([{"500": 4}, {"500": 4}, {"500": 4}], OK),  # too few to tell
        ([{"200": 45, "500": 5}] * 3, OK),  # a tenth and no more
        ([{"200": 10, "503": 90}] * 3, OK),  # full, which the release may be about to mend
        ([{"200": 4, "500": 6, "503": 90}] * 3, OK),
        ([{}] * 3, OK),
    ],
)
def test_what_takes_a_deployment_back(deployed, store, fills_empty, minutes, expected):
    for number, requests in enumerate(minutes):
        Replicas(deployed, "plain", store).report(START + number * MINUTE, requests=requests)
    alarm = deployed.alarm("plain", "FailedRequests")
    assert evaluated(alarm, store, START + len(minutes) * MINUTE, fills_empty=fills_empty) == expected


def test_one_failure_wakes_nobody(deployed, store):
    Replicas(deployed, "plain", store).report(START, requests={"500": 1})
    assert evaluated(deployed.alarm("plain", "ServerErrors"), store, START + 5 * MINUTE) == OK


@REUSED
@given(st.lists(st.sampled_from(["slow"] * 9 + ["fast", "few", "idle"]), min_size=12, max_size=12))
def test_latency(deployed, minutes):
    """Half of the endpoint's 60 s is the limit; minutes with few requests say nothing."""
    store = MetricStore()
    times = {"slow": [0.1] * 40 + [31.0], "fast": [0.1] * 39 + [29.0], "few": [31.0] * 9, "idle": []}
    for number, kind in enumerate(minutes):
        latencies = times[kind]
        counts = {"200": len(latencies)} if latencies else {}
        Replicas(deployed, "plain", store).report(START + number * MINUTE, requests=counts, latency_s=latencies)
    expected = ALARM if minutes[-10:].count("slow") >= 8 else OK
    assert evaluated(deployed.alarm("plain", "Latency"), store, START + 12 * MINUTE) == expected


def test_latency_as_it_was_set(deployed, store):
    for number in range(4):
        Replicas(deployed, "bare", store).report(
            START + number * MINUTE, requests={"200": 3}, latency_s=[0.1, 0.1, 0.251]
        )
    alarm = deployed.alarm("bare", "Latency")
    assert evaluated(alarm, store, START + 3 * MINUTE) == OK
    assert evaluated(alarm, store, START + 4 * MINUTE) == ALARM


def put_minutes(store, alarm, values):
    """One value a minute of the alarm's only metric, before now; the moment that is now."""
    dimensions = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
    for number, value in enumerate(values):
        if value is not None:
            store.put(metric(alarm["Namespace"], alarm["MetricName"], **dimensions), START + number * MINUTE, value)
    return START + len(values) * MINUTE


@pytest.mark.parametrize(
    ("unhealthy", "expected"),
    [
        ([0] * 17, OK),
        ([0] * 3 + [2] * 14, OK),  # they take that long to start
        ([1] * 17, ALARM),
        ([1] * 8 + [0] + [3] * 8, OK),
        ([None] * 17, OK),  # nothing is registered
        ([1] * 10 + [None] * 7, OK),
    ],
)
def test_unhealthy_replicas(deployed, store, unhealthy, expected):
    alarm = deployed.alarm("plain", "UnhealthyReplicas")
    now = put_minutes(store, alarm, unhealthy)
    assert evaluated(alarm, store, now) == expected


@FILLS
class TestAtMaxReplicas:
    def run(self, deployed, ticks, store, load, fills_empty, *, minutes=7, before=UNKNOWN):
        ticks.minutes(minutes, plain=load)
        alarm = deployed.alarm("plain", "AtMaxReplicas")
        return evaluated(alarm, store, int(ticks.now), before=before, fills_empty=fills_empty)

    def test_the_load_asks_for_more(self, deployed, ticks, store, fills_empty):
        ticks.fake.add_service("plain", Policy(max_replicas=3))
        assert self.run(deployed, ticks, store, 9.0, fills_empty) == ALARM
        assert self.run(deployed, ticks, store, 1.0, fills_empty, before=ALARM) == OK

    def test_the_load_needs_them_all_and_no_more(self, deployed, ticks, store, fills_empty):
        ticks.fake.add_service("plain", Policy(max_replicas=3), desired=3)
        assert self.run(deployed, ticks, store, 3.0, fills_empty) == OK
        assert ticks.fake.desired("plain") == 3

    def test_a_peak_of_some_minutes(self, deployed, ticks, store, fills_empty):
        ticks.fake.add_service("plain", Policy(max_replicas=3))
        self.run(deployed, ticks, store, 1.0, fills_empty, minutes=5)
        assert self.run(deployed, ticks, store, 9.0, fills_empty, minutes=4) == OK
        # The count stays at its maximum for the stabilization, which nobody has to know.
        assert self.run(deployed, ticks, store, 1.0, fills_empty, minutes=3) == OK
        assert ticks.fake.desired("plain") == 3

    def test_without_decisions_it_stays_as_it_was(self, deployed, ticks, store, fills_empty):
        ticks.fake.add_service("plain", Policy(max_replicas=3))
        assert self.run(deployed, ticks, store, 9.0, fills_empty) == ALARM
        alarm = deployed.alarm("plain", "AtMaxReplicas")
        for state in (ALARM, OK):
            later = int(ticks.now) + 10 * MINUTE
            assert evaluated(alarm, store, later, before=state, fills_empty=fills_empty) == state


@FILLS
class TestNoLoadReports:
    def state(self, deployed, ticks, store, fills_empty, before=UNKNOWN):
        alarm = deployed.alarm("plain", "NoLoadReports")
        return evaluated(alarm, store, int(ticks.now), before=before, fills_empty=fills_empty)

    def test_they_stay_away(self, deployed, ticks, store, fills_empty):
        ticks.fake.add_service("plain", desired=2)
        ticks.minutes(3, plain=1.0)
        ticks.minutes(14)
        assert self.state(deployed, ticks, store, fills_empty) == OK  # a replica may take so long to start
        ticks.minutes(2)
        assert self.state(deployed, ticks, store, fills_empty) == ALARM
        ticks.minutes(2, plain=1.0)
        assert self.state(deployed, ticks, store, fills_empty, before=ALARM) == OK

    def test_they_come(self, deployed, ticks, store, fills_empty):
        ticks.fake.add_service("plain", desired=2)
        ticks.minutes(18, plain=1.0)
        assert self.state(deployed, ticks, store, fills_empty, before=OK) == OK

    def test_without_decisions_it_stays_as_it_was(self, deployed, ticks, store, fills_empty):
        ticks.minutes(1)
        ticks.now += 30 * MINUTE
        for state in (ALARM, OK):
            assert self.state(deployed, ticks, store, fills_empty, before=state) == state

    def test_they_cannot_be_read(self, deployed, ticks, store, fills_empty):
        ticks.fake.add_service("plain", desired=2)
        ticks.fake.faults = [fails("Query")]
        ticks.minutes(18, plain=1.0)
        assert self.state(deployed, ticks, store, fills_empty) == ALARM


def test_scaler_stopped(deployed, ticks, store):
    alarm = deployed.alarm("cluster", "ScalerStopped")
    ticks.minutes(6)
    stopped = int(ticks.now)
    assert evaluated(alarm, store, stopped) == OK
    assert evaluated(alarm, store, stopped + MINUTE) == OK  # what is logged takes a while to become a metric
    assert evaluated(alarm, store, stopped + 5 * MINUTE) == ALARM
    ticks.now += 10 * MINUTE
    ticks.minutes(3)
    assert evaluated(alarm, store, int(ticks.now), before=ALARM) == OK


class TestScalerErrors:
    def state(self, deployed, ticks, store, before=UNKNOWN):
        return evaluated(deployed.alarm("cluster", "ScalerErrors"), store, int(ticks.now), before=before)

    def test_calls_of_aws_fail_all_the_time(self, deployed, ticks, store):
        ticks.minutes(3)
        ticks.fake.faults = [fails("ListServices")]
        ticks.minutes(3)
        assert self.state(deployed, ticks, store) == OK  # tried again every 10 s
        ticks.minutes(1)
        assert self.state(deployed, ticks, store) == ALARM
        ticks.fake.faults = []
        ticks.minutes(3)
        assert self.state(deployed, ticks, store, before=ALARM) == OK

    def test_a_service_has_wrong_tags(self, deployed, ticks, store):
        ticks.fake.add_service("wrong", tags={"cortex:api": "wrong", "cortex:window_s": "x"})
        ticks.minutes(7)
        assert self.state(deployed, ticks, store) == ALARM

    def test_the_lambda_ends_before_it_can_count(self, deployed, ticks, store):
        alarm = deployed.alarm("cluster", "ScalerErrors")
        (crashes,) = [q["MetricStat"]["Metric"] for q in alarm["Metrics"] if q["Id"] == "crashes"]
        (function,) = crashes["Dimensions"]
        for number in range(7):
            store.put(metric("AWS/Lambda", "Errors", FunctionName=function["Value"]), ticks.now + number * MINUTE, 6)
        ticks.now += 7 * MINUTE
        assert self.state(deployed, ticks, store) == ALARM

    def test_nothing_is_heard_of_it(self, deployed, ticks, store):
        ticks.minutes(2)
        ticks.now += 20 * MINUTE
        for state in (OK, ALARM):
            assert self.state(deployed, ticks, store, before=state) == state


@pytest.mark.parametrize(
    ("waiting", "expected"), [([0, 0, 1], ALARM), ([0, 0, 0], OK), ([None, None, None], OK), ([1, 1, 0], OK)]
)
def test_dead_letters(deployed, store, waiting, expected):
    alarm = deployed.alarm("cluster", "DeadLetters")
    now = put_minutes(store, alarm, waiting)
    assert evaluated(alarm, store, now) == expected


def test_dead_letters_are_those_of_the_ticks(deployed):
    (dimension,) = deployed.alarm("cluster", "DeadLetters")["Dimensions"]
    (ticks,) = [queue for queue in deployed.all("cluster", "SQS::Queue").values() if "RedrivePolicy" in queue]
    assert ticks["RedrivePolicy"]["deadLetterTargetArn"] == dimension["Value"] + ".Arn"


@pytest.mark.parametrize("group", ["default", "gpu"])
@pytest.mark.parametrize(
    ("reserved", "expected"),
    [
        ([100] * 17, OK),
        ([200] * 17, ALARM),  # no instance, though some are needed
        ([100] * 5 + [150] * 12, OK),  # instances take minutes to start
        ([None] * 17, OK),
    ],
)
def test_capacity_stuck(deployed, store, group, reserved, expected):
    alarm = deployed.alarm("cluster", f"CapacityStuck{group}")
    now = put_minutes(store, alarm, reserved)
    assert evaluated(alarm, store, now) == expected


def event(service: str, name: str) -> dict:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html"""
    return {
        "version": "0",
        "id": "ddca6449-b258-46c0-8653-e0e3a6EXAMPLE",
        "detail-type": "ECS Deployment State Change",
        "source": "aws.ecs",
        "account": "111122223333",
        "time": "2020-05-23T12:31:14Z",
        "region": "us-west-2",
        "resources": [service],
        "detail": {
            "eventType": "ERROR",
            "eventName": name,
            "deploymentId": "ecs-svc/123",
            "updatedAt": "2020-05-23T11:11:11Z",
            "reason": "ECS deployment circuit breaker: task failed to start.",
        },
    }


def test_deployment_failed(deployed):
    (rule,) = deployed.all("plain", "Events::Rule").values()
    pattern = EventPattern(None, rule["EventPattern"])
    ((service, _),) = deployed.all("plain", "ECS::Service").items()
    mine = deployed.refer("plain", service)
    assert pattern.matches_event(event(mine, "SERVICE_DEPLOYMENT_FAILED"))
    assert not pattern.matches_event(event(mine, "SERVICE_DEPLOYMENT_COMPLETED"))
    assert not pattern.matches_event(event(mine + "-another", "SERVICE_DEPLOYMENT_FAILED"))


def test_who_is_told_of_a_failed_deployment_is_told_why(deployed):
    (rule,) = deployed.all("plain", "Events::Rule").values()
    (target,) = rule["Targets"]
    transformer = target["InputTransformer"]
    found = event("service", "SERVICE_DEPLOYMENT_FAILED")
    text = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        value = found
        for key in path.removeprefix("$.").split("."):
            value = value[key]
        text = text.replace(f"<{name}>", value)
    assert "plain: ECS gave a deployment up" in text
    assert "task failed to start. (ecs-svc/123, 2020-05-23T12:31:14Z)" in text
