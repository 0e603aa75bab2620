"""gRPC's unary calls over one HTTP/2 connection of libcurl.

The protocol is that of https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: a POST whose body is one message
behind five bytes, and a status in the trailers. libcurl with nghttp2 does everything below: frames, header compression,
flow control, deadlines, reconnects. It takes less than half of the CPU time of grpcio's client, in which threads hand
each call over to one another.
"""

from __future__ import annotations

import select
import struct
from urllib.parse import quote, unquote_to_bytes

from cortex_runtime.errors import ModelServerError
from cortex_runtime.tf_serving.libcurl import pycurl

CONNECT_TIMEOUT_MS = 5000
UPLOAD_BUFFER_BYTES = 512 * 1024
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
    400: "INTERNAL",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "UNIMPLEMENTED",
    429: "UNAVAILABLE",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "UNAVAILABLE",
}
_NOT_HTTP2 = {pycurl.E_HTTP2, pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_FTP_WEIRD_SERVER_REPLY}  # "FTP" includes HTTP


_HUNG_UP = getattr(select, "POLLRDHUP", select.POLLHUP)  # the former is Linux's


class NotSentError(Exception):
    """The server could not be reached: nothing of the request was sent, so that it can be tried again."""


class _Upload:
    """What is to be sent. Not part of ``Connection``: libcurl's callbacks would hold that until a garbage collection,
    which are rare in a worker.
    """

    def __init__(self) -> None:
        self.message = memoryview(b"")
        self.position = 0

    def read(self, size: int) -> bytes:
        """The next part."""
        begin = self.position
        self.position = begin + size
        return bytes(self.message[begin : begin + size])


