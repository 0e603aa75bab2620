"""A transport that sends the head of an answer together with its body.

uvicorn writes them one after the other, which are two calls of the kernel, two packets, and two times that the client
wakes up: for a small answer most of what it costs.
"""

from __future__ import annotations

import asyncio
from typing import Any

_HEAD, _INTERIM = b"HTTP/1.1 ", b"HTTP/1.1 1"
LARGE = 65_536


class CorkedTransport:
    """In front of the transport of a connection; whoever ends an answer calls ``flush``."""

    __slots__ = ("_held", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""

    def write(self, data: bytes) -> None:
        """Hold a head back, and send everything else at once, behind the head that is held."""
        if not self._held:
            if data.startswith(_HEAD) and not data.startswith(_INTERIM):
                self._held = data
            else:
                self._transport.write(data)
            return
        head, self._held = self._held, b""
        self.write_answer(head, data)

    def write_answer(self, head: bytes, body: bytes) -> None:
        """Send a whole answer."""
        if len(body) < LARGE:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    def is_closing(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self._transport.is_closing()

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            head, self._held = self._held, b""
            self._transport.write(head)

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Say that nothing more comes."""
        self.flush()
        self._transport.write_eof()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
