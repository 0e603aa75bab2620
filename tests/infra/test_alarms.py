"""Each alarm as ``cluster.yaml`` sets it: changed, turned off, sent elsewhere, for all APIs and for single ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App

from cortex_cdk.constructs import ApiImage
from cortex_cdk.spec.cluster.alarm_kinds import API_ALARMS, CLUSTER_ALARMS
from cortex_infra import add_stacks
from tests.infra.conftest import cluster, project_of, templates_of
from tests.support.cloud_template import Template, text_of

KINDS = {**API_ALARMS, **CLUSTER_ALARMS}
ALARMS = [name for name in KINDS if name != "deployment_failed"]  # which is an event
CHANGES = {"threshold": 3, "minutes": 7, "min_count": 9}
PAGE = "https://wiki.example.com/on-call"
Templates = dict[str, Template]


def topic_arn(name: str) -> str:
    return f"arn:aws:sns:eu-central-1:123456789012:{name}"


def of_each(*names: str, **keys: Any) -> dict[str, Any]:
    """A section with these keys in each alarm, as far as the alarm has them."""
    return {
        name: {key: v for key, v in keys.items() if key not in CHANGES or key in KINDS[name].keys} for name in names
    }


@pytest.fixture(scope="module")
def plain(folder):
    return templates_of(folder, "one", "two")


@pytest.fixture(scope="module")
def changed(folder):
    return templates_of(folder, "one", "two", alarms=of_each(*KINDS, **CHANGES))


@pytest.fixture(scope="module")
def off(folder):
    return templates_of(folder, "one", alarms=of_each(*KINDS, enabled=False))


@pytest.fixture(scope="module")
def sent(folder):
    return templates_of(folder, "one", alarms={name: {"topic_arn": topic_arn(name)} for name in KINDS})


@pytest.fixture(scope="module")
def given(folder):
    """With a topic of the user's, and what else there is to say where alarms go."""
    alarms = {
        "topic_arn": topic_arn("on-call"),
        "operations_page": PAGE,
        "latency": {"threshold": 800, "minutes": 4},
        "at_max_replicas": {"enabled": False},
        "server_errors": {"topic_arn": topic_arn("errors")},
        "apis": {
            "one": {
                "latency": {"threshold": 2000, "topic_arn": topic_arn("slow")},
                "at_max_replicas": {"enabled": True},
                "no_load_reports": {"enabled": False},
            }
        },
    }
    return templates_of(folder, "one", "two", alarms=alarms)


