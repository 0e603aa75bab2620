"""Frames between the front and a predictor worker, over a Unix stream socket.

A frame is a header, a small ``meta`` and a ``body``; bodies are the raw bytes of a request or an answer, so that the
front neither parses nor copies them into messages.

    header = kind: u8, id: u32, length of meta: u32, length of body: u64   (network byte order)
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from io import BufferedReader
from typing import NamedTuple

HEADER = struct.Struct("!BIIQ")


class Kind(enum.IntEnum):
    """What a frame says."""

    SETTINGS = 0  # to the worker, first of all: body = the settings of the replica as JSON
    REQUEST = 1  # to the worker: meta = request id, body = the payload as received
    REQUEST_DEBUG = 2  # the same, with payload and prediction logged
    READY = 3  # from the worker: the predictor is built
    FAILED = 4  # from the worker: the predictor could not be built; meta = why, in a line; body = the traceback
    ANSWER = 5  # from the worker: meta = msgpack of cortex_runtime.answer.AnswerMeta, body = the answer's body


class Frame(NamedTuple):
    """One frame. ``id`` is the request's number on this connection; 0 where there is none."""

    kind: int
    id: int
    meta: bytes
    body: bytes


def read(stream: BufferedReader) -> Frame | None:
    """Read one frame from a blocking stream; None when the stream has ended, be it within a frame."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    kind, id, meta_length, body_length = HEADER.unpack(header)
    meta, body = stream.read(meta_length), stream.read(body_length)
    return Frame(kind, id, meta, body) if len(meta) == meta_length and len(body) == body_length else None


def head(kind: Kind, id: int, meta: bytes, body_length: int) -> bytes:
    """The bytes that go before a frame's body."""
    return HEADER.pack(kind, id, len(meta), body_length) + meta


class FrameBuffer:
    """Cuts a stream of bytes into frames, however the stream was split."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = HEADER.size

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add received bytes and yield the frames that are complete."""
        buffer = self._buffer
        if not buffer and len(data) >= HEADER.size:  # nearly always it is one whole frame, which need not be copied
            kind, id, meta_length, body_length = HEADER.unpack_from(data)
            meta_end = HEADER.size + meta_length
            if len(data) == meta_end + body_length:
                yield Frame(kind, id, data[HEADER.size : meta_end], data[meta_end:])
                return
        buffer += data
        while len(buffer) >= self._needed:
            kind, id, meta_length, body_length = HEADER.unpack_from(buffer)
            meta_end = HEADER.size + meta_length
            end = meta_end + body_length
            if len(buffer) < end:
                self._needed = end
                return
            with memoryview(buffer) as view:
                frame = Frame(kind, id, bytes(view[HEADER.size : meta_end]), bytes(view[meta_end:end]))
            del buffer[:end]
            self._needed = HEADER.size
            yield frame
