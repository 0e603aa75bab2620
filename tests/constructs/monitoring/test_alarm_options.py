"""Alarms are sent where they should be, changed, turned off, and described."""

from __future__ import annotations

from aws_cdk import aws_sns as sns
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.constructs import AlarmOptions, ApiAlarms, ApiImage, Cluster, ClusterAlarms, TensorFlowApi
from cortex_cdk.constructs.alarm_options import settings
from cortex_cdk.spec.cluster.alarm_kinds import API_ALARMS, CLUSTER_ALARMS
from tests.constructs.conftest import PINNED
from tests.constructs.monitoring.conftest import APIS, PAGE, TOPIC
from tests.support.api_specs import api_spec


def named(deployed, stack):
    """The alarms of a stack by the end of their logical ids, without the one that rolls deployments back."""
    marker = "MonitoringAlarms"
    alarms = deployed.all(stack, "CloudWatch::Alarm").items()
    return {id.partition(marker)[2][:-8]: alarm for id, alarm in alarms if marker in id}


def test_all_are_on_by_default(deployed):
    of_api = {"ServerErrors", "Latency", "UnhealthyReplicas", "AtMaxReplicas", "NoLoadReports"}
    assert named(deployed, "plain").keys() == of_api
    assert len(deployed.all("plain", "Events::Rule")) == 1
    of_cluster = {"ScalerStopped", "ScalerErrors", "DeadLetters", "CapacityStuckdefault", "CapacityStuckgpu"}
    assert named(deployed, "cluster").keys() == of_cluster


def test_each_is_sent_to_the_topic_of_the_cluster(deployed):
    (topic,) = deployed.all("cluster", "SNS::Topic")
    arn = deployed.refer("cluster", topic)
    for stack in ("cluster", *APIS):
        for alarm in named(deployed, stack).values():
            assert alarm["AlarmActions"] == alarm["OKActions"] == [arn]
    (rule,) = deployed.all("plain", "Events::Rule").values()
    assert [target["Arn"] for target in rule["Targets"]] == [arn]
    (subscription,) = deployed.all("cluster", "SNS::Subscription").values()
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "on-call@example.com")


