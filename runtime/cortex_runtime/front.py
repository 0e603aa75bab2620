"""The front of a replica: what every request passes before and after the Falcon app.

The front counts requests in flight from their head to the end of their answer, turns them away above
``max_replica_concurrency`` before anything of them is read, gives each an id, and writes metrics and the access log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson

from .job import ClientGone
from .replica import Replica
from .settings import RESERVED

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

log = logging.getLogger(__name__)

CONTEXT = "cortex_runtime.context"
"""Key of the request's ``Context`` in its ASGI scope."""

REFUSED = "cortex_runtime.refused"
"""Key of the status in the scope of a request that has its answer already, or needs none, before it is begun."""

EXPOSED_HEADERS = "x-request-id, retry-after"
"""What pages of other origins may read."""

CLIENT_GONE = ClientGone.status
"""Status in logs and metrics when nobody was there to read an answer."""

REPLICA_STOPPED = "the replica has stopped before the answer was there"

HTTP_VERSIONS = ("1.0", "1.1")
SYSTEM_PATHS = frozenset(RESERVED)
REQUEST_ID = b"x-request-id"
EXPECT = b"expect"
_UNUSUAL = frozenset({EXPECT, b"origin", b"transfer-encoding", b"upgrade"})
_VALID_ID = re.compile(rb"[\x21-\x7e]{1,200}")
_VALID_HOST = re.compile(rb"(?:[\w.~%!$&'()*+,;=-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")  # RFC 3986, 3.2.2


class Context:
    """What is known of one request while it is under way.

    ``on_disconnect`` is called when the client goes away before its answer is complete, or is sent away.
    """

    __slots__ = ("disconnected", "job_queue_s", "on_disconnect", "request_id", "status")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.status = 0
        self.job_queue_s: float | None = None
        self.disconnected = False
        self.on_disconnect: Callable[[], None] | None = None

    def client_gone(self, status: int = CLIENT_GONE) -> None:
        """Note that there is no client any more to answer to, and tell whoever asked to know."""
        if not self.disconnected:
            self.status = status
        self.disconnected = True
        if self.on_disconnect is not None:
            self.on_disconnect()


