"""A client's side of one HTTP/2 connection that carries one request at a time (RFC 9113).

That is all that gRPC's unary calls from one thread need, and little of the protocol: no priorities, no pushes, no
streams side by side. A request and its answer are five system calls of the thread that makes the request, where the
threads of grpcio hand a call over to one another.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import Any

from cortex_runtime.tf_serving import http2_frames as h2
from cortex_runtime.tf_serving.http2_frames import Fields, FrameError

CONNECT_TIMEOUT_S = 5.0
RECEIVE_BYTES = 64 * 1024
QUEUED_BYTES = 4 * 1024 * 1024
"""How much of a request is made into frames at once, at most."""
WINDOW = 2**31 - 1
"""How much a server may send before it is told of more: all that the protocol allows, for answers are wanted whole."""
MAX_FRAME_BYTES = 16 * 1024
"""What a frame may have that comes in, and one that goes out until the server allows more: the protocol's default."""

_FIRST_WINDOW = 65_535
_LAST_STREAM = 2**31 - 1
_BUFFERS_AT_ONCE = 512  # of a system call; Linux takes 1,024
_NUMBERLESS = ("timed out", "AF_UNIX path too long")  # what Python's sockets raise without a number
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)  # a predictor may have set SIGPIPE back to what kills


class NotSentError(Exception):
    """The server did not get the request, or says that it did nothing with it: it can be sent again."""


class BrokenError(Exception):
    """The connection was lost during a request, or what answers does not speak HTTP/2, or the server gave it up."""


class DeadlineError(Exception):
    """An answer was not complete in time."""


class _LostError(Exception):
    """The socket failed. Not an OSError: predictors may raise those in the middle of a call, from a signal handler."""


