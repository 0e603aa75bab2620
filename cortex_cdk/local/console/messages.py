"""What a replica's side of the console tells the process of ``cortex-cdk serve``: one JSON object a line."""

from __future__ import annotations

from typing import Any

import msgspec


class Second(msgspec.Struct, frozen=True, kw_only=True, tag="second"):
    """What was measured over about one second.

    Attributes:
        at: start of the second of wall clock, in seconds since the epoch.
        seconds: how long was measured; more than 1 when the process was too busy to look.
        in_flight: mean number of requests received and not yet answered.
        queued: mean number of those that waited for a slot.
        requests: answers by status code.
        p50_s, p99_s: latency of these answers; None without any.
    """

    at: int
    seconds: float
    in_flight: float
    queued: float
    requests: dict[str, int]
    p50_s: float | None
    p99_s: float | None


class Condition(msgspec.Struct, frozen=True, kw_only=True, tag="condition"):
    """How the replica is, sent whenever that changes.

    Attributes:
        not_ready_because: empty when it is ready.
        draining: whether it is stopping.
        summary: what GET on the endpoint answers.
    """

    not_ready_because: list[str]
    draining: bool
    summary: dict[str, Any]


class Load(msgspec.Struct, frozen=True, kw_only=True, tag="load"):
    """A load report, as the scaler would read it; see ``cortex_cdk.autoscaling.LoadReport``."""

    bucket: int
    in_flight: float
    seconds: float
    queued: float
    arrived: int
    served: int


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """The first line: whose lines follow."""

    api: str


Message = Hello | Second | Condition | Load

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Message).decode
MOST_BYTES = 1 << 20
"""Of a line: a model may have hundreds of inputs, which are in the summary."""
