"""Answers of HTTP/1.1 in every form that a server may give them, in pieces of any size."""

import socket
import ssl
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.scaler.http_connection import Answer, Connection, HttpError

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


def ask(*pieces, hang_up=False):
    """A connection, and what it made of an answer that came in these pieces."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = Connection("127.0.0.1", server.getsockname()[1], None, 5)
        peer, _ = server.accept()
    with peer:
        for piece in pieces:
            peer.sendall(piece)
        if hang_up:
            peer.shutdown(socket.SHUT_WR)
        try:
            answer = connection.post(REQUEST, 0.2)
            assert peer.recv(1000) == REQUEST
        except (HttpError, OSError) as error:
            answer = error
        finally:
            reusable = connection.reusable
            connection.close()
    return answer, reusable


def in_chunks(content, sizes):
    made, at = b"", 0
    for size in [*sizes, len(content)]:
        part = content[at : at + size]
        at += size
        if part:
            made += b"%X;name=value\r\n%s\r\n" % (len(part), part)
    return made + b"0\r\nTrailer: x\r\n\r\n"


@given(
    content=st.binary(max_size=300_000) | st.just(b"a\r\n\r\nb"),
    sizes=st.lists(st.integers(1, 5000), max_size=5),
    chunked=st.booleans(),
    interim=st.booleans(),
    cut=st.floats(0, 1),
)
def test_the_content_is_what_was_sent(content, sizes, chunked, interim, cut):
    head = b"HTTP/1.1 100 Continue\r\n\r\n" if interim else b""
    if chunked:
        whole = head + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + in_chunks(content, sizes)
    else:
        whole = head + b"HTTP/1.1 200 OK\r\nx: y:z\r\nCONTENT-LENGTH:  %d \r\n\r\n" % len(content) + content
    at = int(cut * len(whole))
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        peer, _ = server.accept()
        with peer:
            for _ in range(2):  # over the same connection
                peer.recv(1000)
                peer.sendall(whole[:at])
                peer.sendall(whole[at:])

    thread = threading.Thread(target=serve)
    thread.start()
    connection = Connection("127.0.0.1", server.getsockname()[1], None, 5)
    for _ in range(2):
        assert connection.post(REQUEST, 5) == Answer(200, content)
        assert connection.reusable
    connection.close()
    thread.join()
    server.close()


def test_without_a_length_the_answer_ends_with_the_connection():
    assert ask(b"HTTP/1.1 200 OK\r\n\r\nab", b"cd", hang_up=True) == (Answer(200, b"abcd"), False)


def test_no_content_needs_no_length():
    assert ask(b"HTTP/1.1 204 No Content\r\n\r\n") == (Answer(204, b""), True)


def test_a_reason_is_not_needed():
    assert ask(b"HTTP/1.1 400\r\nContent-Length: 1\r\n\r\nx") == (Answer(400, b"x"), True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n",  # nobody asked for more
    ],
)
def test_connections_that_end_or_are_out_of_step_are_not_used_again(answer):
    assert ask(answer) == (Answer(200, b"x"), False)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed before the answer came"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed before the answer came"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "closed after 3 bytes of 5"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "closed after 3 bytes of 5"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", "longer than it says"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nab", "a length of the answer is b'-2'"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "transfer coding is b'gzip, chunked'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n0123456789", "a length of the answer is b'1_0'"),
        (b"SSH-2.0-x\r\n\r\n", "begins with b'SSH-2.0-x'"),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", "begins with b'HTTP/1.1 2x0 OK'"),
        (b"x" * 200_000, "within the first 65536 bytes"),
    ],
)
def test_what_is_no_answer_is_an_error(answer, said):
    error, reusable = ask(answer, hang_up=True)
    assert isinstance(error, HttpError)
    assert said in str(error)
    assert not reusable


def test_silence_is_an_error():
    error, reusable = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx")
    assert isinstance(error, TimeoutError)
    assert not reusable


def test_a_server_without_a_certificate_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                peer.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ssl.SSLError):
            Connection("127.0.0.1", server.getsockname()[1], ssl.create_default_context(), 5)
        thread.join()
