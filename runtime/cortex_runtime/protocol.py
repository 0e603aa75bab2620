"""Uvicorn's HTTP protocol, with what a replica needs beyond it.

It says at once when a client goes away: ASGI tells so only to an app that waits for it, which would cost every queued
request a task of its own. And it serves requests that offer an upgrade as if they did not.
"""

from __future__ import annotations

import logging

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .front import CONTEXT, Context

log = logging.getLogger(__name__)

_UPGRADE_HEADERS = (b"upgrade", b"http2-settings")


class FrontProtocol(HttpToolsProtocol):
    """One connection of a client."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that was not answered yet."""
        super().connection_lost(exc)
        if self.cycle is not None and self.cycle.disconnected:
            context = self.cycle.scope.get(CONTEXT)
            if isinstance(context, Context):
                context.client_gone()

    def on_message_complete(self) -> None:
        """Go on reading after a large body, else the end of the connection would not be noticed."""
        super().on_message_complete()
        if not self.pipeline:
            self.flow.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Take in what the client sent."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            log.warning("not HTTP: %s", error)
            self.send_400_response("the request is not valid HTTP")

    def _should_upgrade(self) -> bool:
        """Keep uvicorn from starting the request that offers an upgrade."""
        return True

    def _decline_upgrade(self, rest: bytes) -> None:
        """Parse the request again without its offer, which stops the parser before the body (HTTP/2 in the clear)."""
        if self.scope["method"] == "CONNECT":
            self.send_400_response("this is no proxy")
            return
        lines = [b"%b %b HTTP/1.1" % (self.scope["method"].encode(), self.url)]
        for name, value in self.headers:
            if name == b"connection":
                tokens = [token.strip() for token in value.split(b",")]
                lines += [b"connection: " + token for token in tokens if token.lower() not in _UPGRADE_HEADERS]
            elif name not in _UPGRADE_HEADERS:
                lines.append(name + b": " + value)
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with JSON, too, and hang up."""
        body = b'{"error":"%s"}' % msg.encode("ascii", "replace").replace(b'"', b"'")
        head = STATUS_LINE[400] + b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % len(body) + body)
        self.transport.close()
