"""gRPC channels to TensorFlow Serving, and calls on them with bytes on both sides."""

from __future__ import annotations

from typing import Any

import grpc

from cortex_runtime.errors import ModelServerError

_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A model server that comes back is found within a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A peer that vanished without closing is noticed. Servers cut off clients that ping more often than every 5 min.
    ("grpc.keepalive_time_ms", 310_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # The model server is next door: a proxy in the environment is for the predictor's own requests.
    ("grpc.enable_http_proxy", 0),
    # Every channel has its own connection, so that close() ends it.
    ("grpc.use_local_subchannel_pool", 1),
]


def connect(address: str) -> grpc.Channel:
    """A channel to ``address`` (``host:port`` or ``unix:/path``) which connects when it is first used.

    It passes messages of any size and reconnects by itself, at least once a second while there are calls.
    """
    return grpc.insecure_channel(address, options=_OPTIONS)


def call(
    channel: grpc.Channel, method: str, request: bytes, *, timeout_s: float, wait_for_ready: bool = False
) -> bytes:
    """Call a method with a serialized request.

    Args:
        method: full name of the method, see ``messages``.
        timeout_s: deadline of the call in seconds.
        wait_for_ready: while the server is not reachable, wait until the deadline instead of failing at once.

    Returns:
        The serialized response.

    Raises:
        ModelServerError: with the code and the words of the server or of gRPC.
    """
    try:
        response: bytes = channel.unary_unary(method, None, None)(
            request, timeout=timeout_s, wait_for_ready=wait_for_ready
        )
    except grpc.RpcError as error:
        raise ModelServerError(error.details() or "no reason given", error.code().name) from error
    except ValueError as error:  # how grpc says that the channel is closed
        raise ModelServerError(str(error), "CANCELLED") from error
    return response
