"""Calls to TensorFlow Serving with bytes on both sides, from any number of threads."""

from __future__ import annotations

import os
import threading
import time
import weakref
from types import TracebackType

from cortex_runtime.errors import ModelServerError
from cortex_runtime.tf_serving.http2 import NotSentError
from cortex_runtime.tf_serving.unary import UnaryConnection

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
"""Between two attempts to reach a server: it is found within a second after it came back."""


class Channel:
    """Every thread that calls has a connection of its own, made when it first calls, and again when it broke.

    A process that is forked makes connections of its own, too. Messages may be of any size that gRPC allows.

    Args:
        address: ``host:port`` or ``unix:/path``.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._own = threading.local()
        self._closed = False
        _channels.add(self)

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def call(self, method: str, request: bytes, *, timeout_s: float, wait_for_ready: bool = False) -> bytes:
        """Call a method with a serialized request.

        Args:
            method: full name of the method, see ``messages``.
            timeout_s: deadline of the call in seconds.
            wait_for_ready: while the server is not reachable, wait until the deadline instead of failing at once.

        Returns:
            The serialized response.

        Raises:
            ModelServerError: with the code and the words of the server or of the connection.
        """
        end = time.monotonic() + timeout_s
        pause_s, remaining_s = FIRST_PAUSE_S, timeout_s
        while True:
            try:
                return self._connection().call(method, request, remaining_s)
            except NotSentError as error:
                words = str(error)
            if not wait_for_ready:
                raise ModelServerError(words, "UNAVAILABLE")
            time.sleep(max(0.0, min(pause_s, end - time.monotonic())))
            remaining_s = end - time.monotonic()
            if remaining_s <= 0:
                raise ModelServerError(words, "DEADLINE_EXCEEDED")
            pause_s = min(LONGEST_PAUSE_S, 1.5 * pause_s)

    def close(self) -> None:
        """Make no more calls, and hang up in this thread. Calls that run in others come to their end."""
        self._closed = True
        connection: UnaryConnection | None = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()

    def forget_connections(self) -> None:
        """Make new connections from now on."""
        self._own = threading.local()

    def _connection(self) -> UnaryConnection:
        if self._closed:
            raise ModelServerError("the connection to the model server was closed", "CANCELLED")
        connection: UnaryConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = UnaryConnection(self.address)
        return connection


_channels: weakref.WeakSet[Channel] = weakref.WeakSet()


def _forget_connections() -> None:
    for channel in _channels:
        channel.forget_connections()


# What a fork closes stays open in its parent.
os.register_at_fork(after_in_child=_forget_connections)
