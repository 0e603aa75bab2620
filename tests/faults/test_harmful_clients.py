"""Clients that hang up, dawdle, do not read, or use a connection as HTTP allows and few do."""

import asyncio
import contextlib
import json
import socket
import threading
import time

import psutil
import pytest

from tests.support.arithmetic import expected
from tests.support.http_wire import DEADLINE_S
from tests.support.load_generator import Load, numbers
from tests.support.process_resources import held_by
from tests.support.replica import running, wait_until
from tests.support.unharmed import BUSY, CLIENTS, SLOTS, begun, nothing_leaks, options

HEAD = b"POST /api HTTP/1.1\r\nhost: test\r\ncontent-length: %d\r\n\r\n"
LARGE = 20_000_000
"""Bytes of an answer that no socket buffers."""


@contextlib.contextmanager
def others_unharmed(replica):
    """Other clients get every answer, before, within and afterwards, and nothing leaks."""
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(20)
        yield
        load.wait_right(20)
        load.stop()
        assert not load.lost()


def request(**more):
    """A payload, and the bytes of its request."""
    payload = {"n": next(numbers), **more}
    data = json.dumps(payload).encode()
    return payload, HEAD % len(data) + data


@pytest.mark.parametrize("when", ["within the head", "within the body", "while it runs", "within the answer"])
def test_clients_that_hang_up(replica, when):
    front = replica.front_pid()
    before = held_by(front)
    with others_unharmed(replica):
        for _ in range(3 * SLOTS):
            payload, data = request(sleep_s=0.05, padding=LARGE if when == "within the answer" else 0)
            with replica.wire() as wire:
                wire.send({"within the head": data[:20], "within the body": data[:-5]}.get(when, data))
                if when == "while it runs":
                    wait_until(lambda n=payload["n"]: n in begun(replica), "it runs")
                if when == "within the answer":
                    assert wire.socket.recv(100)
    assert (payload["n"] in begun(replica)) == (when in {"while it runs", "within the answer"})
    assert held_by(front).uss - before.uss < 3 * LARGE  # of all those answers


@pytest.fixture(scope="module")
def impatient(model, tmp_path_factory):
    """A replica that waits for no client for longer than a second."""
    http = {"read_timeout_s": 1.0, "write_timeout_s": 1.0, "keep_alive_s": 2}
    with running(tmp_path_factory.mktemp("clients"), model.address, **options(http=http)) as replica:
        yield replica


async def dawdle(port, data, start, rate):
    """Send ``data``, from ``start`` on so many bytes at a time every 50 ms; all that is answered until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send():
        writer.write(data[:start])
        for i in range(start, len(data), rate):
            writer.write(data[i : i + rate])
            await asyncio.sleep(0.05)

    sending = asyncio.create_task(send())
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    finally:
        sending.cancel()
        writer.close()


def dawdlers(replica, count, *arguments):
    """The answers to so many at once."""

    async def run():
        return await asyncio.gather(*(dawdle(replica.port, *arguments) for _ in range(count)))

    return asyncio.run(run())


def connected_ports(replica):
    """The ports from which a replica's front is connected to."""
    return {c.raddr.port for c in psutil.Process(replica.front_pid()).net_connections("tcp") if c.raddr}


@pytest.mark.parametrize("part", ["head", "body"])
def test_clients_that_send_a_byte_now_and_then_are_hung_up_on(impatient, part):
    _, data = request(ballast="." * 10_000)
    data = data.replace(b"host: test", b"host: " + b"t" * 10_000)
    start = 0 if part == "head" else data.index(b"{")
    with others_unharmed(impatient):
        for answer in dawdlers(impatient, 4 * SLOTS, data, start, 1):
            assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_comes_slowly_but_comes_is_taken(impatient):
    payload, data = request(ballast="." * 2_000)
    data = data.replace(b"host: test", b"host: test\r\nconnection: close")
    with others_unharmed(impatient):
        (answer,) = dawdlers(impatient, 1, data, data.index(b"{"), 50)  # 1,000 bytes/s for 2 s
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == expected(payload)


def test_connections_that_never_say_a_word_are_hung_up_on(impatient):
    with others_unharmed(impatient):
        assert dawdlers(impatient, 4 * SLOTS, b"", 0, 1) == [b""] * 4 * SLOTS


def test_clients_that_do_not_read_their_answer_are_cut_off(impatient):
    with others_unharmed(impatient), contextlib.ExitStack() as stack:
        wires = [stack.enter_context(impatient.wire()).send(request(padding=LARGE)[1]) for _ in range(SLOTS)]
        ports = {wire.socket.getsockname()[1] for wire in wires}
        wait_until(lambda: not ports & connected_ports(impatient), "they are cut off")


def test_a_client_that_reads_slowly_gets_its_answer(impatient):
    payload, data = request(padding=LARGE // 4)
    with others_unharmed(impatient), impatient.wire() as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        wire.send(data)
        read = b""
        while len(read) < LARGE // 4:
            read += wire.socket.recv(500_000)
            time.sleep(0.05)
    assert json.loads(read.partition(b"\r\n\r\n")[2]) == expected(payload)


def test_a_connection_is_good_for_10_000_requests(replica):
    with nothing_leaks(replica), replica.wire() as wire:
        for _ in range(400):
            payloads, data = zip(*(request() for _ in range(25)), strict=True)
            wire.send(b"".join(data))
            assert [wire.answer().json() for _ in payloads] == list(map(expected, payloads))


def test_pipelined_requests_are_answered_in_order_and_each_with_its_own(replica):
    with others_unharmed(replica), replica.wire() as wire:
        payloads, data = zip(*(request() for _ in range(100)), strict=True)
        sender = threading.Thread(target=wire.send, args=(b"".join(data),))
        sender.start()
        for payload in payloads:
            assert wire.answer().json() == expected(payload)
        sender.join()


def test_chunked_bodies(replica):
    with others_unharmed(replica), Load(replica.port, payload=lambda n: {"ballast": "." * n}, chunked=True) as load:
        load.wait_right(200)
        load.stop()
        assert not load.lost()