def test_the_topic_is_encrypted_with_a_key_that_senders_may_use(deployed):
    (topic,) = deployed.all("cluster", "SNS::Topic").values()
    ((key, made),) = deployed.all("cluster", "KMS::Key").items()
    assert topic["KmsMasterKeyId"] == deployed.refer("cluster", key, "Arn")
    assert made["EnableKeyRotation"] is True
    (policy,) = deployed.all("cluster", "SNS::TopicPolicy").values()
    for document, action in (
        (policy["PolicyDocument"], "sns:Publish"),
        (made["KeyPolicy"], "kms:GenerateDataKey*"),
    ):
        allowed = {s["Principal"]["Service"]: s for s in document["Statement"] if "Service" in s["Principal"]}
        assert allowed.keys() == {"cloudwatch.amazonaws.com", "events.amazonaws.com"}
        for statement in allowed.values():
            assert statement["Effect"] == "Allow"
            assert action in statement["Action"]
        ours = {"StringEquals": {"aws:SourceAccount": "AWS::AccountId"}}
        assert allowed["cloudwatch.amazonaws.com"]["Condition"] == ours
    statements = policy["PolicyDocument"]["Statement"]
    assert len(statements) == 3  # APIs add nothing, which would change the cluster's stack
    (plain_text,) = [s for s in statements if s["Effect"] == "Deny"]
    assert plain_text["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_each_can_be_sent_elsewhere(deployed):
    mine = next(iter(deployed.all("other", "SNS::Topic")))
    sent = named(deployed, "sent")
    assert sent["Latency"]["AlarmActions"] == [deployed.refer("other", mine)]
    assert {*(action for n, a in sent.items() if n != "Latency" for action in a["AlarmActions"])} == {TOPIC}
    (rule,) = deployed.all("sent", "Events::Rule").values()
    assert [target["Arn"] for target in rule["Targets"]] == [TOPIC]


def test_a_topic_that_is_given_is_the_only_one(deployed):
    (topic,) = deployed.all("other", "SNS::Topic")
    assert deployed.all("other", "KMS::Key") == {}
    for stack in ("other", "there"):
        for alarm in named(deployed, stack).values():
            assert alarm["AlarmActions"] == [deployed.refer("other", topic)]
    (policy,) = deployed.all("other", "SNS::TopicPolicy").values()
    senders = [s["Principal"]["Service"] for s in policy["PolicyDocument"]["Statement"]]
    assert sorted(senders) == ["cloudwatch.amazonaws.com", "events.amazonaws.com"]


def test_each_can_be_changed_and_turned_off(deployed):
    bare = named(deployed, "bare")
    assert "ServerErrors" not in bare
    latency = bare["Latency"]
    assert (latency["Threshold"], latency["EvaluationPeriods"], latency["DatapointsToAlarm"]) == (250, 4, 4)
    assert named(deployed, "other").keys() == {"ScalerStopped", "ScalerErrors", "DeadLetters"}
    assert named(deployed, "other")["DeadLetters"]["Threshold"] == 3


def test_all_can_be_turned_off(deployed):
    assert named(deployed, "off") == {}
    assert deployed.all("off", "Events::Rule") == {}
    for kind in ("SNS::Topic", "KMS::Key", "Logs::QueryDefinition"):
        assert deployed.all("silent", kind) == {}
    assert named(deployed, "silent") == {}


def test_without_a_topic_alarms_are_only_seen(deployed):
    alarms = named(deployed, "elsewhere")
    assert len(alarms) == 5
    assert not [alarm for alarm in alarms.values() if "AlarmActions" in alarm]
    assert deployed.all("elsewhere", "Events::Rule") == {}


def test_descriptions_say_whose_what_and_where_it_is_written(deployed):
    for stack in APIS:
        for alarm in named(deployed, stack).values():
            assert alarm["AlarmDescription"].startswith(f"{stack}: ")
            assert len(alarm["AlarmDescription"]) <= 1024
    assert named(deployed, "plain")["ServerErrors"]["AlarmDescription"] == (
        "plain: more than 5 % of the requests of 5 min, and at least 5, were answered with a 5xx. "
        "What to do: docs/operations.md#server-errors"
    )
    assert named(deployed, "bare")["Latency"]["AlarmDescription"].endswith(f"What to do: {PAGE}#latency")
    assert named(deployed, "cluster")["ScalerStopped"]["AlarmDescription"].startswith("Cluster cluster: ")


def test_the_defaults_are_those_that_cluster_yaml_tells(deployed):
    for stack, kinds in (("plain", API_ALARMS), ("cluster", CLUSTER_ALARMS)):
        found = named(deployed, stack)
        for name, kind in kinds.items():
            if kind.threshold is None:
                continue  # an event
            alarm = found[name.title().replace("_", "") + ("default" if name == "capacity_stuck" else "")]
            assert alarm["Threshold"] == kind.threshold, name
            if kind.minutes is not None and name != "server_errors":  # which has one period of so many minutes
                assert alarm["EvaluationPeriods"] == kind.minutes, name


def test_all_mistakes_are_told_at_once(errors, project):
    wrong = ApiAlarms(
        server_errors=AlarmOptions(threshold=101, minutes=0, min_count=0),
        latency=AlarmOptions(threshold=float("nan"), minutes=1441),
        unhealthy_replicas=None,  # type: ignore[arg-type]
        at_max_replicas=AlarmOptions(min_count=3),
        no_load_reports=AlarmOptions(minutes=2.5, threshold="much"),  # type: ignore[arg-type]
        deployment_failed=AlarmOptions(minutes=5),
    )

    def build(stack):
        of_cluster = ClusterAlarms(
            scaler_stopped=AlarmOptions(threshold=7), scaler_errors=AlarmOptions(threshold=float("inf"))
        )
        cluster = Cluster(stack, "Cluster", alarms=of_cluster)
        image = ApiImage(project=project)
        TensorFlowApi(stack, "Api", cluster=cluster, spec=api_spec(), image=image, model=PINNED, alarms=wrong)

    message = errors(build)
    for part in (
        "alarms.server_errors.threshold: 101 is too high, at most 100",
        "alarms.server_errors.minutes: found 0; allowed: a whole number from 1 to 1440",
        "alarms.server_errors.min_count: found 0; allowed: a whole number, at least 1",
        "alarms.latency.threshold: found nan; allowed: a number, at least 0",
        "alarms.latency.minutes: found 1441; allowed: a whole number from 1 to 1440",
        "alarms.unhealthy_replicas is None, must be True, False or AlarmOptions(...)",
        "alarms.no_load_reports.minutes: found 2.5; allowed: a whole number",
        'alarms.no_load_reports.threshold: found "much"; allowed: a number',
        "alarms.at_max_replicas.min_count: this alarm has no min_count (what it has is threshold, minutes)",
        "alarms.deployment_failed.minutes: this alarm has no minutes (remove it)",
        "alarms.scaler_stopped.threshold: 7 is too high, at most 6",
        "alarms.scaler_errors.threshold: found inf; allowed: a number, at least 0",
    ):
        assert part in message


def test_alarms_of_another_kind(errors):
    def build(stack):
        Cluster(stack, "Cluster", alarms=ApiAlarms())  # type: ignore[arg-type]

    assert "must be True, False or ClusterAlarms(...)" in errors(build)


def test_emails_are_for_the_topic_of_the_cluster(errors):
    def build(stack):
        topic = sns.Topic(stack, "Mine")
        Cluster(stack, "Cluster", alarms=ClusterAlarms(topic=topic, emails=["me@example.com"]))

    assert "alarms.emails: only the cluster's own topic" in errors(build)


@given(
    st.builds(
        AlarmOptions,
        threshold=st.none() | st.floats(),
        minutes=st.none() | st.integers(-3, 2000),
        min_count=st.none() | st.integers(-3, 5),
    )
)
def test_settings_are_always_usable(options):
    """Also those of a wrong app, whose constructs are made before all that is wrong is told."""
    found, problems = settings(ApiAlarms(server_errors=options), API_ALARMS)
    setting = found["server_errors"]
    assert 0 <= setting.threshold <= 100
    assert 1 <= setting.minutes <= 1440
    assert setting.min_count >= 1
    if not problems:
        default = API_ALARMS["server_errors"]
        assert setting.threshold == (default.threshold if options.threshold is None else options.threshold)
        assert setting.minutes == (options.minutes or default.minutes)
