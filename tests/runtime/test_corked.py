"""The head of an answer goes out with its body."""

import pytest

from cortex_runtime.corked import LARGE, CorkedTransport


class Transport:
    """Notes what it is told."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, *arguments))


@pytest.fixture
def transport():
    return Transport()


@pytest.fixture
def corked(transport):
    return CorkedTransport(transport)


def test_a_head_waits_for_its_body(corked, transport):
    corked.write(b"HTTP/1.1 200 OK\r\n\r\n")
    assert transport.calls == []
    corked.write(b"body")
    corked.write(b"more")
    corked.flush()
    assert transport.calls == [("write", b"HTTP/1.1 200 OK\r\n\r\nbody"), ("write", b"more")]


def test_a_large_body_is_not_copied(corked, transport):
    body = b"x" * LARGE
    corked.write(b"HTTP/1.1 200 OK\r\n\r\n")
    corked.write(body)
    ((name, (_, sent)),) = transport.calls
    assert name == "writelines"
    assert sent is body


@pytest.mark.parametrize("end", ["flush", "close", "write_eof"])
def test_a_head_without_a_body_is_sent_at_the_end(corked, transport, end):
    corked.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    getattr(corked, end)()
    corked.flush()
    assert transport.calls[0] == ("write", b"HTTP/1.1 204 No Content\r\n\r\n")
    assert transport.calls[1:] == ([] if end == "flush" else [(end,)])


def test_an_interim_answer_is_not_held(corked, transport):
    corked.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert transport.calls == [("write", b"HTTP/1.1 100 Continue\r\n\r\n")]


def test_a_body_that_looks_like_a_head(corked, transport):
    corked.write(b"HTTP/1.1 200 OK\r\n\r\n")
    corked.write(b"HTTP/1.1 is a protocol")
    assert transport.calls == [("write", b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 is a protocol")]


def test_all_else_is_the_transports(corked, transport):
    corked.get_write_buffer_size()
    corked.abort()
    assert transport.calls == [("get_write_buffer_size",), ("abort",)]