class _Download:
    """What has been received: nothing beyond the message that was announced."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self._size = self._expected = 0

    def clear(self) -> None:
        self.chunks.clear()
        self._size = self._expected = 0

    def write(self, data: bytes) -> int | None:
        """Take a part; anything but its length or None ends the transfer."""
        self.chunks.append(data)
        self._size += len(data)
        if self._expected == 0 and self._size >= PREFIX.size:
            begin = self.chunks[0] if len(self.chunks[0]) >= PREFIX.size else b"".join(self.chunks)
            self._expected = PREFIX.size + PREFIX.unpack_from(begin)[1]
        return None if self._size <= (self._expected or PREFIX.size) else 0


class Connection:
    """A connection to ``address`` (``host:port`` or ``unix:/path``) that is made when it is needed. For one thread."""

    def __init__(self, address: str) -> None:
        self._curl = curl = pycurl.Curl()
        self._upload, self._download = _Upload(), _Download()
        self._header_lines: list[bytes] = []
        self._dead = False
        self._method = ""
        self._timeout_ms = 0
        self._polled, self._poll = -1, select.poll()
        host = address
        if address.startswith("unix:"):
            path = address.removeprefix("unix:")
            curl.setopt(pycurl.UNIX_SOCKET_PATH, path.removeprefix("//"))
            host = "localhost"
        self._base = f"http://{host}"
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
        curl.setopt(pycurl.POST, 1)
        # With a function, a request that was sent in part cannot be sent again, which libcurl would do by itself when
        # an old connection breaks: a request may have brought the server down.
        curl.setopt(pycurl.READFUNCTION, self._upload.read)
        curl.setopt(pycurl.WRITEFUNCTION, self._download.write)
        curl.setopt(pycurl.HEADERFUNCTION, self._header_lines.append)
        curl.setopt(pycurl.UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS)
        curl.setopt(pycurl.TCP_KEEPALIVE, 1)
        curl.setopt(pycurl.NOSIGNAL, 1)
        # The model server is next door: a proxy in the environment is for the predictor's own requests.
        curl.setopt(pycurl.PROXY, "")

    @property
    def broken(self) -> bool:
        """Whether the server has closed the connection since the last call, or did not say anything during it.

        One that was never made is not broken.
        """
        if self._dead:
            return True
        socket: int = self._curl.getinfo(pycurl.ACTIVESOCKET)
        if socket < 0:
            return False
        if socket != self._polled:
            self._polled, self._poll = socket, select.poll()
            self._poll.register(socket, _HUNG_UP)
        return bool(self._poll.poll(0))

    def call(self, method: str, request: bytes, timeout_s: float) -> bytes:
        """Call a method with a serialized request; returns the serialized response.

        Raises:
            NotSentError: the server could not be reached.
            ModelServerError: with the code and the words of the server, or with what went wrong on the way.
        """
        if len(request) > MAX_MESSAGE_BYTES:
            raise ModelServerError(f"a message of {len(request)} bytes is too large for gRPC", "RESOURCE_EXHAUSTED")
        curl = self._curl
        self._upload.message = memoryview(PREFIX.pack(0, len(request)) + request)
        self._upload.position = 0
        self._download.clear()
        self._header_lines.clear()
        self._set_timeout(max(1, round(timeout_s * 1000)))
        if method != self._method:
            self._method = method
            curl.setopt(pycurl.URL, self._base + quote(method))
        curl.setopt(pycurl.POSTFIELDSIZE_LARGE, len(self._upload.message))
        try:
            curl.perform()
        except pycurl.error as error:
            raise self._error(*error.args) from None
        finally:
            self._upload.message = memoryview(b"")
        self._check_status()
        return self._response()

    def close(self) -> None:
        """Hang up."""
        self._curl.close()

    def _set_timeout(self, timeout_ms: int) -> None:
        if timeout_ms == self._timeout_ms:
            return
        self._timeout_ms = timeout_ms
        # At most eight digits; the server gives up when nobody waits any more.
        limit = f"{timeout_ms}m" if timeout_ms < 10**8 else f"{min(timeout_ms // 1000, 10**8 - 1)}S"
        self._curl.setopt(pycurl.TIMEOUT_MS, min(timeout_ms, 2**31 - 1))
        self._curl.setopt(
            pycurl.HTTPHEADER,
            ["content-type: application/grpc", "te: trailers", f"grpc-timeout: {limit}", "accept:", "expect:"],
        )

    def _error(self, number: int, words: str) -> Exception:
        if self._upload.position == 0:
            return NotSentError(words)
        if number == pycurl.E_OPERATION_TIMEDOUT:
            self._dead = not self._header_lines  # nobody may be there any more
            return ModelServerError(words, "DEADLINE_EXCEEDED")
        if number == pycurl.E_WRITE_ERROR:
            return ModelServerError("the answer is longer than its message", "INTERNAL")
        if number in _NOT_HTTP2:
            return ModelServerError(
                f"the connection broke off, or what answers does not speak gRPC: {words}", "UNAVAILABLE"
            )
        return ModelServerError(f"the connection was lost during the call: {words}", "UNAVAILABLE")

    def _check_status(self) -> None:
        status = message = b""
        for line in self._header_lines:
            if line.startswith(b"grpc-status:"):
                status = line[12:].strip()
            elif line.startswith(b"grpc-message:"):
                message = line[13:].strip()
        if status == b"0":
            return
        words = unquote_to_bytes(message).decode(errors="replace")
        if status.isdigit():
            code = _CODES[int(status)] if len(status) < 3 and int(status) < len(_CODES) else "UNKNOWN"
            raise ModelServerError(words or "no reason given", code)
        http_status = self._curl.getinfo(pycurl.RESPONSE_CODE)
        raise ModelServerError(
            f"the answer has no status of gRPC; that of HTTP is {http_status}",
            _CODES_BY_HTTP_STATUS.get(http_status, "UNKNOWN"),
        )

    def _response(self) -> bytes:
        chunks = self._download.chunks
        if len(chunks) > 1 and len(chunks[0]) >= PREFIX.size:
            prefix, chunks[0] = chunks[0][: PREFIX.size], chunks[0][PREFIX.size :]
            message = b"".join(chunks)
        else:
            data = b"".join(chunks)
            prefix, message = data[: PREFIX.size], data[PREFIX.size :]
        chunks.clear()
        if len(prefix) < PREFIX.size:
            raise ModelServerError("the answer is empty", "INTERNAL")
        compressed, length = PREFIX.unpack(prefix)
        if compressed:
            raise ModelServerError("the answer is compressed, which was not asked for", "UNIMPLEMENTED")
        if length != len(message):
            raise ModelServerError(f"the answer has {len(message)} bytes instead of {length}", "INTERNAL")
        return message
