"""The client of AWS's JSON protocols, on real sockets."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.session import Session

from cortex_cdk.scaler import json_client
from cortex_cdk.scaler.json_client import DYNAMODB, ECS, AwsError, JsonClient

OK = (200, {"fine": True})
THROTTLED = (400, {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException:", "message": "slow down"})
WRONG = (400, {"__type": "ValidationException", "Message": "no"})


class Server:
    """Answers each request with the next of ``answers``; an exception hangs up instead, an event waits for it."""

    def __init__(self):
        self.answers = []
        self.asked = []
        self.connections = set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.asked.append((dict(self.headers), json.loads(body)))
                server.connections.add(self.client_address)
                answer = server.answers.pop(0)
                if isinstance(answer, Exception):
                    self.close_connection = True
                    return
                if isinstance(answer, threading.Event):
                    answer.wait(30)
                    self.close_connection = True
                    return
                content = answer[1] if isinstance(answer[1], bytes) else json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(content)))
                if "close" in answer[2:]:  # say so, and hang up
                    self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(content)
                if "hang up" in answer[2:]:  # without having said so
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def server(monkeypatch):
    made = Server()
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    yield made
    made.close()


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def client(server, pauses):
    return JsonClient(DYNAMODB, Session(), sleep=pauses.append, rand=lambda: 1.0)


def test_a_call_is_signed_json(client, server):
    server.answers = [OK]
    assert client.call("Query", {"TableName": "t"}) == {"fine": True}
    ((headers, body),) = server.asked
    assert body == {"TableName": "t"}
    assert headers["X-Amz-Target"] == "DynamoDB_20120810.Query"
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert "AKIDEXAMPLE" in headers["Authorization"]
    assert "/eu-west-1/dynamodb/aws4_request" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "token"


def test_throttling_is_tried_again_after_growing_pauses(client, server, pauses):
    server.answers = [THROTTLED, (500, {}), OK]
    assert client.call("Query", {}) == {"fine": True}
    assert pauses == [0.1, 0.2]


@pytest.mark.parametrize("answer", [THROTTLED, (503, {"__type": "ThrottlingException", "message": "slow down"})])
def test_three_attempts_are_all(client, server, answer):
    server.answers = [answer] * 3
    with pytest.raises(AwsError, match="Query: ThrottlingException: slow down") as caught:
        client.call("Query", {})
    assert caught.value.code == "ThrottlingException"
    assert len(server.asked) == 3


def test_a_refusal_is_final_and_has_its_answer(client, server):
    server.answers = [WRONG]
    with pytest.raises(AwsError, match="Query: ValidationException: no") as caught:
        client.call("Query", {})
    assert caught.value.answer == WRONG[1]


def test_answers_that_are_no_json_are_tried_again(client, server):
    server.answers = [(200, b"<html>"), (502, b"<html>"), OK]
    assert client.call("Query", {}) == {"fine": True}


def test_connections_are_kept(client, server):
    server.answers = [OK] * 5
    for _ in range(5):
        client.call("Query", {})
    assert len(server.connections) == 1


def test_connections_that_the_server_closes_are_not_used_again(client, server, pauses):
    server.answers = [(*OK, "close"), OK]
    for _ in range(2):
        client.call("Query", {})
    assert len(server.connections) == 2
    assert pauses == []  # no attempt was lost on it


def test_kept_connections_that_were_closed_meanwhile_are_replaced(client, server):
    """All of them at once: one after the other would use up the attempts."""
    barrier = threading.Barrier(5)

    def call():
        barrier.wait(30)
        client.call("Query", {})

    server.answers = [(*OK, "hang up")] * 5
    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.answers = [OK]
    assert client.call("Query", {}) == {"fine": True}


def test_a_connection_that_breaks_is_tried_again(client, server):
    server.answers = [ConnectionError(), OK]
    assert client.call("Query", {}) == {"fine": True}


def test_nobody_there(client, server):
    server.close()
    with pytest.raises(AwsError) as caught:
        client.call("Query", {})
    assert caught.value.code == "ConnectionError"


def test_an_answer_that_does_not_come_ends_at_the_deadline(client, server):
    waiting = threading.Event()
    server.answers = [waiting, OK]
    with pytest.raises(AwsError) as caught:
        client.call("Query", {}, deadline=time.monotonic() + 0.2)
    assert caught.value.code == "ConnectionError"
    assert len(server.asked) == 1  # no attempt after the deadline
    waiting.set()


def test_after_the_deadline_nothing_is_asked(client, server):
    with pytest.raises(AwsError) as caught:
        client.call("Query", {}, deadline=time.monotonic() - 1)
    assert caught.value.code == "OutOfTime"
    assert server.asked == []


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-west-1", "https://ecs.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://ecs.cn-north-1.amazonaws.com.cn"),
        ("xx-new-9", "https://ecs.xx-new-9.amazonaws.com"),
    ],
)
def test_endpoints_are_those_of_the_region(monkeypatch, region, url):
    monkeypatch.setenv("AWS_REGION", region)
    assert JsonClient(ECS, Session()).url == url


def test_an_endpoint_of_one_service_alone(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://one:2")
    aws = json_client.connect()
    assert (aws.dynamodb.url, aws.ecs.url, aws.sqs.url) == ("http://one:2", "http://all:1", "http://all:1")


def test_the_region_may_come_from_botocore(monkeypatch):
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(ValueError, match="no region: set AWS_REGION"):
        JsonClient(ECS, Session())
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert "us-west-2" in JsonClient(ECS, Session()).url


def test_without_credentials_it_says_so(server, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(AwsError, match="no credentials"):
        JsonClient(ECS, Session()).call("ListServices", {})
