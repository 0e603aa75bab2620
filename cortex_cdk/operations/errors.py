"""Why something about a deployment cannot be found out."""

from __future__ import annotations


class OperationError(Exception):
    """Shown without a traceback. The message says what was found and what to do."""


class CallError(OperationError):
    """A call of AWS failed for good.

    Attributes:
        code: the service's code, such as ``AccessDeniedException``; empty when there was no answer.
        detail: the service's own message.
    """

    def __init__(self, message: str, code: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail
