"""The HTTP/2 connection beside a server of another make, and with frames that few servers send."""

import gc
import random
import socket
import struct
import threading
import time
import weakref
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from h2.settings import SettingCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_runtime.tf_serving import http2
from cortex_runtime.tf_serving.http2 import BrokenError, DeadlineError, Http2Connection, NotSentError
from cortex_runtime.tf_serving.http2_frames import compress, frame
from tests.support.h2_server import H2Server
from tests.support.http2_server import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Http2Server,
    headers,
)

HEADER = compress(((":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")))
OK = {":status": "200"}
END = {"grpc-status": "0"}


@pytest.fixture
def h2_server(tmp_path):
    servers = []

    def start(**options):
        servers.append(H2Server(tmp_path / f"h2-{len(servers)}.sock", **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
        assert not server.violations


@pytest.fixture
def connect():
    connections = []

    def make(server):
        connections.append(Http2Connection(server.address))
        return connections[-1]

    yield make
    for connection in connections:
        connection.close()


def ask(connection, body, *, timeout_s=30.0):
    """The answer's body and the fields of its last block."""
    parts = []
    blocks = connection.request(HEADER, body, timeout_s=timeout_s, received=parts.append)
    return b"".join(parts), blocks[-1]


def some(size):
    return random.Random(size).randbytes(size)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 300_000), min_size=1, max_size=4),
    window=st.integers(1, 70_000) | st.integers(65_535, 2**31 - 1),
    max_frame=st.sampled_from([16_384, 16_385, 100_000, 2**24 - 1]),
    padding=st.none() | st.integers(0, 255),
    part=st.integers(1000, 16_384),
    own_window=st.sampled_from([65_536, 70_000, 100_000, 2**31 - 1]),
    queued=st.sampled_from([1, 1000, 50_000, 4_194_304]),
)
def test_bodies_of_any_size_through_windows_of_any_size(sizes, window, max_frame, padding, part, own_window, queued):
    if min(window, queued) < 1000:
        sizes = [1 + size % 300 for size in sizes]  # a round trip for each byte
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(http2, "WINDOW", own_window)
        patch.setattr(http2, "QUEUED_BYTES", queued)
        options = {"window": window, "max_frame": max_frame, "padding": padding, "part": part}
        server = H2Server(Path(folder) / "h2.sock", **options)
        connection = Http2Connection(server.address)
        try:
            for size in (1, *sizes):  # h2 takes less than a first window only after its settings have been seen
                assert ask(connection, some(size)) == (some(size), {b"grpc-status": b"0"})
        finally:
            connection.close()
            server.stop()
            assert not server.violations
        assert server.connections == 1


def test_a_server_that_makes_its_window_smaller_on_the_way(h2_server, connect):
    """The window of a stream may be below zero then."""

    def smaller(connection, stream):
        connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 10})

    connection = connect(h2_server(before=smaller))
    for size in (100_000, 3000, 3000):
        assert ask(connection, some(size))[0] == some(size)


def test_pings_are_answered(h2_server, connect):
    server = h2_server(before=lambda connection, stream: connection.ping(b"%8d" % stream))
    connection = connect(server)
    for _ in range(3):
        ask(connection, b"body")
    assert server.acknowledged[:2] == [b"       1", b"       3"]


def test_interim_answers_and_farewells(h2_server, connect):
    """Going away, a server ends what it has begun; for the next request there is a new connection."""

    def early(connection, stream):
        connection.send_headers(stream, [(":status", "103")])
        if stream == 3:
            connection.close_connection(last_stream_id=3)
            # h2 sends nothing more on a connection that it has said to be closed
            connection.state_machine.state = type(connection.state_machine.state).CLIENT_OPEN

    server = h2_server(before=early)
    connection = connect(server)
    for body in (b"1", b"2", b"3"):
        assert ask(connection, body)[0] == body
    assert server.connections == 2


def test_a_request_that_the_server_did_not_begin_with_can_be_sent_again(serve, connect):
    answers = iter([frame(GOAWAY, 0, 0, struct.pack("!II", 1, 0)), headers(1, OK, end=True)])
    server = serve(lambda stream, body: headers(stream, OK, end=True) if body == b"first" else next(answers))
    connection = connect(server)
    ask(connection, b"first")
    with pytest.raises(NotSentError, match="going away"):
        ask(connection, b"second")
    ask(connection, b"second")
    assert server.connections == 2


def test_a_refused_request_can_be_sent_again_and_the_connection_stays(serve, connect):
    refused = [True]

    def answer(stream, body):
        if refused.pop() if refused else False:
            return frame(RST_STREAM, 0, stream, struct.pack("!I", 7)) + frame(PING, 0, 0, b"12345678")
        return headers(stream, OK, end=True)

    server = serve(answer)
    connection = connect(server)
    with pytest.raises(NotSentError, match="refused"):
        ask(connection, b"body")
    assert ask(connection, b"body") == (b"", {b":status": b"200"})
    assert server.connections == 1


def test_a_block_of_a_table_that_the_server_keeps_is_read_anew(serve, connect):
    """Equal bytes mean something else when the table has changed."""
    put, first_of_table = b"\x40\x0bgrpc-status\x01", b"\xbe"
    blocks = {1: put + b"5", 3: first_of_table, 5: put + b"7", 7: first_of_table}
    server = serve(lambda stream, body: frame(HEADERS, END_HEADERS | END_STREAM, stream, blocks[stream]))
    connection = connect(server)
    found = [ask(connection, b"body")[1][b"grpc-status"] for _ in blocks]
    assert found == [b"5", b"5", b"7", b"7"]


def test_header_blocks_in_parts_with_padding_and_priority(serve, connect):
    block = headers(1, OK | {"x": "y" * 100})[9:]

    def answer(stream, body):
        first = bytes([3]) + bytes(5) + block[:10] + bytes(3)
        return (
            frame(HEADERS, 0x8 | 0x20 | END_STREAM, stream, first)
            + frame(CONTINUATION, 0, stream, block[10:20])
            + frame(CONTINUATION, END_HEADERS, stream, block[20:])
        )

    connection = connect(serve(answer))
    for _ in range(2):
        assert ask(connection, b"body") == (b"", {b":status": b"200", b"x": b"y" * 100})


HEAD = headers(1, OK)
LARGE = b"\x40\x01a\x7f\x81\x1f" + b"b" * 4096  # goes into the table
VIOLATIONS = {
    "a frame that is too large": frame(DATA, 0, 1, bytes(16_385)),
    "something pushed": frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4)),
    "an end of no header": frame(CONTINUATION, END_HEADERS, 1, b""),
    "a header that is interrupted": frame(HEADERS, 0, 1, HEAD[9:]) + frame(PING, 0, 0, bytes(8)),
    "a header that another one ends": frame(HEADERS, 0, 1, HEAD[9:]) + frame(CONTINUATION, END_HEADERS, 3, b""),
    "a header without an end": frame(HEADERS, 0, 1, b"") + frame(CONTINUATION, 0, 1, bytes(16_000)) * 5,
    "a header that cannot be read": frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff"),
    "more header than there may be": frame(HEADERS, END_HEADERS, 1, LARGE + b"\xbe" * 60),
    "content before a header": frame(DATA, 0, 1, b"content"),
    "content of no request": HEAD + frame(DATA, 0, 0, b"content"),
    "content of a later request": HEAD + frame(DATA, 0, 3, b"content"),
    "content of a request of its own": HEAD + frame(DATA, 0, 2, b"content"),
    "more padding than content": HEAD + frame(DATA, 0x8, 1, b"\x05abcd"),
    "settings that are cut off": frame(SETTINGS, 0, 0, bytes(7)),
    "a window without a size": frame(WINDOW_UPDATE, 0, 0, b"12"),
    "a reset without a reason": frame(RST_STREAM, 0, 1, b"12"),
    "a farewell without a last request": frame(GOAWAY, 0, 0, b"12"),
    "a reset": frame(RST_STREAM, 0, 1, struct.pack("!I", 2)),
}  # fmt: skip


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_what_a_server_must_not_send(serve, connect, violation):
    server = serve(lambda stream, body: VIOLATIONS[violation] if body == b"bad" else headers(stream, OK, end=True))
    connection = connect(server)
    with pytest.raises(BrokenError):
        ask(connection, b"bad")
    assert ask(connection, b"good") == (b"", {b":status": b"200"})


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.builds(
            frame,
            st.integers(0, 10),
            st.integers(0, 255),
            st.sampled_from([0, 1, 1, 2, 3, 2**31 + 1]),
            st.binary(max_size=30) | st.sampled_from([HEAD[9:], b"\0\0\0\1", bytes(8)]),
        ),
        max_size=8,
    )
)
def test_frames_at_random(frames):
    """They are an error, and the next request gets its own answer."""
    no_frame = b"\xff" * 9
    bad = [frame(SETTINGS, 0, 0, b""), *frames, no_frame]
    with TemporaryDirectory() as folder:
        server = Http2Server(
            Path(folder) / "any.sock",
            lambda stream, body: b"".join(bad) if body == b"bad" else headers(stream, END, end=True),
        )
        connection = Http2Connection(server.address)
        try:
            with pytest.raises((BrokenError, NotSentError)):
                ask(connection, b"bad")
            assert ask(connection, b"good") == (b"", {b"grpc-status": b"0"})
        finally:
            connection.close()
            server.stop()


