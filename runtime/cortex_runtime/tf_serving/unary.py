"""gRPC's unary calls.

The protocol is that of https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: a POST whose body is one message
behind five bytes, and a status in the trailers.
"""

from __future__ import annotations

import struct
from urllib.parse import quote, unquote_to_bytes

from cortex_runtime.errors import ModelServerError
from cortex_runtime.tf_serving.http2 import BrokenError, DeadlineError, Http2Connection
from cortex_runtime.tf_serving.http2_frames import Fields, compress

PREFIX = struct.Struct("!BI")
"""Before a message: whether it is compressed, and its length."""

MAX_MESSAGE_BYTES = 2**32 - 1

_CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
# What a status of HTTP stands for where there is none of gRPC:
# https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
_CODES_BY_HTTP_STATUS = {
    "400": "INTERNAL",
    "401": "UNAUTHENTICATED",
    "403": "PERMISSION_DENIED",
    "404": "UNIMPLEMENTED",
    "429": "UNAVAILABLE",
    "502": "UNAVAILABLE",
    "503": "UNAVAILABLE",
    "504": "UNAVAILABLE",
}


class UnaryConnection:
    """A connection to ``address`` (``host:port`` or ``unix:/path``) that is made when it is needed. For one thread."""

    def __init__(self, address: str) -> None:
        self._connection = Http2Connection(address)
        self._authority = "localhost" if address.startswith("unix:") else address
        self._header: tuple[str, int] | None = None
        self._header_block = b""

    def call(self, method: str, request: bytes, timeout_s: float) -> bytes:
        """Call a method with a serialized request; returns the serialized response.

        Raises:
            NotSentError: the server did not get the request.
            ModelServerError: with the code and the words of the server, or with what went wrong on the way.
        """
        if len(request) > MAX_MESSAGE_BYTES:
            raise ModelServerError(f"a message of {len(request)} bytes is too large for gRPC", "RESOURCE_EXHAUSTED")
        timeout_ms = max(1, round(timeout_s * 1000))
        if self._header != (method, timeout_ms):
            self._header = (method, timeout_ms)
            self._header_block = self._compress_header(method, timeout_ms)
        answer = _Answer()
        try:
            blocks = self._connection.request(
                self._header_block, PREFIX.pack(0, len(request)) + request, timeout_s=timeout_s, received=answer.add
            )
        except DeadlineError as error:
            raise ModelServerError(str(error), "DEADLINE_EXCEEDED") from None
        except BrokenError as error:
            raise ModelServerError(str(error), "UNAVAILABLE") from None
        _check_status(blocks)
        return answer.message()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _compress_header(self, method: str, timeout_ms: int) -> bytes:
        # At most eight digits; the server gives up when nobody waits any more.
        limit = f"{timeout_ms}m" if timeout_ms < 10**8 else f"{min(timeout_ms // 1000, 10**8 - 1)}S"
        return compress(
            (
                (":method", "POST"),
                (":scheme", "http"),
                (":path", quote(method)),
                (":authority", self._authority),
                ("content-type", "application/grpc"),
                ("te", "trailers"),
                ("grpc-timeout", limit),
            )
        )


class _Answer:
    """What has been received: nothing beyond the message that was announced."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._whole: int | None = None

    def add(self, part: bytes) -> None:
        """Take a part."""
        self._parts.append(part)
        self._size += len(part)
        if self._whole is None and self._size >= PREFIX.size:
            begin = self._parts[0] if len(self._parts[0]) >= PREFIX.size else b"".join(self._parts)
            self._whole = PREFIX.size + PREFIX.unpack_from(begin)[1]
        if self._whole is not None and self._size > self._whole:
            raise ModelServerError("the answer is longer than its message", "INTERNAL")

    def message(self) -> bytes:
        """The message, when all has been received."""
        if self._whole is None:
            raise ModelServerError("the answer is empty", "INTERNAL")
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        if data[0]:
            raise ModelServerError("the answer is compressed, which was not asked for", "UNIMPLEMENTED")
        if self._size != self._whole:
            had, expected = self._size - PREFIX.size, self._whole - PREFIX.size
            raise ModelServerError(f"the answer has {had} bytes instead of {expected}", "INTERNAL")
        return data[PREFIX.size :]


def _check_status(blocks: list[Fields]) -> None:
    fields = blocks[-1]
    status = fields.get(b"grpc-status", b"")
    if status == b"0":
        return
    words = unquote_to_bytes(fields.get(b"grpc-message", b"")).decode(errors="replace")
    if status.isdigit():
        code = _CODES[int(status)] if len(status) < 3 and int(status) < len(_CODES) else "UNKNOWN"
        raise ModelServerError(words or "no reason given", code)
    http_status = blocks[0].get(b":status", b"").decode(errors="replace")
    raise ModelServerError(
        f"the answer has no status of gRPC; that of HTTP is {http_status or 'missing'}",
        _CODES_BY_HTTP_STATUS.get(http_status, "UNKNOWN"),
    )
