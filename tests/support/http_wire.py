"""HTTP byte by byte: what clients do that HTTP libraries do not let one do."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

DEADLINE_S = 60.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; ``headers`` have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, which must be strict JSON of that type."""
        assert self.headers["content-type"] == "application/json", self

        def no_constant(name: str) -> None:
            raise AssertionError(f"{name} is not JSON: {self.body!r}")

        return json.loads(self.body.decode(), parse_constant=no_constant)


class Wire:
    """A connection to a server."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self._reader = self.socket.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self.socket.close()

    def send(self, data: bytes) -> Wire:
        """Send bytes as they are."""
        self.socket.sendall(data)
        return self

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Wire:
        """Send a request; the underscores of header names are hyphens."""
        lines = [
            f"{method} {path} HTTP/1.1",
            "host: test",
            *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
        ]
        if body is not None:
            lines.append(f"content-length: {len(body)}")
        return self.send("\r\n".join([*lines, "", ""]).encode() + (body or b""))

    def answer(self, *, head: bool = False) -> Answer:
        """Read one answer; ``head`` says that it has no body."""
        line = self._reader.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers = {}
        while header := self._reader.readline().strip().decode():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        status = int(line.split()[1])
        body = b"" if head or status < 200 else self._reader.read(int(headers["content-length"]))
        return Answer(status, headers, body)

    def ended(self) -> bool:
        """Wait until the server hangs up; whether it did so without another word."""
        try:
            return self._reader.read() == b""
        except ConnectionResetError:
            return True