def test_the_server_is_told_when_a_request_is_given_up(h2_server, connect):
    server = h2_server()
    server.before = lambda connection, stream: setattr(server, "part", 0 if stream == 1 else 1000)  # it never ends
    connection = connect(server)
    with pytest.raises(DeadlineError):
        ask(connection, b"first", timeout_s=0.5)
    assert ask(connection, b"second")[0] == b"second"
    assert server.resets == [8]
    assert server.connections == 1


def test_an_answer_that_comes_too_late_is_not_that_of_the_next_request(serve, connect):
    def answer(stream, body):
        if body == b"late":
            return headers(stream, OK)
        late = frame(DATA, END_STREAM, stream - 2, b"late") if stream > 1 else b""
        return late + headers(stream, OK) + frame(DATA, END_STREAM, stream, body)

    server = serve(answer)
    connection = connect(server)
    with pytest.raises(DeadlineError):
        ask(connection, b"late", timeout_s=0.3)
    assert ask(connection, b"in time")[0] == b"in time"
    assert server.connections == 1


def test_an_answer_to_a_request_that_is_not_complete(tmp_path, connect):
    """Such as that it is too large: what is left of it is not sent."""
    server = Http2Server(
        tmp_path / "early.sock",
        lambda stream, body: headers(stream, OK, end=True),
        answers_after=60_000,
    )
    connection = connect(server)
    assert ask(connection, bytes(1_000_000))[1] == {b":status": b"200"}
    assert ask(connection, bytes(70_000))[1] == {b":status": b"200"}
    server.stop()


def test_a_server_that_makes_no_room(h2_server, connect):
    server = h2_server(window=0)
    connection = connect(server)
    ask(connection, b"body")
    with pytest.raises(DeadlineError):
        ask(connection, bytes(100_000), timeout_s=0.5)


