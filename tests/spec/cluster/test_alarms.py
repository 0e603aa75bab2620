"""Alarms in cluster.yaml: what each of them has, whom they tell, and those of single APIs."""

from __future__ import annotations

import pytest

from cortex_cdk.spec.cluster import AlarmSpec
from cortex_cdk.spec.cluster.alarm_kinds import API_ALARMS, CLUSTER_ALARMS, api_alarm_kinds

KINDS = {**API_ALARMS, **CLUSTER_ALARMS}
SETTABLE = {"threshold": 1, "minutes": 7, "min_count": 9}
TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call"


@pytest.mark.parametrize("key", SETTABLE)
@pytest.mark.parametrize("name", KINDS)
def test_each_alarm_is_given_what_it_has_and_nothing_else(folder, name, key):
    content = f"alarms: {{{name}: {{{key}: {SETTABLE[key]}}}}}"
    if key in KINDS[name].keys:
        alarms = folder.spec(content).alarms
        assert {**alarms.of_apis, **alarms.of_cluster}[name] == AlarmSpec(**{key: SETTABLE[key]})
        return
    problem = folder.problem(content)
    assert (problem.key, problem.message) == (f"alarms.{name}.{key}", f"this alarm has no {key}")
    assert problem.hint == (f"what it has is {', '.join(KINDS[name].keys)}" if KINDS[name].keys else "remove it")


@pytest.mark.parametrize(
    ("name", "highest"), [("server_errors", 100), ("at_max_replicas", 100), ("no_load_reports", 100)]
)
def test_a_percentage_is_at_most_100(folder, name, highest):
    for place in ("alarms: {%s}", "alarms: {apis: {a: {%s}}}"):
        folder.spec(place % f"{name}: {{threshold: {highest}}}")
        problem = folder.problem(place % f"{name}: {{threshold: {highest}.5}}")
        assert (problem.key or "").endswith(f"{name}.threshold")
        assert problem.message == f"{highest}.5 is too high, at most {highest}"


def test_a_scaler_has_six_ticks_a_minute(folder):
    folder.spec("alarms: {scaler_stopped: {threshold: 6}}")
    assert folder.problem("alarms: {scaler_stopped: {threshold: 7}}").message == "7 is too high, at most 6"
    folder.spec("alarms: {capacity_stuck: {threshold: 199}, latency: {threshold: 1000000}}")


def test_alarms_of_a_cluster_are_not_an_apis(folder):
    for name in CLUSTER_ALARMS:
        problem = folder.problem(f"alarms: {{apis: {{iris: {{{name}: {{}}}}}}}}")
        assert (problem.key, problem.message) == (f"alarms.apis.iris.{name}", "unknown key")
        assert problem.hint == "it belongs in `alarms`; check the indentation"


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("threshold: 5", "it belongs in sections such as `alarms.server_errors`; check the indentation"),
        ("apis: {iris: {minutes: 5}}", "it belongs in sections such as `alarms.apis.server_errors`; check the "),
        ("latency: {emails: []}", "it belongs in `alarms`; check the indentation"),
        ("latency: {treshold: 5}", "did you mean `threshold`?"),
        ("letency: {}", "did you mean `latency`?"),
    ],
)
def test_keys_in_the_wrong_place(folder, content, hint):
    problem = folder.problem(f"alarms: {{{content}}}")
    assert problem.message == "unknown key"
    assert problem.hint.startswith(hint)


def test_emails_are_for_the_topic_of_the_cluster(folder):
    folder.spec(f"alarms: {{emails: [], topic_arn: '{TOPIC}'}}")
    folder.spec(f"alarms: {{emails: [a@b.cd], latency: {{topic_arn: '{TOPIC}'}}}}")
    problem = folder.problem(f"alarms: {{emails: [a@b.cd], topic_arn: '{TOPIC}'}}")
    assert (problem.key, problem.message) == (
        "alarms.emails",
        "only the cluster's own topic can be told whom to tell",
    )


PLACES = ["topic_arn: '%s'", "latency: {topic_arn: '%s'}", "capacity_stuck: {topic_arn: '%s'}"]
PLACES += ["apis: {a.b: {at_max_replicas: {topic_arn: '%s'}}}"]


