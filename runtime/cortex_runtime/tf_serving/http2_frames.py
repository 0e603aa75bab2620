"""What HTTP/2 is made of: frames (RFC 9113, section 4) and compressed header blocks (RFC 7541)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import hpack

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE = 0, 1, 3, 4, 5
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 6, 7, 8, 9

END_STREAM = ACK = 0x1
END_HEADERS, PADDED, PRIORITY = 0x4, 0x8, 0x20

CANCEL, REFUSED_STREAM = 8, 7
"""Reasons for a reset."""

HEADER_TABLE_SIZE, ENABLE_PUSH, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 2, 4, 5
"""Settings."""

HEAD = struct.Struct("!BHBBI")
"""A frame's head: the 24 bits of its payload's length as 8 and 16, kind, flags, stream."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MAX_HEADER_BLOCK_BYTES = 64 * 1024

_NO_TABLE = b"\x20"
"""At the beginning of each block: that nothing is kept. It would be due when the server makes its own table smaller."""
_KNOWN_BLOCKS = 64
_PRIORITY_BYTES = 5
_SETTING = struct.Struct("!HI")
_NUMBER = struct.Struct("!I")

Fields = dict[bytes, bytes]


class FrameError(Exception):
    """A frame is not what the protocol allows."""


def head(kind: int, flags: int, stream: int, size: int) -> bytes:
    """The head of a frame whose payload has ``size`` bytes."""
    return HEAD.pack(size >> 16, size & 0xFFFF, kind, flags, stream)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A whole frame."""
    return head(kind, flags, stream, len(payload)) + payload


def number(value: int) -> bytes:
    """The payload of a reset (its reason) or of a wider window (by how much)."""
    return _NUMBER.pack(value)


def read_number(payload: bytes, position: int = 0) -> int:
    """A number of 32 bits."""
    if len(payload) < position + _NUMBER.size:
        raise FrameError("a frame is too short")
    value: int = _NUMBER.unpack_from(payload, position)[0]
    return value


def read_stream(payload: bytes) -> int:
    """A number of 31 bits: a stream, or a window's size."""
    return read_number(payload) & 0x7FFFFFFF


def settings(values: dict[int, int]) -> bytes:
    """The payload of a SETTINGS frame."""
    return b"".join(_SETTING.pack(key, value) for key, value in values.items())


def read_settings(payload: bytes) -> Iterator[tuple[int, int]]:
    """Keys and values of a SETTINGS frame, in their order."""
    if len(payload) % _SETTING.size:
        raise FrameError("settings are cut off")
    return _SETTING.iter_unpack(payload)


def content(kind: int, flags: int, payload: bytes) -> bytes:
    """The payload of a DATA or HEADERS frame without padding and priority."""
    if flags & PADDED:
        if not payload or payload[0] >= len(payload):
            raise FrameError("a frame has more padding than content")
        payload = payload[1 : len(payload) - payload[0]]
    return payload[_PRIORITY_BYTES:] if kind == HEADERS and flags & PRIORITY else payload


def compress(fields: Iterable[tuple[str, str]]) -> bytes:
    """A header block that leaves no trace on a connection: it may be sent any number of times, on any of them."""
    literals = [hpack.NeverIndexedHeaderTuple(name, value) for name, value in fields]
    return _NO_TABLE + hpack.Encoder().encode(literals)


class HeaderReader:
    """Reads the header blocks of one connection, in their order.

    A peer that was told to keep no table (``HEADER_TABLE_SIZE``: 0), and has said that it keeps none, means the same by
    equal blocks: each is decompressed once.
    """

    def __init__(self) -> None:
        self._decoder = hpack.Decoder(MAX_HEADER_BLOCK_BYTES)
        self._known: dict[bytes, Fields] = {}

    def read(self, block: bytes) -> Fields:
        """The fields of a block; of those with the same name the last."""
        fields = self._known.get(block)
        if fields is not None:
            return fields
        had_no_table = self._decoder.header_table_size == 0
        try:
            fields = dict(self._decoder.decode(block, raw=True))
        except hpack.HPACKError as error:
            raise FrameError(f"a header cannot be read: {error}") from None
        if had_no_table and self._decoder.header_table_size == 0:
            if len(self._known) >= _KNOWN_BLOCKS:
                self._known.clear()
            self._known[block] = fields
        return fields
