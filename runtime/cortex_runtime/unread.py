"""How much of what was sent a client has not taken yet."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import sys
import termios


def unread_bytes(transport: asyncio.WriteTransport) -> int:
    """Bytes in the transport's buffer, and of those that it has given away, on Linux, in the kernel's.

    The latter tell of a client that reads little by little: the kernel takes more only when about a third of its buffer
    is free again, which may take long.
    """
    waiting = transport.get_write_buffer_size()
    socket = transport.get_extra_info("socket")
    if waiting == 0 or socket is None or sys.platform != "linux":
        return waiting
    try:
        (unacknowledged,) = struct.unpack("i", fcntl.ioctl(socket.fileno(), termios.TIOCOUTQ, bytes(4)))
    except OSError:
        return waiting
    return waiting + int(unacknowledged)