class Front:
    """An ASGI app around the Falcon app."""

    def __init__(self, app: App, replica: Replica) -> None:
        self._app = app
        self.replica = replica
        self.endpoint = replica.settings.api.endpoint
        self._limit = replica.settings.concurrency.max_in_flight
        self._max_body = replica.settings.http.max_body_bytes
        # The last one that was valid: nearly always that of the next request.
        self._known_host: list[bytes] | None = None
        self._extension = replica.extension
        self._extension_path = replica.settings.extension.path if replica.settings.extension is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection: a request, or the lifespan, which is Falcon's."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        path = scope["path"]
        spoken = scope["http_version"] in HTTP_VERSIONS
        if path == self._extension_path and spoken and self._extension is not None:
            await self._extension(scope, receive, send)
            return
        counted = spoken and scope["method"] == "POST" and path == self.endpoint
        length, given_id, hosts, unusual = _look_at(scope["headers"])
        context = scope[CONTEXT] = Context(_request_id(given_id))
        if refused := scope.get(REFUSED):
            context.client_gone(refused)
        extra = (REQUEST_ID, context.request_id.encode())
        replica = self.replica

        async def send_answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not context.disconnected:
                context.status = message["status"]
                headers = [*message["headers"], extra]
                # A client that was to wait with its body may send it now, or not: nobody could tell what comes next.
                if replica.draining or (message["status"] >= 400 and EXPECT in unusual):
                    headers.append((b"connection", b"close"))
                message = {**message, "headers": headers}
            await send(message)

        host_is_valid = hosts == self._known_host or self._is_valid_host(hosts, scope["http_version"])
        if not (counted and host_is_valid):
            if not spoken:
                await _refuse(505, "only HTTP/1.0 and HTTP/1.1 are served here", context, send_answer)
            elif not host_is_valid:
                await _refuse(400, "the request needs one header Host, with a valid value", context, send_answer)
            elif path.startswith("//"):  # Falcon's router takes it for "/"
                await _refuse(404, f"there is no API at {path}", context, send_answer)
            else:
                await self._app(scope, receive, send_answer)
            if path not in SYSTEM_PATHS:
                self._log(scope, context, time.perf_counter() - begin)
            return

        replica.arrived += 1
        in_flight = replica.in_flight
        if in_flight.value >= self._limit:
            message = f"too many requests in flight (max_replica_concurrency is {self._limit}); try again"
            await _refuse(503, message, context, send_answer)
        elif int(length or 0) > self._max_body:
            await _refuse(413, too_large(self._max_body), context, send_answer)
        else:
            in_flight.change(+1)
            try:
                await self._app(scope, receive, send_answer)
            except asyncio.CancelledError:  # shutdown.timeout_s is over
                if context.status == 0:
                    await _refuse(503, REPLICA_STOPPED, context, send_answer)
            except Exception as error:
                log.error("the answer could not be sent", exc_info=error, extra={"request_id": context.request_id})
                if context.status == 0:
                    await _refuse(500, "internal error; its traceback is in the log", context, send_answer)
            finally:
                in_flight.change(-1)
        seconds = time.perf_counter() - begin
        replica.metrics.answered(context.status, seconds, context.job_queue_s)
        self._log(scope, context, seconds)

    def plain(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """The id of a POST to the endpoint, by HTTP/1.1, that needs nothing but a prediction; None for any other.

        Others are those that are to be refused, that come from a page of another origin, that wait for a
        "100 Continue", or whose body's length is not told.
        """
        length, given_id, hosts, unusual = _look_at(headers)
        if (
            unusual
            or length is None
            or int(length) > self._max_body
            or self.replica.in_flight.value >= self._limit
            or not (hosts == self._known_host or self._is_valid_host(hosts, "1.1"))
        ):
            return None
        return _request_id(given_id)

    def _is_valid_host(self, hosts: list[bytes], http_version: str) -> bool:
        """Whether a request's headers ``Host`` are as RFC 9112, section 3.2, has it: one; none will do in 1.0."""
        if len(hosts) == 1 and _VALID_HOST.fullmatch(hosts[0]):
            self._known_host = hosts
            return True
        return not hosts and http_version == "1.0"

    def _log(self, scope: Scope, context: Context, seconds: float) -> None:
        path = scope["raw_path"].decode("ascii", "replace")
        self.log_answer(scope["method"], path, context.status, seconds, context.job_queue_s, context.request_id)

    def log_answer(
        self, method: str, path: str, status: int, seconds: float, queue_s: float | None, request_id: str
    ) -> None:
        """Write the access log's record of a request."""
        self.replica.writer.write(
            "info",
            f"{method} {path} {status}",
            status=status,
            latency_ms=round(seconds * 1000, 2),
            queue_ms=None if queue_s is None else round(queue_s * 1000, 2),
            request_id=request_id,
        )


def _look_at(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes | None, bytes | None, list[bytes], list[bytes]]:
    """Of a head: the length of the body, the first request id, all hosts, and the names of headers that ask for more
    than an answer to a body whose length is known.
    """
    length = given_id = None
    hosts: list[bytes] = []
    unusual: list[bytes] = []
    for name, value in headers:
        if name == b"host":
            hosts.append(value)
        elif name == b"content-length":
            length = value
        elif name == REQUEST_ID:
            given_id = value if given_id is None else given_id
        elif name in _UNUSUAL:
            unusual.append(name)
    return length, given_id, hosts, unusual


def error_body(message: str, request_id: str) -> bytes:
    """The JSON of an error, the same everywhere."""
    return orjson.dumps({"error": message, "request_id": request_id})


def too_large(limit: int) -> str:
    """What a body of more than ``limit`` bytes is told."""
    return f"the request body is larger than {limit} bytes"


async def _refuse(status: int, message: str, context: Context, send: Send) -> None:
    """Answer without asking the Falcon app."""
    body = error_body(message, context.request_id)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"access-control-allow-origin", b"*"),
        (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
    ]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def new_request_id() -> str:
    """An id that no other request has."""
    return os.urandom(16).hex()


def _request_id(given: bytes | None) -> str:
    """The id that the caller gave, when it can stand in a log line and a header; else a new one."""
    return given.decode("ascii") if given is not None and _VALID_ID.fullmatch(given) else new_request_id()
