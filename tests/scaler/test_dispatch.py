"""Ticks out of minutes, and the Lambda's events."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.scaler import dispatch, handler
from cortex_cdk.scaler.json_client import AwsError
from cortex_cdk.scaler.settings import Settings, SettingsError
from tests.support import embedded_metrics
from tests.support.aws import QUEUE_URL, FakeAws


@given(st.floats(0, 4e9))
def test_ticks_are_due_five_seconds_after_each_bucket(now):
    due = dispatch.due_times(now)
    assert len(due) == 6
    assert all(time % 10 == 5 for time in due)
    assert now <= due[0] < now + 10
    assert [later - earlier for earlier, later in itertools.pairwise(due)] == [10] * 5


@given(st.lists(st.floats(0, 4.9), min_size=2, max_size=10))
def test_a_schedule_that_is_a_little_late_leaves_no_tick_out_and_sends_none_twice(late):
    due = [time for minute, delay in enumerate(late) for time in dispatch.due_times(1_000_020 + 60 * minute + delay)]
    assert due == list(range(due[0], due[0] + 10 * len(due), 10))


def test_messages_are_delayed_until_they_are_due():
    fake = FakeAws()
    dispatch.send(fake, QUEUE_URL, 1_000_001.2)
    assert [message["DelaySeconds"] for message in fake.messages] == [4, 14, 24, 34, 44, 54]
    assert [json.loads(message["MessageBody"]) for message in fake.messages] == [
        {"due": 1_000_005 + 10 * number} for number in range(6)
    ]


@pytest.mark.parametrize("times", [1, 2])
def test_messages_that_the_queue_did_not_take_are_sent_once_more(monkeypatch, times):
    fake = FakeAws()
    refused = []

    def refuse_third(request):
        third = [entry for entry in request["Entries"] if entry["Id"].endswith("25")]
        fake.messages += [entry for entry in request["Entries"] if entry not in third or len(refused) == times]
        failed = third if len(refused) < times else []
        refused.extend(failed)
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in failed]}

    monkeypatch.setattr(fake, "_SendMessageBatch", refuse_third)
    if times == 1:
        dispatch.send(fake, QUEUE_URL, 1_000_001.0)
        assert len(fake.messages) == 6
    else:
        with pytest.raises(AwsError, match="1 ticks not sent"):
            dispatch.send(fake, QUEUE_URL, 1_000_001.0)


@pytest.mark.parametrize(
    ("body", "stale"),
    [('{"due": 1000}', True), ('{"due": 1090}', False), ('{"due": "x"}', False), ("{", False), ("[]", False)],
)
def test_stale_ticks_are_told_by_their_age(body, stale):
    assert dispatch.is_stale(body, 1100.0) is stale


# The handler


@pytest.fixture
def lambda_(monkeypatch, world):
    """The handler with the cluster in memory behind it."""
    for name, value in {"CLUSTER": "cluster", "TABLE": "table", "QUEUE_URL": QUEUE_URL}.items():
        monkeypatch.setenv(f"CORTEX_{name}", value)
    monkeypatch.setattr(handler, "connect", lambda: world.fake.aws)
    monkeypatch.setattr(handler, "_scaler", None)
    monkeypatch.setattr(handler.time, "time", lambda: world.now)
    yield handler.handler
    if handler._scaler is not None:
        handler._scaler.close()


def sqs(*bodies):
    return {"Records": [{"messageId": str(n), "body": body, "eventSource": "aws:sqs"} for n, body in enumerate(bodies)]}


def test_a_schedule_is_dispatched(lambda_, world):
    assert lambda_({"source": "aws.events", "detail-type": "Scheduled Event"}, None) == {}
    assert len(world.fake.messages) == 6


def test_a_message_is_a_tick(lambda_, world, capsys):
    world.fake.add_service("iris", desired=0)
    body = json.dumps({"due": world.now})
    assert lambda_(sqs(body), None) == {"batchItemFailures": []}
    assert lambda_(sqs(body), None) == {"batchItemFailures": []}
    assert world.fake.desired("iris") == 1
    lines = [embedded_metrics.check(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("Api") for line in lines] == ["iris", None]


def test_messages_of_long_ago_are_left_out(lambda_, world):
    world.fake.add_service("iris")
    lambda_(sqs(json.dumps({"due": world.now - 60}), json.dumps({"due": world.now - 50})), None)
    assert world.fake.calls == []
    lambda_(sqs(json.dumps({"due": world.now - 60}), json.dumps({"due": world.now})), None)
    assert len(world.fake.called("ListServices")) == 1


def test_a_message_that_comes_again_is_never_too_late(lambda_, world):
    world.fake.add_service("iris")
    late = sqs(json.dumps({"due": world.now - 120}))
    for deliveries, ticks in (("1", 0), ("2", 1)):
        late["Records"][0]["attributes"] = {"ApproximateReceiveCount": deliveries}
        assert lambda_(late, None) == {"batchItemFailures": []}
        assert len(world.fake.called("ListServices")) == ticks


def test_after_an_error_that_nobody_thought_of_messages_come_again(lambda_, world, capsys, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("nobody thought of it")

    monkeypatch.setattr("cortex_cdk.scaler.tick.services.find", broken)
    answer = lambda_(sqs("{}", "{}"), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}, {"itemIdentifier": "1"}]}
    (line,) = capsys.readouterr().out.splitlines()
    document = embedded_metrics.check(line)
    assert (document["level"], document["Errors"]) == ("error", 1)
    assert "nobody thought of it" in document["message"]
    assert "Traceback" in document["traceback"]


def test_a_fault_of_aws_brings_no_message_again(lambda_, world, capsys):
    world.fake.faults = [lambda operation, request: AwsError(operation, "Down", "")]
    assert lambda_(sqs("{}"), None) == {"batchItemFailures": []}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"CORTEX_CLUSTER": ""}, "CORTEX_CLUSTER is not set"),
        ({"CORTEX_TABLE": ""}, "CORTEX_TABLE is not set"),
        ({"CORTEX_UPDATES_PER_TICK": "0"}, "CORTEX_UPDATES_PER_TICK is '0'"),
        ({"CORTEX_UPDATES_PER_TICK": "many"}, "CORTEX_UPDATES_PER_TICK is 'many'"),
    ],
)
def test_settings_that_are_missing_or_wrong_are_named(changed, named):
    with pytest.raises(SettingsError, match=named):
        Settings.of_environment({"CORTEX_CLUSTER": "c", "CORTEX_TABLE": "t"} | changed)


def test_settings():
    found = Settings.of_environment({"CORTEX_CLUSTER": "arn:aws:ecs:r:0:cluster/c", "CORTEX_TABLE": "t"})
    assert (found.cluster_name, found.namespace, found.queue_url, found.updates_a_tick) == ("c", "Cortex", None, 40)


def test_without_a_queue_nothing_can_be_dispatched(lambda_, monkeypatch):
    monkeypatch.delenv("CORTEX_QUEUE_URL")
    with pytest.raises(SettingsError, match="CORTEX_QUEUE_URL"):
        lambda_({}, None)
