"""From the schedule to the service's count, through real clients and a server of AWS's protocols.

The server keeps a service's deployment configuration only when the service is updated, and no time of its creation.
"""

import json
import threading
import time

import pytest

from cortex_cdk.autoscaling import Policy
from cortex_cdk.scaler import handler
from cortex_cdk.scaler.json_client import connect
from cortex_cdk.scaler.service_tags import Strategy, tags_of
from cortex_cdk.scaler.settings import Settings
from cortex_cdk.scaler.tick import Result, Scaler
from cortex_runtime.aws_sink import item_of
from cortex_runtime.load import LoadReport
from tests.support import embedded_metrics
from tests.support.aws_server import aws_server


@pytest.fixture(scope="module")
def server():
    with aws_server() as made:
        yield made


@pytest.fixture
def cluster(server, monkeypatch):
    """A cluster with the service ``iris``, an empty table and queue, and the environment that leads there."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    table = server.create_table()
    ecs = server.client("ecs")
    ecs.create_cluster(clusterName=table)
    ecs.register_task_definition(family="iris", containerDefinitions=[{"name": "x", "image": "x", "memory": 10}])
    tags = tags_of(Policy(window_s=10, max_replicas=9), Strategy(), "iris")
    ecs.create_service(
        cluster=table,
        serviceName="iris",
        taskDefinition="iris",
        desiredCount=2,
        tags=[{"key": key, "value": value} for key, value in tags.items()],
    )
    queue_url = server.client("sqs").create_queue(QueueName=table)["QueueUrl"]
    for name, value in {"CLUSTER": table, "TABLE": table, "QUEUE_URL": queue_url}.items():
        monkeypatch.setenv(f"CORTEX_{name}", value)
    monkeypatch.setattr(handler, "_scaler", None)
    yield table
    if handler._scaler is not None:
        handler._scaler.close()


def report(server, table, in_flight, replica, *, now):
    """A report as the runtime writes it."""
    made = LoadReport(
        api="iris",
        replica=replica,
        bucket=int((now - 10) // 10) * 10,
        seconds=10.0,
        in_flight=in_flight,
        in_flight_peak=9,
        requests={},
        queued=0.5,
        arrived=30,
        served=29,
    )
    server.client("dynamodb").put_item(TableName=table, Item=item_of(made))


def service(server, cluster):
    return server.client("ecs").describe_services(cluster=cluster, services=["iris"])["services"][0]


def scaler(cluster, now, lines):
    settings = Settings(cluster=cluster, table=cluster, threads=2)
    return Scaler(settings, connect(), clock=lambda: now, write=lines.append)


def test_the_schedule_sends_ticks_to_the_queue(server, cluster):
    began = time.time()
    assert handler.handler({"source": "aws.events"}, None) == {}
    attributes = server.client("sqs").get_queue_attributes(
        QueueUrl=handler.os.environ["CORTEX_QUEUE_URL"], AttributeNames=["All"]
    )["Attributes"]
    waiting = int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesDelayed"])
    assert waiting == 6
    assert time.time() - began < 60


def test_what_replicas_write_scales_the_service(server, cluster, capsys):
    now = time.time()
    for replica in ("a", "b"):
        report(server, cluster, 3.2, replica, now=now)
    lines = []
    assert scaler(cluster, now, lines).tick() == {Result.UPDATED: 1}
    assert service(server, cluster)["desiredCount"] == 7
    assert service(server, cluster)["deploymentConfiguration"] == {"maximumPercent": 129, "minimumHealthyPercent": 85}
    decision, summary = (embedded_metrics.check(line) for line in lines)
    assert decision["InFlightTotal"] == 6.4
    assert (decision["result"], decision["reports"]) == ("updated", 2)
    assert summary["Errors"] == 0
    assert scaler(cluster, now + 0.1, lines).tick() == {Result.DECIDED_BEFORE: 1}


def test_a_message_from_the_queue_is_a_tick(server, cluster, capsys):
    event = {"Records": [{"messageId": "1", "body": json.dumps({"due": time.time()})}]}
    assert handler.handler(event, None) == {"batchItemFailures": []}
    state = next(item for item in server.items(cluster) if item["pk"]["S"] == "scaler#iris")
    assert state["desired"] == {"N": "2"}
    assert capsys.readouterr().out.count("\n") == 2


def test_of_ticks_at_once_one_decides(server, cluster):
    now = time.time()
    report(server, cluster, 8.0, "a", now=now)
    results, lines = [], []
    threads = [threading.Thread(target=lambda: results.append(scaler(cluster, now, lines).tick())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(next(iter(result)) for result in results) == [Result.DECIDED_BEFORE] * 5 + [Result.UPDATED]
    assert service(server, cluster)["desiredCount"] == 8


def test_ticks_go_on_from_the_history_of_the_one_before(server, cluster):
    now, lines = time.time(), []
    for tick in range(3):
        report(server, cluster, [4.0, 8.0, 1.0][tick], "a", now=now + 10 * tick)
        scaler(cluster, now + 10 * tick, lines).tick()
    assert service(server, cluster)["desiredCount"] == 8
    decision = json.loads(lines[-2])
    assert decision["held_by"] == "downscale_stabilization"
