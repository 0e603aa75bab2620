"""One request on its way through the queue and a worker, and how it may end without an answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from .answer import AnswerMeta


class JobFailed(Exception):
    """A request that no worker answers. The message is for the client.

    Attributes:
        status: of the HTTP response.
        retry_after_s: when it is worth another try; None where nobody knows.
    """

    status: int
    retry_after_s: int | None = None


class WorkerLost(JobFailed):
    """The worker that ran a request died."""

    status = 502


class TimedOut(JobFailed):
    """``predict`` took longer than it may."""

    status = 504


class ClientGone(JobFailed):
    """The client went away while its request was waiting; the code that nginx made usual for it."""

    status = 499


class Unavailable(JobFailed):
    """No worker can be had: the predictor cannot be built, or the replica stops."""

    status = 503
    retry_after_s = 5

    def __init__(self, reason: str) -> None:
        super().__init__(f"no predictor to ask: {reason}")


Outcome = tuple[AnswerMeta, bytes] | JobFailed
"""What a worker answered, or why it did not."""


class Job:
    """One request on its way through the queue and a worker.

    Args:
        request_id: of the request.
        body: of the request.
        debug: whether payload and prediction are logged.
        on_end: told once of what has become of the job. Must not raise: it is called from wherever that is known.

    Attributes:
        ended: whether the outcome has been told, or nobody wants to know it any more.
    """

    __slots__ = ("body", "debug", "ended", "on_end", "queued_at", "request_id", "started_at")

    def __init__(self, request_id: str, body: bytes, debug: bool, on_end: Callable[[Job, Outcome], None]) -> None:
        self.request_id = request_id
        self.body = body
        self.debug = debug
        self.on_end = on_end
        self.ended = False
        self.queued_at = time.perf_counter()
        self.started_at: float | None = None

    @property
    def queue_s(self) -> float:
        """Seconds that the job waited, or has waited so far."""
        return (self.started_at or time.perf_counter()) - self.queued_at

    def end(self, outcome: Outcome) -> None:
        """Tell the outcome; only the first one counts."""
        if not self.ended:
            self.ended = True
            self.on_end(self, outcome)
