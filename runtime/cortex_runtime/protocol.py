"""Uvicorn's HTTP protocol, which also says at once when a client goes away.

ASGI tells so only to an app that waits for it, which would cost every queued request a task of its own.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .front import CONTEXT, Context


class FrontProtocol(HttpToolsProtocol):
    """One connection of a client."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that was not answered yet."""
        super().connection_lost(exc)
        if self.cycle is not None and self.cycle.disconnected:
            context = self.cycle.scope.get(CONTEXT)
            if isinstance(context, Context):
                context.client_gone()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with JSON, too, and hang up."""
        body = b'{"error":"%s"}' % msg.encode("ascii", "replace").replace(b'"', b"'")
        head = STATUS_LINE[400] + b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % len(body) + body)
        self.transport.close()
