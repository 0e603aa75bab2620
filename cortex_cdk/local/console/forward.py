"""Hands requests for the page on to the process of ``cortex-cdk serve``, over a Unix socket.

It speaks HTTP/1.0 there, whose bodies end with the connection: what comes is passed on as it comes, which is what
server-sent events need.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any

from cortex_cdk.local.console.access import refusal

CHUNK_BYTES = 1 << 16
CONNECT_TIMEOUT_S = 5.0

_OF_THE_SERVER = frozenset({b"connection", b"date", b"server"})
"""Headers that the replica's server makes itself."""

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class Forwarder:
    """An ASGI app whose answers are those of an HTTP server at a Unix socket."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer one request, until it is answered or the client has gone."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        peer, own = (scope.get("client") or ("", 0))[0], (scope.get("server") or ("", 0))[0]
        refused = refusal(scope["method"], headers, peer, own)
        if refused is not None:
            await _answer(send, refused.status, refused.reason, refused.headers)
            return
        answering = asyncio.ensure_future(self._pass_on(scope, send))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            for task in (answering, gone):
                task.cancel()
            await asyncio.gather(answering, gone, return_exceptions=True)

    async def _pass_on(self, scope: _Message, send: _Send) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(self._socket, limit=CHUNK_BYTES)
        except (OSError, TimeoutError):
            await _answer(send, 503, "the console does not answer")
            return
        try:
            query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            request = f"{scope['method']} {scope['path']}{query} HTTP/1.0\r\nHost: localhost\r\n\r\n"
            writer.write(request.encode("latin-1"))
            try:
                status, headers = _parse_head(await reader.readuntil(b"\r\n\r\n"))
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
                await _answer(send, 503, "the console does not answer")
                return
            await send({"type": "http.response.start", "status": status, "headers": headers})
            with contextlib.suppress(OSError):  # cut off: what came is all there is
                while chunk := await reader.read(CHUNK_BYTES):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            writer.close()


def _parse_head(head: bytes) -> tuple[int, list[tuple[bytes, bytes]]]:
    first, *lines = head.rstrip(b"\r\n").split(b"\r\n")
    fields = (line.partition(b":") for line in lines)
    headers = [(name.strip().lower(), value.strip()) for name, _, value in fields]
    return int(first.split(b" ", 2)[1]), [(name, value) for name, value in headers if name not in _OF_THE_SERVER]


async def _disconnected(receive: _Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: _Send, status: int, error: str, more: Mapping[str, str] = MappingProxyType({})) -> None:
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in more.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