@pytest.mark.parametrize("place", PLACES)
def test_topics_are_of_the_region(folder, place):
    alarms = f"alarms: {{{place % TOPIC}}}"
    folder.spec(alarms)
    folder.spec(f"{{region: eu-central-1, {alarms}}}")
    problem = folder.problem(f"{{region: us-east-1, {alarms}}}")
    assert (problem.key or "").endswith("topic_arn")
    assert problem.message == "it is of the region eu-central-1, the cluster of us-east-1"


def test_a_single_api_has_the_rest_from_all(folder):
    alarms = folder.spec(f"""\
        alarms:
          server_errors: {{threshold: 2, min_count: 20}}
          latency: {{enabled: false, threshold: 800}}
          at_max_replicas: {{topic_arn: "{TOPIC}"}}
          apis:
            iris:
              server_errors: {{threshold: 9, minutes: 3}}
              latency: {{enabled: true}}
              at_max_replicas: {{enabled: false}}
            text: {{}}
        """).alarms
    everywhere = dict.fromkeys(API_ALARMS, AlarmSpec()) | {
        "server_errors": AlarmSpec(threshold=2, min_count=20),
        "latency": AlarmSpec(enabled=False, threshold=800),
        "at_max_replicas": AlarmSpec(topic_arn=TOPIC),
    }
    assert alarms.of_api("another") == alarms.of_api("text") == everywhere
    assert alarms.of_api("iris") == everywhere | {
        "server_errors": AlarmSpec(threshold=9, minutes=3, min_count=20),
        "latency": AlarmSpec(enabled=True, threshold=800),
        "at_max_replicas": AlarmSpec(enabled=False, topic_arn=TOPIC),
    }
    assert alarms.of_cluster == dict.fromkeys(CLUSTER_ALARMS, AlarmSpec())


NAMED = """\
alarms:
  apis:
    iris: {}
    irsi:
      latency: {threshold: 3}
    "a b": {latency: {treshold: 3}}
"""


def test_apis_are_in_the_other_file(folder):
    spec, problems = folder.check(NAMED, apis=["iris", "text"])
    assert spec is None
    assert [(problem.line, problem.column, problem.key) for problem in problems] == [
        (4, 5, "alarms.apis.irsi"),
        (6, 5, 'alarms.apis["a b"]'),
        (6, 23, 'alarms.apis["a b"].latency.treshold'),
    ]
    for problem in problems[:2]:
        assert problem.message == "there is no API of this name in cortex.yaml"
        assert problem.hint == "there are: iris, text"
    assert folder.check(NAMED.replace("treshold", "threshold"), apis=["iris", "irsi", "a b", "more"])[1] == []


def test_apis_are_not_looked_at_without_the_other_file(folder):
    assert [problem.key for problem in folder.check(NAMED)[1]] == ['alarms.apis["a b"].latency.treshold']


def test_rules_run_whatever_else_is_wrong(folder):
    _, problems = folder.check(
        f"""\
        region: us-east-1
        alarms:
          emails: [a@b.cd, 7]
          topic_arn: "{TOPIC}"
          server_errors: {{threshold: 101, minutes: 0}}
          dead_letters: {{min_count: 0}}
          at_max_replicas: 3
          apis: {{iris: 3, text: {{latency: {{topic_arn: "{TOPIC}", enabled: 1}}}}}}
        """,
        apis=["text"],
    )
    assert [problem.key for problem in problems] == [
        "alarms.emails[1]",
        "alarms.topic_arn",
        "alarms.server_errors.threshold",
        "alarms.server_errors.minutes",
        "alarms.dead_letters.min_count",
        "alarms.at_max_replicas",
        "alarms.apis.iris",
        "alarms.apis.iris",
        "alarms.apis.text.latency.topic_arn",
        "alarms.apis.text.latency.enabled",
    ]


def test_times_follow_from_the_endpoint_and_the_start_up():
    found = api_alarm_kinds(request_s=20, startup_s=61)
    assert (found["latency"].threshold, found["unhealthy_replicas"].minutes) == (10_000, 2)
    assert found["no_load_reports"].minutes == 2
    assert api_alarm_kinds(request_s=20, startup_s=10**6)["no_load_reports"].minutes == 1440
    assert [kind.keys for kind in found.values()] == [kind.keys for kind in API_ALARMS.values()]
