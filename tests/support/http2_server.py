"""An HTTP/2 server that answers with whatever bytes a test wants: frames that no well-behaved server sends.

Of the protocol (RFC 9113, RFC 7541) it knows just enough to find out when a request is complete.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE = 0, 1, 3, 4, 5
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def headers(stream: int, fields: dict[str, str], *, end: bool = False) -> bytes:
    """Header fields, as literals that go into no table."""
    block = b"".join(
        b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)


def message(data: bytes, *, compressed: int = 0, length: int | None = None) -> bytes:
    """A message of gRPC behind its prefix."""
    return struct.pack("!BI", compressed, len(data) if length is None else length) + data


def good(stream: int, data: bytes) -> bytes:
    """An answer that is as it should be."""
    return (
        headers(stream, {":status": "200", "content-type": "application/grpc"})
        + frame(DATA, 0, stream, message(data))
        + headers(stream, {"grpc-status": "0"}, end=True)
    )


def _end(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


class Http2Server:
    """Listens on a Unix socket.

    Attributes:
        requests: the bodies of complete requests.
        connections: how many were made.
    """

    def __init__(
        self, path: Path, answer: Callable[[int, bytes], bytes | None], *, answers_after: int | None = None
    ) -> None:
        """``answer(stream, body)`` gives the bytes to send; None hangs up instead.

        It is called when a request is complete or, with ``answers_after``, as soon as it has that many bytes.
        """
        self.address = f"unix:{path}"
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._answers_after = answers_after
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Close everything."""
        _end(self._listener)
        self.hang_up()

    def send(self, data: bytes) -> None:
        """Send bytes on all connections, unasked."""
        for sock in self._open:
            sock.sendall(data)

    def hang_up(self) -> None:
        """Close all connections."""
        for sock in self._open:
            _end(sock)
        self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock, sock.makefile("rb") as reader:
            if reader.read(len(PREFACE)) != PREFACE:  # it was given up at once
                return
            sock.sendall(frame(SETTINGS, 0, 0))
            body = b""
            while head := reader.read(9):
                size, kind, flags, stream = int.from_bytes(head[:3]), head[3], head[4], int.from_bytes(head[5:9])
                payload = reader.read(size)
                if kind == SETTINGS and not flags & ACK:
                    sock.sendall(frame(SETTINGS, ACK, 0))
                elif kind == HEADERS:
                    body = b""
                elif kind == DATA:
                    body += payload
                    if payload and self._answers_after:  # the connection's window is that of all requests together
                        sock.sendall(frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", len(payload))))
                    enough = self._answers_after is not None and len(body) >= self._answers_after
                    if flags & END_STREAM or enough:
                        self.requests.append(body)
                        answer = self._answer(stream, body)
                        if answer is None:
                            break
                        sock.sendall(answer)
