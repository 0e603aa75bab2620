"""Calls over HTTP/2 to servers that answer as no gRPC library does, and what is sent when."""

import socket
import struct
import subprocess
import sys
import threading

import grpc
import pytest

from cortex_runtime.errors import ModelServerError
from cortex_runtime.tf_serving.channel import Channel
from tests.support.http2_server import (
    DATA,
    END_STREAM,
    GOAWAY,
    RST_STREAM,
    frame,
    good,
    headers,
    message,
)
from tests.support.scripted_model_server import echo

METHOD = "/a.Service/Method"
OK_HEAD = {":status": "200", "content-type": "application/grpc"}


@pytest.fixture
def raw(tmp_path):
    """Starts a server that answers each connection with the same bytes, whatever it is asked, and hangs up."""
    listeners = []

    def start(answer):
        listener = socket.socket(socket.AF_UNIX)
        path = tmp_path / "raw.sock"
        listener.bind(str(path))
        listener.listen()
        listeners.append(listener)

        def run():
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                sock.recv(100_000)
                sock.sendall(answer)
                sock.close()

        threading.Thread(target=run, daemon=True).start()
        return f"unix:{path}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def call(address, request=b"request", *, timeout_s=30.0, wait=True):
    with Channel(address) as channel:
        return channel.call(METHOD, request, timeout_s=timeout_s, wait_for_ready=wait)


def error(address, **options):
    with pytest.raises(ModelServerError) as caught:
        call(address, **options)
    return caught.value.code, str(caught.value)


def test_messages_of_many_sizes_arrive_as_they_are(serve):
    server = serve(lambda stream, body: good(stream, body[5:][::-1]))
    with Channel(server.address) as channel:
        for size in (0, 1, 4, 5, 6, 1000, 16_000):
            request = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
            assert channel.call(METHOD, request, timeout_s=30) == request[::-1]
            assert server.requests[-1] == message(request)
    assert server.connections == 1


def test_an_answer_in_small_pieces(serve):
    def answer(stream, body):
        pieces = [message(b"abc" * 100)[i : i + 3] for i in range(0, 305, 3)]
        frames = b"".join(frame(DATA, 0, stream, piece) for piece in pieces)
        return headers(stream, OK_HEAD) + frames + headers(stream, {"grpc-status": "0"}, end=True)

    assert call(serve(answer).address) == b"abc" * 100


def test_every_thread_has_its_own_connection(serve):
    arrived = threading.Barrier(3)

    def answer(stream, body):
        arrived.wait(30)
        return good(stream, body[5:])

    server = serve(answer)
    channel = Channel(server.address)
    found = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(channel.call(METHOD, bytes([n]), timeout_s=30)))
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(found) == [b"\0", b"\1", b"\2"]
    assert server.connections == 3


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"grpc-status": "3", "grpc-message": "caf%C3%A9 100%25"}, "INVALID_ARGUMENT", "café 100%"),
        ({"grpc-status": "5"}, "NOT_FOUND", "no reason given"),
        ({"grpc-status": "16", "grpc-message": "%FF"}, "UNAUTHENTICATED", "\ufffd"),
        ({"grpc-status": "17"}, "UNKNOWN", "no reason given"),
        ({"grpc-status": "9999999999"}, "UNKNOWN", "no reason given"),
        ({"grpc-status": "-1"}, "UNKNOWN", "no status of gRPC; that of HTTP is 200"),
        ({}, "UNKNOWN", "no status of gRPC; that of HTTP is 200"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_status_and_its_words(serve, fields, code, words, at_once):
    def answer(stream, body):
        if at_once:  # "trailers only"
            return headers(stream, OK_HEAD | fields, end=True)
        if not fields:
            return headers(stream, OK_HEAD) + frame(DATA, END_STREAM, stream)
        return headers(stream, OK_HEAD) + headers(stream, fields, end=True)

    found = error(serve(answer).address)
    assert found[0] == code
    assert words in found[1]


def test_the_codes_are_those_of_grpc(serve):
    for code in grpc.StatusCode:
        number = str(code.value[0])
        server = serve(lambda stream, body, n=number: headers(stream, OK_HEAD | {"grpc-status": n}, end=True))
        if code != grpc.StatusCode.OK:
            assert error(server.address)[0] == code.name


@pytest.mark.parametrize(
    ("status", "code"),
    [("404", "UNIMPLEMENTED"), ("503", "UNAVAILABLE"), ("401", "UNAUTHENTICATED"), ("500", "UNKNOWN")],
)
def test_an_answer_of_something_else_that_speaks_http2(serve, status, code):
    server = serve(lambda stream, body: headers(stream, {":status": status}, end=True))
    assert error(server.address) == (code, f"the answer has no status of gRPC; that of HTTP is {status}")


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "INTERNAL", "empty"),
        (b"\0\0\0", "INTERNAL", "empty"),
        (message(b"abc", length=4), "INTERNAL", "3 bytes instead of 4"),
        (message(b"abc", length=2), "INTERNAL", "longer than its message"),
        (message(b"abc") * 2, "INTERNAL", "longer than its message"),
        (message(b"abc", compressed=1), "UNIMPLEMENTED", "compressed"),
    ],
)
def test_an_answer_that_is_no_message(serve, data, code, words):
    def answer(stream, body):
        frames = frame(DATA, 0, stream, data)
        return headers(stream, OK_HEAD) + frames + headers(stream, {"grpc-status": "0"}, end=True)

    found = error(serve(answer).address)
    assert found[0] == code
    assert words in found[1]