class Http2Connection:
    """A connection to ``address`` (``host:port`` or ``unix:/path``), made when it is needed, and again after it broke.

    For one thread.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._unsent: list[bytes | memoryview] = []
        self._stream = -1
        self._first_window = _FIRST_WINDOW

    def __del__(self) -> None:
        self.close()

    def request(
        self, header_block: bytes, body: bytes, *, timeout_s: float, received: Callable[[bytes], object]
    ) -> list[Fields]:
        """Send a request and wait until its answer is complete.

        Args:
            header_block: see ``http2_frames.compress``.
            body: not empty.
            timeout_s: how long sending and waiting may take, in seconds.
            received: called with each part of the answer's body. What it raises ends the request and the connection.

        Returns:
            The answer's header fields and, where it has some, those of its trailers.

        Raises:
            NotSentError: nobody was reached, or the server did not begin with it.
            BrokenError: the server may have got the request.
            DeadlineError: so it may.
        """
        self._end = time.monotonic() + timeout_s
        self._begun = False
        try:
            if self._socket is not None and not self._is_alive():
                self.close()
            if self._socket is None:
                self._connect()
            self._stream += 2
            self._stream_window = self._first_window
            self._stream_unacknowledged = 0
            self._blocks: list[Fields] = []
            self._failure: tuple[type[Exception], str] | None = None
            self._received = received
            self._complete = False
            try:
                self._exchange(header_block, memoryview(body))
            except DeadlineError:
                self._give_up()
                raise
        except (NotSentError, DeadlineError):
            raise
        except (_LostError, FrameError) as error:
            self.close()
            failure = BrokenError if self._begun else NotSentError
            raise failure(f"the connection was lost: {error}") from None
        except BaseException:
            self.close()
            raise
        finally:
            self._complete = True  # what still comes is nobody's
            self._received = _ignore
        self._raise_failure()
        return self._blocks

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._unsent.clear()

    def _connect(self) -> None:
        self._socket = self._reach()
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._events = select.POLLIN
        self._incoming = b""
        self._complete = True
        self._headers = h2.HeaderReader()
        self._headers_begun: tuple[int, int, bytes] | None = None  # flags, stream, block: until its last frame
        self._greeted = self._leaving = False
        self._stream = -1
        self._window = self._first_window = _FIRST_WINDOW
        self._max_frame = MAX_FRAME_BYTES
        self._unacknowledged = 0
        settings = h2.settings({h2.HEADER_TABLE_SIZE: 0, h2.ENABLE_PUSH: 0, h2.INITIAL_WINDOW_SIZE: WINDOW})
        self._unsent.append(
            h2.PREFACE
            + h2.frame(h2.SETTINGS, 0, 0, settings)
            + h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.number(WINDOW - _FIRST_WINDOW))
        )

    def _reach(self) -> socket.socket:
        """A socket that is connected."""
        targets: list[tuple[int, Any]]
        words = "there was no time left"
        try:
            if self._address.startswith("unix:"):
                targets = [(socket.AF_UNIX, self._address.removeprefix("unix:").removeprefix("//"))]
            else:
                host, _, port = self._address.rpartition(":")
                found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
                targets = [(family, target) for family, _, _, _, target in found]
        except (OSError, UnicodeError) as error:
            if _is_of_another(error):
                raise
            targets, words = [], getattr(error, "strerror", None) or str(error)
        for family, target in targets:
            remaining_s = min(CONNECT_TIMEOUT_S, self._end - time.monotonic())
            if remaining_s <= 0:
                break
            reached = socket.socket(family, socket.SOCK_STREAM)
            try:
                reached.settimeout(remaining_s)
                reached.connect(target)
                if family != socket.AF_UNIX:
                    reached.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    reached.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                return reached
            except BaseException as error:
                reached.close()
                if not isinstance(error, OSError) or _is_of_another(error):
                    raise
                words = error.strerror or str(error)
        raise NotSentError(f"cannot connect to {self._address}: {words}")

    def _is_alive(self) -> bool:
        """Take in what has come since the last request, such as a farewell.

        Nobody reads in between: a server's ping waits for its answer until then.
        """
        self._poll_for(select.POLLIN)
        try:
            while self._poll.poll(0) and time.monotonic() < self._end:
                self._receive()
        except (_LostError, FrameError):
            return False
        return not self._leaving and self._stream + 2 <= _LAST_STREAM

    def _exchange(self, header_block: bytes, rest: memoryview) -> None:
        self._unsent.append(h2.frame(h2.HEADERS, h2.END_HEADERS, self._stream, header_block))
        rest = self._queue(rest)
        lost = False
        while not self._complete:
            if self._unsent and not lost:
                lost = not self._try_to_send()  # its last words may be the answer, all the same
            has_more = not lost and (self._unsent or (rest and min(self._window, self._stream_window) > 0))
            self._poll_for(select.POLLIN | select.POLLOUT if has_more else select.POLLIN)
            remaining_s = self._end - time.monotonic()
            if remaining_s <= 0:
                raise DeadlineError("there was no whole answer in time")
            for _, events in self._poll.poll(min(remaining_s * 1000 + 1, 2**31 - 1)):
                if events & ~select.POLLOUT:
                    self._receive()
            if rest and not self._unsent and not lost:
                rest = self._queue(rest)
        if lost or not self._try_to_send():
            self.close()
        elif rest or self._unsent:  # it was answered before it was complete
            self._give_up()

    def _poll_for(self, events: int) -> None:
        if events != self._events:
            self._events = events
            self._poll.modify(self._open_socket, events)

    @property
    def _open_socket(self) -> socket.socket:
        assert self._socket is not None
        return self._socket

    def _queue(self, rest: memoryview) -> memoryview:
        """Put as much of the body in line as the server has room for; returns what is left."""
        size = min(len(rest), self._window, self._stream_window, QUEUED_BYTES)
        if size <= 0:
            return rest
        for begin in range(0, size, self._max_frame):
            part = rest[begin : min(begin + self._max_frame, size)]
            flags = h2.END_STREAM if begin + len(part) == len(rest) else 0
            self._unsent += (h2.head(h2.DATA, flags, self._stream, len(part)), part)
        self._window -= size
        self._stream_window -= size
        return rest[size:]

    def _try_to_send(self) -> bool:
        """Send what is in line, or as much of it as there is room for; returns whether the connection lets it."""
        while self._unsent:
            try:
                sent = self._open_socket.sendmsg(self._unsent[:_BUFFERS_AT_ONCE], (), _NO_SIGNAL)
            except BlockingIOError:
                return True
            except OSError as error:
                if _is_of_another(error):
                    raise
                return False
            self._begun = True
            whole = 0
            while whole < len(self._unsent) and len(self._unsent[whole]) <= sent:
                sent -= len(self._unsent[whole])
                whole += 1
            del self._unsent[:whole]
            if sent:
                self._unsent[0] = memoryview(self._unsent[0])[sent:]
        return True

    def _give_up(self) -> None:
        """End the request before its time. The connection stays if the server has begun to answer on it."""
        self._unsent.append(h2.frame(h2.RST_STREAM, 0, self._stream, h2.number(h2.CANCEL)))
        if not self._try_to_send() or self._unsent or not self._blocks:  # nobody may be there any more
            self.close()

    def _receive(self) -> None:
        """Take in what has come, once."""
        try:
            data = self._open_socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            if _is_of_another(error):
                raise
            raise _LostError(error.strerror) from None
        if not data:
            raise _LostError("the server hung up")
        incoming = self._incoming + data if self._incoming else data
        position = 0
        while len(incoming) - position >= h2.HEAD.size:
            high, low, kind, flags, stream = h2.HEAD.unpack_from(incoming, position)
            length = high << 16 | low
            if not self._greeted and kind != h2.SETTINGS:
                raise FrameError("what answers does not speak HTTP/2")
            if length > MAX_FRAME_BYTES:
                raise FrameError("a frame is too large")
            begin = position + h2.HEAD.size
            if len(incoming) < begin + length:
                break
            position = begin + length
            self._take(kind, flags, stream & _LAST_STREAM, incoming[begin:position])
        self._incoming = incoming[position:]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if (self._headers_begun is not None) != (kind == h2.CONTINUATION):
            raise FrameError("a header block is interrupted")
        if kind in (h2.DATA, h2.HEADERS, h2.RST_STREAM) and not (stream & 1 and stream <= self._stream):
            raise FrameError("a frame is of no request")
        if kind == h2.DATA:
            self._take_data(flags, stream, payload)
        elif kind == h2.HEADERS:
            self._take_headers(flags, stream, h2.content(kind, flags, payload))
        elif kind == h2.CONTINUATION:
            assert self._headers_begun is not None
            first_flags, first_stream, block = self._headers_begun
            if stream != first_stream:
                raise FrameError("a header block is interrupted")
            self._take_headers(first_flags | flags & h2.END_HEADERS, stream, block + payload)
        elif kind == h2.SETTINGS:
            self._greeted = True
            if not flags & h2.ACK:
                self._take_settings(payload)
        elif kind == h2.PING and not flags & h2.ACK:
            self._unsent.append(h2.frame(h2.PING, h2.ACK, 0, payload))
        elif kind == h2.WINDOW_UPDATE:
            if stream == 0:
                self._window += h2.read_stream(payload)
            elif stream == self._stream:
                self._stream_window += h2.read_stream(payload)
        elif kind == h2.RST_STREAM:
            reason = h2.read_number(payload)
            if reason == h2.REFUSED_STREAM:
                self._fail(stream, NotSentError, "the server refused the request")
            else:
                self._fail(stream, BrokenError, f"the server gave up the request (reason {reason} of HTTP/2)")
        elif kind == h2.GOAWAY:
            self._leaving = True
            if h2.read_stream(payload) < self._stream:
                self._fail(self._stream, NotSentError, "the server is going away")
        elif kind == h2.PUSH_PROMISE:
            raise FrameError("something is pushed, which was not asked for")

    def _fail(self, stream: int, kind: type[Exception], words: str) -> None:
        if stream == self._stream and not self._complete:
            self._complete = True
            self._failure = (kind, words)

    def _raise_failure(self) -> None:
        if self._failure:
            kind, words = self._failure  # were the exception itself kept, it would hold the connection in a circle
            raise kind(words)

    def _take_data(self, flags: int, stream: int, payload: bytes) -> None:
        self._unacknowledged += len(payload)
        if self._unacknowledged > WINDOW // 2:
            self._widen_window(0, self._unacknowledged)
            self._unacknowledged = 0
        if stream != self._stream or self._complete:
            return  # of a request that was given up
        self._stream_unacknowledged += len(payload)
        if self._stream_unacknowledged > WINDOW // 2:
            self._widen_window(stream, self._stream_unacknowledged)
            self._stream_unacknowledged = 0
        if not self._blocks:
            raise FrameError("an answer has no header")
        if part := h2.content(h2.DATA, flags, payload):
            self._received(part)
        self._complete = bool(flags & h2.END_STREAM)

    def _widen_window(self, stream: int, size: int) -> None:
        self._unsent.append(h2.frame(h2.WINDOW_UPDATE, 0, stream, h2.number(size)))

    def _take_headers(self, flags: int, stream: int, block: bytes) -> None:
        if len(block) > h2.MAX_HEADER_BLOCK_BYTES:
            raise FrameError("a header is too large")
        if not flags & h2.END_HEADERS:
            self._headers_begun = (flags, stream, block)
            return
        self._headers_begun = None
        fields = self._headers.read(block)
        if stream != self._stream or self._complete or fields.get(b":status", b"").startswith(b"1"):
            return  # of a request that was given up, or only the announcement of an answer
        self._blocks.append(fields)
        self._complete = bool(flags & h2.END_STREAM)

    def _take_settings(self, payload: bytes) -> None:
        for key, value in h2.read_settings(payload):
            if key == h2.INITIAL_WINDOW_SIZE:
                self._stream_window += value - self._first_window
                self._first_window = value
            elif key == h2.MAX_FRAME_SIZE:
                self._max_frame = max(MAX_FRAME_BYTES, value)
        self._unsent.append(h2.frame(h2.SETTINGS, h2.ACK, 0, b""))


def _ignore(part: bytes) -> None:
    """Take what is nobody's."""


def _is_of_another(error: Exception) -> bool:
    """Whether an OSError is not the socket's, which have a number, but a signal handler's, such as a TimeoutError."""
    return isinstance(error, OSError) and error.errno is None and str(error) not in _NUMBERLESS
