"""The error that an RPC ends with, and where its gRPC code comes from.

Codes and words follow TensorFlow Serving (in its sources ``servables/tensorflow`` and ``core/basic_manager.cc``), so
that a predictor sees here what it will see in production.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import grpc

_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}
_DEFINED_AT = re.compile(r"\AGraph execution error:\n.*?^Node: '[^'\n]*'\n", re.DOTALL | re.MULTILINE)
# gRPC sends a status message as a header, percent-encoded, and a client refuses headers above 8 KiB.
_LONGEST = 6_000


class ServingError(Exception):
    """A call cannot be answered. ``code`` and the message are what the caller receives."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def number(self) -> int:
        """The code as a number, as a ``StatusProto`` has it."""
        number: int = self.code.value[0]
        return number

    @property
    def details(self) -> str:
        """The message, short enough to be sent."""
        return shortened(str(self))


def invalid_argument(message: str) -> ServingError:
    """The request is wrong whatever the state of the server."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> ServingError:
    """There is no such model or version, or it is not available."""
    return ServingError(grpc.StatusCode.NOT_FOUND, message)


def from_tensorflow(error: Exception) -> ServingError:
    """Translate a ``tf.errors.OpError``, whose codes are gRPC's numbers."""
    code = _BY_NUMBER.get(getattr(error, "error_code", None) or 2, grpc.StatusCode.UNKNOWN)
    message = str(getattr(error, "message", error))
    # Python's Session puts the place where a node was defined before the message, which says nothing of an export.
    return ServingError(code, _DEFINED_AT.sub("", message))


def shortened(message: str) -> str:
    """Cut a message that would not fit into a gRPC header."""
    if len(quote(message)) <= _LONGEST:
        return message
    kept = message
    while len(quote(kept)) > _LONGEST - 10:
        kept = kept[: max(len(kept) - 1, 0) * 9 // 10]
    return f"{kept}..."