def alarms_of(template: Template) -> dict[str, dict[str, Any]]:
    """Those that tell people, by the end of their logical ids."""
    found = {id: r["Properties"] for id, r in template.resources.items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    return {id.partition("MonitoringAlarms")[2][:-8]: alarm for id, alarm in found.items() if "MonitoringAlarms" in id}


def alarm(templates: Templates, name: str, api: str = "one") -> dict[str, Any] | None:
    stack = f"cortex-{api}" if name in API_ALARMS else "cortex"
    id = name.title().replace("_", "") + ("default" if name == "capacity_stuck" else "")
    return alarms_of(templates[stack]).get(id)


def targets(template: Template) -> list[Any]:
    """Where the news of failed deployments go."""
    rules = [rule for rule in template.all("Events::Rule") if rule.get("EventPattern", {}).get("source") == ["aws.ecs"]]
    return [target["Arn"] for rule in rules for target in rule["Targets"]]


@pytest.mark.parametrize("name", ALARMS)
def test_each_is_changed(plain, changed, name):
    before, after = alarm(plain, name), alarm(changed, name)
    assert before is not None
    assert after is not None
    assert after["Threshold"] == 3 != before["Threshold"]
    has = KINDS[name].keys
    text = json.dumps(after)
    if name == "server_errors":
        periods = {query["MetricStat"]["Period"] for query in after["Metrics"] if "MetricStat" in query}
        assert (after["EvaluationPeriods"], periods) == (1, {7 * 60})
    else:
        assert after["EvaluationPeriods"] == (7 if "minutes" in has else 1)
    assert (">= 9" in text) == ("min_count" in has)
    assert alarm(changed, name, "two") == after if name in CLUSTER_ALARMS else alarm(changed, name, "two") is not None


@pytest.mark.parametrize("name", ALARMS)
def test_each_is_turned_off(plain, off, name):
    assert alarm(plain, name) is not None
    assert alarm(off, name) is None


@pytest.mark.parametrize("name", ALARMS)
def test_each_is_sent_elsewhere(plain, sent, name):
    before, after = alarm(plain, name), alarm(sent, name)
    assert before is not None
    assert after is not None
    assert after["AlarmActions"] == after["OKActions"] == [topic_arn(name)]
    assert before["AlarmActions"] != after["AlarmActions"]
    assert {**after, "AlarmActions": 0, "OKActions": 0} == {**before, "AlarmActions": 0, "OKActions": 0}


def test_news_of_failed_deployments(plain, off, sent):
    assert len(targets(plain["cortex-one"])) == 1
    assert targets(off["cortex-one"]) == []
    assert targets(sent["cortex-one"]) == [topic_arn("deployment_failed")]


def test_one_that_is_off_leaves_the_others(folder, plain):
    found = templates_of(folder, "one", alarms={"latency": {"enabled": False}, "dead_letters": {"enabled": False}})
    for stack, gone in (("cortex-one", {"Latency"}), ("cortex", {"DeadLetters"})):
        assert alarms_of(plain[stack]).keys() - alarms_of(found[stack]).keys() == gone


def test_none_at_all(folder):
    templates = templates_of(folder, "one", alarms={"enabled": False, "apis": {"one": {"latency": {"enabled": True}}}})
    for template in templates.values():
        assert alarms_of(template) == {}
        assert targets(template) == []
    for kind in ("SNS::Topic", "SNS::TopicPolicy", "KMS::Key"):
        assert templates["cortex"].all(kind) == []
    # The one that takes a deployment back is the deployment's.
    assert len(templates["cortex-one"].all("CloudWatch::Alarm")) == 1


def test_a_topic_of_the_users(given):
    for kind in ("SNS::Topic", "SNS::TopicPolicy", "SNS::Subscription", "KMS::Key"):
        for template in given.values():
            assert template.all(kind) == []
    own = {"Latency": "slow", "ServerErrors": "errors"}
    for stack, template in given.items():
        for name, found in alarms_of(template).items():
            elsewhere = own.get(name) if stack == "cortex-one" or name == "ServerErrors" else None
            assert found["AlarmActions"] == [topic_arn(elsewhere or "on-call")], (stack, name)
    assert targets(given["cortex-two"]) == [topic_arn("on-call")]
    assert "on-call" not in json.dumps(given["cortex"].document["Outputs"])


def test_a_single_api(given):
    one, two = alarms_of(given["cortex-one"]), alarms_of(given["cortex-two"])
    assert (one["Latency"]["Threshold"], two["Latency"]["Threshold"]) == (2000, 800)
    assert one["Latency"]["EvaluationPeriods"] == two["Latency"]["EvaluationPeriods"] == 4
    assert one.keys() - two.keys() == {"AtMaxReplicas"}
    assert two.keys() - one.keys() == {"NoLoadReports"}


def test_where_it_is_written_what_to_do(given):
    described = [found["AlarmDescription"] for template in given.values() for found in alarms_of(template).values()]
    assert len(described) == 12
    for text in described:
        assert f"What to do: {PAGE}#" in text_of(text)
    for template in given.values():
        assert PAGE in text_of(template.one("CloudWatch::Dashboard")["DashboardBody"])


def test_alarms_of_apis_do_not_change_the_cluster(folder, plain):
    alarms: dict[str, Any] = of_each(*API_ALARMS, enabled=False, topic_arn=topic_arn("on-call"))
    alarms["apis"] = {"one": of_each(*API_ALARMS, enabled=True, **CHANGES)}
    found = templates_of(folder, "one", "two", alarms=alarms)
    assert found["cortex"].document == plain["cortex"].document
    assert alarms_of(found["cortex-one"]).keys() == alarms_of(plain["cortex-one"]).keys()
    assert alarms_of(found["cortex-two"]) == {}


def test_no_replica_is_restarted(plain, changed, off, sent, given):
    for kind in ("ECS::Service", "ECS::TaskDefinition"):
        expected = plain["cortex-one"].one(kind)
        for templates in (changed, off, sent, given):
            assert templates["cortex-one"].one(kind) == expected


def test_apis_import_only_what_the_cluster_exports(off, sent, given):
    """Without the cluster's own topic, none of them waits for it."""
    for templates in (off, sent, given):
        assert "Topic" not in "".join(imports(templates["cortex-one"]))
        exported = {
            found["Export"]["Name"] for found in templates["cortex"].document["Outputs"].values() if "Export" in found
        }
        assert {*imports(templates["cortex-one"])} <= exported


def imports(template: Template) -> list[str]:
    return [part.split('"')[0] for part in json.dumps(template.document).split('"Fn::ImportValue": "')[1:]]


def test_what_an_app_says_itself_wins(folder):
    app = App()
    options = {"image": ApiImage(project=folder), "alarms": False}
    add_stacks(app, project_of(folder, "one"), cluster(alarms={"latency": {"threshold": 800}}), api=options)
    (template,) = [Template(stack.template) for stack in app.synth().stacks if stack.stack_name == "cortex-one"]
    assert alarms_of(template) == {}