@pytest.mark.parametrize(
    "answer",
    [
        lambda stream, body: None,
        lambda stream, body: headers(stream, OK_HEAD) + frame(DATA, 0, stream, b"\0\0\0") + b"\xff" * 9,
        lambda stream, body: frame(RST_STREAM, 0, stream, struct.pack("!I", 2)),
        lambda stream, body: frame(GOAWAY, 0, 0, struct.pack("!II", stream, 2)),
        lambda stream, body: headers(stream, OK_HEAD) + frame(99, 0, 0) + headers(0, {}, end=True),
    ],
    ids=["hung up", "bytes at random", "reset", "going away", "headers of no stream"],
)
@pytest.mark.parametrize("before", [0, 2], ids=["first call", "third call"])
def test_a_call_that_breaks_is_not_repeated(serve, answer, before):
    """The request may have been what brought the server down."""

    def good_at_first(stream, body):
        return good(stream, body[5:]) if body == message(b"before") else answer(stream, body)

    server = serve(good_at_first)
    with Channel(server.address) as channel:
        for _ in range(before):
            channel.call(METHOD, b"before", timeout_s=30)
        with pytest.raises(ModelServerError) as caught:
            channel.call(METHOD, b"deadly", timeout_s=2, wait_for_ready=True)
        assert caught.value.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), caught.value
        assert server.requests.count(message(b"deadly")) == 1
        assert channel.call(METHOD, b"before", timeout_s=30) == b"before"


@pytest.mark.parametrize("refusal", [(RST_STREAM, "!I", 7), (GOAWAY, "!II", 0, 0)], ids=["refused", "going away"])
def test_a_call_that_the_server_did_not_begin_with_is_repeated(serve, refusal):
    kind, form, *values = refusal

    def refuse_at_first(stream, body):
        if len(server.requests) < 3:
            return frame(kind, 0, stream if kind == RST_STREAM else 0, struct.pack(form, *values))
        return good(stream, b"answer")

    server = serve(refuse_at_first)
    assert call(server.address) == b"answer"
    assert len(server.requests) == 3
    server.requests.clear()
    assert error(server.address, wait=False)[0] == "UNAVAILABLE"


def test_a_connection_that_the_server_closed_is_made_again(serve):
    server = serve(lambda stream, body: good(stream, body[5:]))
    with Channel(server.address) as channel:
        channel.call(METHOD, b"1", timeout_s=30)
        server.hang_up()
        assert channel.call(METHOD, b"2", timeout_s=30) == b"2"
    assert server.connections == 2
    assert server.requests == [message(b"1"), message(b"2")]


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", b"garbage " * 100, b"\0" * 1000],
    ids=["nothing", "HTTP/1.1", "words", "zeros"],
)
def test_what_is_no_http2_is_told_so(raw, answer):
    code, words = error(raw(answer))
    assert code == "UNAVAILABLE"
    assert words


def test_nobody_there(tmp_path):
    code, words = error(f"unix:{tmp_path}/nobody.sock", wait=False)
    assert code == "UNAVAILABLE"
    assert "onnect" in words
    assert error("127.0.0.1:1", wait=False)[0] == "UNAVAILABLE"
    assert error("no-such-host.invalid:80", wait=False)[0] == "UNAVAILABLE"
    assert error(f"unix:{tmp_path}/nobody.sock", timeout_s=0.3)[0] == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize("timeout_s", [100.0, 10.0**6])
def test_the_server_is_told_the_deadline(make_server, make_client, timeout_s):
    server, told = make_server(), []

    def predict(request, context):
        told.append(context.time_remaining())
        return echo(request, context)

    server.predict = predict
    make_client(server, timeout_s=timeout_s).predict({"x": [1]})
    assert timeout_s - 60 < told[0] <= timeout_s


@pytest.mark.parametrize("first", ["tensorflow", "cortex_runtime.tf_serving.client"])
def test_tensorflow_in_the_same_process(make_server, tensorflow_installed, first):
    """It holds libraries of its own, such as protobuf's."""
    server = make_server()
    code = (
        f"import {first}, tensorflow\n"
        "from cortex_runtime.tf_serving.client import TensorFlowClient\n"
        f"print(TensorFlowClient({server.address!r}).predict({{'x': [1.5]}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "{'x': [1.5]}\n", done.stderr


def test_a_proxy_in_the_environment_is_not_asked(serve, monkeypatch):
    server = serve(lambda stream, body: good(stream, body[5:]))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert call(server.address, b"direct") == b"direct"
