"""What a worker answers to a request, apart from the bytes of the body."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from .tracker import Observation

JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"


class AnswerMeta(msgspec.Struct, frozen=True, array_like=True):
    """Status and kind of an answer, and what the tracker is to record of it."""

    status: int
    content_type: Literal["application/json", "application/octet-stream"] = JSON
    observation: Observation | None = None


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(AnswerMeta).decode
