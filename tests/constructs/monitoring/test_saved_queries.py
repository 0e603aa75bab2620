"""Saved queries: the lines that replicas and the scaler really log have the fields that they ask for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cortex_cdk.autoscaling import Policy
from cortex_cdk.constructs.saved_queries import OF_REPLICAS, OF_SCALER
from cortex_cdk.scaler import handler
from cortex_runtime.tf_serving import messages
from tests.support.aws import fails
from tests.support.replica import running, wait_until
from tests.support.scripted_model_server import ScriptedModelServer, signature_def

FLOAT = messages.DataType.Value("DT_FLOAT")
MADE_BY_INSIGHTS = {"@timestamp", "@logStream"}
PREDICTOR = """
import warnings


class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        pass

    def predict(self, payload):
        if payload:
            raise RuntimeError("as asked")
        warnings.warn("be warned")
        return payload
"""


@pytest.fixture(scope="module")
def replica_lines(tmp_path_factory):
    """What a real replica writes that answers, fails, warns, and cannot write its load reports."""
    server = ScriptedModelServer("127.0.0.1:0", {"predict": signature_def({"x": (FLOAT, (-1,))}, {"y": (FLOAT, None)})})
    server.start()
    environment = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "a",
    }
    reporting = {"table": "t", "cluster": "c"}
    folder = tmp_path_factory.mktemp("replica")
    try:
        with running(
            folder, server.address, predictor=PREDICTOR, environment=environment, reporting=reporting
        ) as replica:
            assert replica.post(0).status == 200
            assert replica.post(1, x_request_id="broken").status == 500
            wait_until(lambda: replica.log_records(request_id="broken", status=500), "the failed request's record")
            wait_until(lambda: replica.log_records(message="load report"), "a load report")
            return replica.log_records()
    finally:
        server.stop()


@pytest.fixture
def scaler_lines(ticks, monkeypatch, capsys):
    """What the scaler writes that changes counts, holds them, fails, and breaks."""
    ticks.fake.add_service("grows", Policy(max_replicas=2))
    ticks.fake.add_service("wrong", tags={"cortex:api": "wrong", "cortex:window_s": "x"})
    ticks.fake.add_service("blocked")
    ticks.fake.faults = [fails("UpdateService", when=lambda request: request["service"].endswith("blocked"))]
    ticks.minutes(2, grows=9.0, blocked=9.0)

    def broken(settings):
        raise RuntimeError("nobody has thought of it")

    monkeypatch.setattr(handler, "_of_process", broken)
    monkeypatch.setenv("CORTEX_CLUSTER", "cluster")
    monkeypatch.setenv("CORTEX_TABLE", "table")
    handler.tick({"Records": [{"messageId": "1", "body": "{}"}]}, None)
    return [*ticks.lines, json.loads(capsys.readouterr().out)]


class Absent:
    """A field that a line does not have; compared with anything, it is not as asked."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]

    def __ge__(self, other: object) -> bool:
        return False


def fields_of(query: str) -> set[str]:
    """The fields that a query reads; ``as`` names what it makes, ``limit`` takes a number."""
    commands = [command.split(" ", 1) for command in query.split("\n| ")]
    made = {name for _, rest in commands for name in re.findall(r" as (\w+)", rest)}
    words: set[str] = set()
    for command, rest in commands:
        assert command in {"fields", "filter", "stats", "sort", "limit"}
        text = re.sub(r"'[^']*'| as \w+|bin\(\w+\)|\b(?:by|desc|asc|and|in)\b|\b\w+(?=\()", " ", rest)
        words |= {*re.findall(r"@?[A-Za-z_]\w*", text)}
    return words - made


def matches(query: str, line: dict[str, Any]) -> bool:
    """Whether a line passes the filter of a query."""
    (condition,) = re.findall(r"^(?:\| )?filter (.*)$", query, re.MULTILINE)
    condition = re.sub(r"'put the [^']*'", "EXAMPLE", condition).replace(" = ", " == ")
    names = dict.fromkeys(fields_of(query) - MADE_BY_INSIGHTS, Absent()) | line
    names |= {"ispresent": lambda value: not isinstance(value, Absent), "EXAMPLE": "broken", "__builtins__": {}}
    return bool(eval(condition, names))  # its syntax is Python's


def saved(deployed, stack):
    return {q["Name"].rpartition("/")[2]: q for q in deployed.all(stack, "Logs::QueryDefinition").values()}


def test_which_there_are(deployed):
    for stack, queries, folder in (("plain", OF_REPLICAS, "cluster/plain"), ("cluster", OF_SCALER, "cluster/scaler")):
        found = saved(deployed, stack)
        assert found.keys() == queries.keys()
        assert {query["Name"].rpartition("/")[0] for query in found.values()} == {folder}
    assert saved(deployed, "off") == {}


def test_they_read_the_right_log(deployed):
    containers = next(iter(deployed.all("plain", "ECS::TaskDefinition").values()))["ContainerDefinitions"]
    (log,) = {container["LogConfiguration"]["Options"]["awslogs-group"] for container in containers}
    assert {name for query in saved(deployed, "plain").values() for name in query["LogGroupNames"]} == {log}
    (log,) = {f["LoggingConfig"]["LogGroup"] for f in deployed.all("cluster", "Lambda::Function").values()}
    assert {name for query in saved(deployed, "cluster").values() for name in query["LogGroupNames"]} == {log}


@pytest.mark.parametrize("name", OF_REPLICAS)
def test_lines_of_replicas(deployed, replica_lines, name):
    query = saved(deployed, "plain")[name]["QueryString"]
    found = [line for line in replica_lines if matches(query, line)]
    assert found
    assert fields_of(query) - MADE_BY_INSIGHTS <= {field for line in found for field in line}


@pytest.mark.parametrize("name", OF_SCALER)
def test_lines_of_the_scaler(deployed, scaler_lines, name):
    query = saved(deployed, "cluster")[name]["QueryString"].replace("put the name of the API here", "grows")
    found = [line for line in scaler_lines if matches(query, line)]
    assert found
    assert fields_of(query) - MADE_BY_INSIGHTS <= {field for line in found for field in line}
