"""Uvicorn's HTTP protocol, with what a replica needs beyond it.

It says at once when a client goes away: ASGI tells so only to an app that waits for it, which would cost every queued
request a task of its own. It serves requests that offer an upgrade as if they did not. And it bounds what a client may
take: the size of a request's head, and times (see ``slow``).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from .corked import CorkedTransport
from .front import CLIENT_GONE, CONTEXT, REFUSED, Context, Front, error_body, new_request_id
from .prediction import Prediction
from .slow import Limits, Phase
from .unread import unread_bytes

log = logging.getLogger(__name__)

LINGER_S = 2.0
"""For how long a client that was refused may go on sending before the connection is closed."""


_UPGRADE_HEADERS = (b"upgrade", b"http2-settings")


class HeadTooLarge(Exception):
    """The head of a request has more bytes than it may."""


class FrontProtocol(HttpToolsProtocol):
    """One connection of a client."""

    limits: Limits
    max_head_bytes: int
    front: Front

    def connection_made(self, transport: Any) -> None:
        """Begin with a client that has sent nothing yet."""
        super().connection_made(transport)
        self.corked = CorkedTransport(transport)
        self.transport = cast(asyncio.Transport, self.corked)
        self._enter(Phase.IDLE)
        self._body_bytes = self._head_bytes = self._head_received = self._trailer_received = self._begun = 0
        self._head_too_large = self._refused = False
        self._refusal: bytes | None = None  # to be written when the requests before have their answers
        self._serving: RequestResponseCycle | Prediction | None = None
        self._unread, self._unread_since = 0, 0.0
        self._target = self.front.endpoint.encode()
        self._tasks = cast(set[asyncio.Task[None] | Prediction], self.tasks)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that was not answered yet."""
        self._context_gone(CLIENT_GONE)
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """The connection closes now: nothing can be written to it from here on, though it is not told as lost yet."""
        self._context_gone(CLIENT_GONE)

    def on_message_begin(self) -> None:
        """A request begins."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._enter(Phase.HEAD)
        self._head_bytes = 0
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        """Take a part of the request's target."""
        self._head_bytes += len(url)
        self._bound_head(self._head_bytes)
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after a body is ignored."""
        self._head_bytes = size = self._head_bytes + len(name) + len(value) + 4
        if size > self.max_head_bytes:
            self._bound_head(size)
        if self._phase is Phase.HEAD:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is complete: the request can be served."""
        self._enter(Phase.BODY)
        self._body_bytes = 0
        if self.url != self._target or not self._begin_prediction():
            self._begin_scope()
            super().on_headers_complete()

    def _begin_scope(self) -> None:
        """Make what an ASGI app is told, which the base class does before it knows the head."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        if self.parser.get_http_version() != "1.1":
            self.expect_100_continue = False  # RFC 9110, 10.1.1

    def _begin_prediction(self) -> bool:
        """Take the short way with the request, if it is one for it."""
        before, parser = self.cycle, self.parser
        if (
            (before is not None and not before.response_complete)
            or self.flow.write_paused
            or parser.get_method() != b"POST"
            or parser.get_http_version() != "1.1"
            or (request_id := self.front.plain(self.headers)) is None
        ):
            return False
        prediction = Prediction(self.front, self, request_id, parser.should_keep_alive(), self._tasks.discard)
        self._tasks.add(prediction)
        self._serving = prediction
        self.cycle = cast(RequestResponseCycle, prediction)
        return True

    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """Headers of every answer."""
        return self.server_state.default_headers

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body_bytes += len(body)
        if isinstance(self.cycle, Prediction):
            self.cycle.take(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Go on reading after a large body, else the end of the connection would not be noticed."""
        if isinstance(self.cycle, Prediction):
            self._enter(Phase.ANSWER)
            self.cycle.body_complete()
            return
        super().on_message_complete()
        if self.parser.should_upgrade():
            return  # it is parsed once more, see below
        self._enter(Phase.IDLE if self.cycle.response_complete else Phase.ANSWER)
        if not self.pipeline:
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Serve a request: of several in a pipeline the first that has no answer yet."""
        self._serving = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """The answer has been written; the next request may have begun already."""
        self.corked.flush()
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
        if self._refusal is not None and self._serving is not None and self._serving.response_complete:
            self._write_refusal(self._refusal)
            return
        if self.cycle.response_complete:
            if self._phase is Phase.ANSWER:
                self._enter(Phase.IDLE)
            elif self._phase is Phase.BODY:
                self._enter(Phase.REST)

    def data_received(self, data: bytes) -> None:
        """Take in what the client sent."""
        if self._refused:
            return
        phase, self._begun, body_bytes = self._phase, 0, self._body_bytes
        rest: bytes | memoryview | None = data
        try:
            while rest is not None:
                rest = self._feed(rest)
            if self._phase is Phase.HEAD:
                self._count_unfinished_head(len(data), phase)
            elif phase is self._phase and self._begun == 0 and self._body_bytes == body_bytes:
                self._count_unfinished_trailer(len(data))
            else:
                self._trailer_received = 0
        except (httptools.HttpParserError, HeadTooLarge) as error:
            if self._head_too_large:
                self._refuse(431, f"the request's line and headers are larger than {self.max_head_bytes} bytes")
            else:
                log.warning("not HTTP: %s", error)
                self.send_400_response("the request is not valid HTTP")

    def end_if_too_slow(self, now: float) -> None:
        """End the connection if its client takes more time than it has. To be called every second or so.

        Args:
            now: the time of the event loop.
        """
        unread = unread_bytes(self.transport)
        if unread == 0 or unread != self._unread:
            self._unread, self._unread_since = unread, now
        elif now - self._unread_since > self.limits.write_timeout_s:
            self._context_gone(CLIENT_GONE)
            self.transport.abort()
            return
        if self.pipeline or (self._phase is Phase.HEAD and self.cycle and not self.cycle.response_complete):
            self._since = now  # it is we who let it wait: the request before is still being served
            return
        if (
            self._refused
            or self.transport.is_closing()
            or not self.limits.exceeded(self._phase, now - self._since, self._body_bytes)
        ):
            return
        if self._phase in (Phase.IDLE, Phase.REST):
            self.transport.close()
        else:
            self._refuse(408, "the request did not arrive in time")

    def _enter(self, phase: Phase) -> None:
        self._phase, self._since = phase, self.loop.time()

    def _count_unfinished_head(self, size: int, before: Phase) -> None:
        """Count data that ended within a head: a header is told when it is complete, which may be never.

        Args:
            size: of the data.
            before: what the connection waited for when it came. Of data with the end of another request in it, nobody
                knows how much belongs to the head.
        """
        if self._begun == 0:
            self._head_received += size
        else:
            self._head_received = size if self._begun == 1 and before in (Phase.IDLE, Phase.ANSWER) else 0
        self._bound_head(self._head_received)

    def _count_unfinished_trailer(self, size: int) -> None:
        """Count data after the last part of a body, or between two parts: the parser keeps it until a line is complete,
        and is the slower the more it has.
        """
        self._trailer_received += size
        self._bound_head(self._trailer_received)

    def _bound_head(self, size: int) -> None:
        if size > self.max_head_bytes:
            self._head_too_large = True
            raise HeadTooLarge

    def _context_gone(self, status: int) -> None:
        """Tell the request that is being served that nobody waits for its answer."""
        serving = self._serving
        if serving is None or serving.response_complete:
            return
        if isinstance(serving, Prediction):
            serving.client_gone(status)
            return
        serving.disconnected = True
        serving.message_event.set()
        context = serving.scope.get(CONTEXT)
        if isinstance(context, Context):
            context.client_gone(status)
        else:
            cast(dict[str, Any], serving.scope)[REFUSED] = status

    def _should_upgrade(self) -> bool:
        """Keep uvicorn from starting the request that offers an upgrade."""
        return True

    def _feed(self, data: bytes | memoryview) -> memoryview | None:
        """Parse data; what comes after the head of a request that offered an upgrade, which is still to be parsed."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.scope["method"] == "CONNECT":
                self.send_400_response("this is no proxy")
                return None
            head = self._head_without_upgrade()
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as the base class has it
            self.parser.feed_data(head)
            return memoryview(data)[upgrade.args[0] :]
        return None

    def _head_without_upgrade(self) -> bytes:
        """The head of the request without its offer, which stops the parser before the body (HTTP/2 in the clear)."""
        line = self.scope["method"].encode(), self.url, self.scope["http_version"].encode()
        lines = [b"%b %b HTTP/%b" % line]
        for name, value in self.headers:
            if name == b"connection":
                tokens = [token.strip() for token in value.split(b",")]
                lines += [b"connection: " + token for token in tokens if token.lower() not in _UPGRADE_HEADERS]
            elif name not in _UPGRADE_HEADERS:
                lines.append(name + b": " + value)
        return b"\r\n".join([*lines, b"", b""])

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with JSON, too, and hang up."""
        self._refuse(400, msg)

    def _refuse(self, status: int, message: str) -> None:
        """Answer without asking the app, and hang up. Requests before it are answered first (RFC 9112, 9.3.2)."""
        self._refused = True
        if self.pipeline and self.pipeline[0][0].more_body:  # it is the one that is refused
            self.pipeline.popleft()
        body = error_body(message, new_request_id())
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
        answer = STATUS_LINE[status] + head + body
        serving = self._serving
        if serving is not None and not serving.response_complete and not serving.more_body:
            self._refusal = answer
        else:
            self._context_gone(status)
            self._write_refusal(answer)

    def _write_refusal(self, answer: bytes) -> None:
        """Hang up, but not at once, which would reset the connection if the client still sends, and what was answered
        would be lost."""
        self._refusal = None
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.write_eof()
            self.loop.call_later(LINGER_S, self.transport.close)