def test_a_server_that_reads_nothing(tmp_path, connect):
    """The deadline holds, and nothing is sent in the middle of what could be sent in part only."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "deaf.sock"))
    listener.listen()
    connection = Http2Connection(f"unix:{tmp_path}/deaf.sock")
    with listener, pytest.MonkeyPatch.context() as patch:
        patch.setattr(http2, "_FIRST_WINDOW", 2**30)
        with pytest.raises(DeadlineError):
            ask(connection, bytes(10_000_000), timeout_s=0.5)
        accepted, _ = listener.accept()
        with accepted, accepted.makefile("rb") as reader:
            sent = reader.read()
    connection.close()
    assert sent.startswith(b"PRI * HTTP/2.0")
    assert len(sent) < 10_000_000


def test_a_connection_on_which_all_streams_were_used_is_made_again(serve, connect):
    server = serve(lambda stream, body: headers(stream, OK, end=True))
    connection = connect(server)
    ask(connection, b"body")
    connection._stream = 2**31 - 3
    ask(connection, b"the last one")
    ask(connection, b"the first one")
    assert server.connections == 2


def test_an_exception_in_between_leaves_nothing_behind(serve, connect):
    """Such as a predictor's own time-out by a signal: the answer that is still to come is nobody's."""
    server = serve(lambda stream, body: headers(stream, OK) + frame(DATA, END_STREAM, stream, body))
    connection = connect(server)

    def interrupted(part):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        connection.request(HEADER, b"first", timeout_s=30, received=interrupted)
    assert ask(connection, b"second")[0] == b"second"
    assert server.connections == 2


@pytest.mark.parametrize("cut", [None, 4, 12, 40])
def test_an_answer_that_comes_between_two_requests_is_nobodys(serve, connect, cut):
    """Whole, or cut within a frame whose content looks like the frames of an answer."""
    wrong = headers(3, OK) + frame(DATA, END_STREAM, 3, b"WRONG")
    late = frame(DATA, END_STREAM, 1, wrong)

    def answer(stream, body):
        if stream == 1:
            threading.Timer(0.6, lambda: server.send(late[:cut])).start()
            return headers(stream, OK)
        rest = late[cut:] if stream == 3 and cut is not None else b""
        return rest + headers(stream, OK) + frame(DATA, END_STREAM, stream, body)

    server = serve(answer)
    connection = connect(server)
    with pytest.raises(DeadlineError):
        ask(connection, b"late", timeout_s=0.3)
    time.sleep(1)
    for body in (b"second", b"third"):
        assert ask(connection, body)[0] == body
    assert server.connections == 1


@pytest.mark.parametrize("control", [frame(SETTINGS, 0, 0, b""), frame(PING, 0, 0, bytes(8))], ids=["settings", "ping"])
def test_an_answer_counts_though_nothing_can_be_sent_any_more(tmp_path, control):
    """A server that answers, asks for an acknowledgement, and hangs up."""
    body = frame(SETTINGS, 0, 0, b"") + control + headers(1, OK) + frame(DATA, END_STREAM, 1, b"answer")
    refusal = frame(SETTINGS, 0, 0, b"") + control + frame(GOAWAY, 0, 0, bytes(8))
    early = frame(SETTINGS, 0, 0, b"") + control + headers(1, {"grpc-status": "8"}, end=True)
    for number, (sent, request) in enumerate([(body, b"body"), (refusal, b"body"), (early, bytes(60_000_000))]):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / f"{number}.sock"))
        listener.listen()

        def run(listener=listener, sent=sent):
            accepted, _ = listener.accept()
            accepted.recv(100)
            accepted.sendall(sent)
            accepted.close()

        thread = threading.Thread(target=run)
        thread.start()
        connection = Http2Connection(f"unix:{tmp_path}/{number}.sock")
        if sent is refusal:
            with pytest.raises(NotSentError):
                ask(connection, request)
        else:
            found = ask(connection, request)
            assert found == ((b"answer", {b":status": b"200"}) if sent is body else (b"", {b"grpc-status": b"8"}))
        thread.join(30)
        connection.close()
        listener.close()


@pytest.mark.parametrize("where", ["setblocking", "poll", "recv", "sendmsg", "connect"])
def test_a_signal_handlers_exception_is_passed_on_and_the_connection_made_anew(serve, where):
    """A TimeoutError is an OSError, but not the socket's: it is neither swallowed nor taken for the network's."""
    server = serve(lambda stream, body: headers(stream, OK) + frame(DATA, END_STREAM, stream, body))
    connection = Http2Connection(server.address)

    class Interrupting:
        def __init__(self, inner):
            self._inner = inner

        def __getattr__(self, name):
            if name == where:
                raise TimeoutError("predict took too long")
            return getattr(self._inner, name)

    reach, poll = http2.socket.socket, http2.select.poll
    with pytest.MonkeyPatch.context() as patch:
        # The server's own are made with a descriptor.
        wrap = lambda *args, **options: reach(*args, **options) if options else Interrupting(reach(*args))  # noqa: E731
        patch.setattr(http2.socket, "socket", wrap)
        patch.setattr(http2.select, "poll", lambda: Interrupting(poll()))
        with pytest.raises(TimeoutError, match="predict took too long"):
            ask(connection, b"first")
    assert ask(connection, b"second")[0] == b"second"
    connection.close()


def test_a_failed_request_holds_nothing(serve):
    """Garbage collections are rare in a worker."""
    server = serve(lambda stream, body: frame(RST_STREAM, 0, stream, struct.pack("!I", 2)))
    gc.disable()
    try:
        connection = Http2Connection(server.address)
        with pytest.raises(BrokenError):
            ask(connection, b"body")
        left = weakref.ref(connection)
        del connection
        assert left() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("address", ["a..b:80", "x" * 70 + ":80", "localhost:port", "unix:/" + "x" * 200])
def test_an_address_that_cannot_be(address):
    with pytest.raises(NotSentError, match="cannot connect to"):
        ask(Http2Connection(address), b"body")


def test_the_deadline_is_that_of_all_addresses_together(monkeypatch):
    silent = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in range(1, 9)]
    tried = []

    class Silent(socket.socket):
        def connect(self, target):
            tried.append(target)
            time.sleep(self.gettimeout())
            raise TimeoutError("timed out")

    monkeypatch.setattr(http2.socket, "getaddrinfo", lambda *args, **options: silent)
    monkeypatch.setattr(http2.socket, "socket", Silent)
    with pytest.raises(NotSentError, match="timed out"):
        ask(Http2Connection("name:80"), b"body", timeout_s=0.2)
    assert len(tried) == 1
