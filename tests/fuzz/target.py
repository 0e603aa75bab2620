"""A replica under fire, and what must hold of it whatever it was sent."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

from tests.support.http_wire import DEADLINE_S
from tests.support.replica import Replica

SECRET = "the-secret-of-the-environment"
PREDICTOR = """
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.client = tensorflow_client

    def predict(self, payload):
        if isinstance(payload, dict) and "x" in payload:
            return self.client.predict({"x": payload["x"]})
        return {"kind": type(payload).__name__}
"""
OWN_5XX = {503, 504, 505}
"""What a replica answers by itself: full, too slow, another version of HTTP."""


@dataclass
class RawAnswer:
    """One answer as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, which is there once at most."""
        values = [value for found, value in self.headers if found == name]
        assert len(values) <= 1, values
        return values[0] if values else None


@dataclass
class Target:
    """A replica, and how many characters of its log have been taken."""

    replica: Replica
    _taken: int = 0

    def exchange(self, *parts: bytes, hang_up: bool = False) -> bytes:
        """Send bytes on a new connection, and say that this is all; what was answered until the other end closed."""
        with socket.create_connection(("127.0.0.1", self.replica.port), timeout=DEADLINE_S) as connection:
            received = b""
            try:
                for part in parts:
                    connection.sendall(part)
                if hang_up:
                    return b""
                connection.shutdown(socket.SHUT_WR)
                while data := connection.recv(65536):
                    received += data
            except (ConnectionResetError, BrokenPipeError):  # it closed with something unread
                pass
            return received

    def answers(self, *parts: bytes) -> list[RawAnswer]:
        """The answers to what was sent; every byte that came must belong to one."""
        return parse_answers(self.exchange(*parts))

    def check_alive(self) -> None:
        """It answers a good request, rightly."""
        answer = self.replica.post([1])
        assert (answer.status, answer.json()) == (200, {"kind": "list"})

    def check_log(self) -> list[dict[str, Any]]:
        """Nothing failed: every line of the log since the last check is a record, none with a traceback or a 5xx."""
        records = self.take_log()
        for record in records:
            assert "traceback" not in record, record["traceback"]
            if record.get("message", "").startswith("the model server no longer answers"):
                continue  # on a machine that stood still for seconds; the model server is not what is tested
            assert record["level"] in ("info", "warning"), record
            assert record.get("status", 0) < 500 or record["status"] in OWN_5XX, record
        return records

    def take_log(self) -> list[dict[str, Any]]:
        """The records of the log since this was last called, those of a good request among them."""
        self.check_alive()
        complete, end, _ = self.replica.output()[self._taken :].rpartition("\n")
        self._taken += len(complete + end)
        return [json.loads(line) for line in complete.split("\n") if line]

    def check_idle(self) -> None:
        """Nothing is left in flight, queued or running."""
        for name in ("cortex_in_flight", "cortex_queued", "cortex_busy_slots"):
            self.replica.wait_metric(name, 0)


def parse_answers(data: bytes) -> list[RawAnswer]:
    """Cut bytes into HTTP answers, strictly; judge what holds for each of them."""
    found = []
    while data:
        head, separator, rest = data.partition(b"\r\n\r\n")
        assert separator, data
        line, *fields = head.decode("ascii").split("\r\n")
        version, code, _ = line.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = [(name.lower(), value) for name, value in (text.split(": ", 1) for text in fields)]
        answer = RawAnswer(int(code), headers, b"")
        if answer.status >= 200:
            assert answer.header("transfer-encoding") is None
            length = int(answer.header("content-length") or 0)
            if not _is_answer_to_head(rest, length):
                answer.body, rest = rest[:length], rest[length:]
        judge(answer)
        found.append(answer)
        data = rest
    return found


def _is_answer_to_head(rest: bytes, length: int) -> bool:
    return length > 0 and (not rest or rest.startswith(b"HTTP/1.1 "))


def judge(answer: RawAnswer) -> None:
    """No answer tells of the inside; errors are JSON objects in words."""
    whole = answer.body + repr(answer.headers).encode()
    for inside in (SECRET.encode(), b"Traceback", b"site-packages", b".py", b"cortex_runtime"):
        assert inside not in whole, answer
    assert answer.status < 500 or answer.status in OWN_5XX, answer
    assert answer.header("server") is None
    if answer.status >= 400 and answer.body:
        assert answer.header("content-type") == "application/json"
        assert json.loads(answer.body)["error"]
