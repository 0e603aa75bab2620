"""Which connections are too slow to be kept. Pure: times are arguments.

Clients that send a byte now and then, or read nothing, would else hold connections, memory and places in the queue for
as long as they like. Bodies have a least rate, as Apache's ``mod_reqtimeout`` has (``body=20,MinRate=500``,
https://httpd.apache.org/docs/2.4/mod/mod_reqtimeout.html), since an honest large body may take its time.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

MIN_BODY_RATE = 500
"""Bytes per second of a body, on average after ``read_timeout_s``."""


class Phase(enum.Enum):
    """What a connection is waiting for."""

    IDLE = enum.auto()  # the next request
    HEAD = enum.auto()  # the rest of a request's line and headers
    BODY = enum.auto()  # the rest of a request's body
    ANSWER = enum.auto()  # this replica
    REST = enum.auto()  # the end of a body that nobody reads, since the request was refused


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds, see ``settings.Http``."""

    keep_alive_s: float
    read_timeout_s: float
    write_timeout_s: float

    def exceeded(self, phase: Phase, waited_s: float, body_bytes: int = 0) -> bool:
        """Whether a connection has been in a phase for too long; of its body, ``body_bytes`` have come."""
        if phase is Phase.IDLE:
            return waited_s > self.keep_alive_s
        if phase in (Phase.HEAD, Phase.REST):
            return waited_s > self.read_timeout_s
        if phase is Phase.BODY:
            return waited_s > self.read_timeout_s + body_bytes / MIN_BODY_RATE
        return False
