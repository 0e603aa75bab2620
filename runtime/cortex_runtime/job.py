"""One request on its way through the queue and a worker, and how it may end without an answer."""

from __future__ import annotations

import asyncio
import time

from . import answer


class WorkerLost(Exception):
    """The worker that ran a request died."""


class TimedOut(Exception):
    """``predict`` took longer than it may."""


class ClientGone(Exception):
    """The client went away while its request was waiting."""


class Unavailable(Exception):
    """No worker can be had: the predictor cannot be built, or the replica stops."""


class Job:
    """One request on its way through the queue and a worker."""

    __slots__ = ("answer", "body", "debug", "queued_at", "request_id", "started_at")

    def __init__(self, request_id: str, body: bytes, debug: bool) -> None:
        self.request_id = request_id
        self.body = body
        self.debug = debug
        self.queued_at = time.perf_counter()
        self.started_at: float | None = None
        self.answer: asyncio.Future[tuple[answer.AnswerMeta, bytes]] = asyncio.get_running_loop().create_future()

    @property
    def queue_s(self) -> float:
        """Seconds that the job waited, or has waited so far."""
        return (self.started_at or time.perf_counter()) - self.queued_at

    def fail(self, error: Exception) -> None:
        """End the job with an error, unless it has ended already."""
        if not self.answer.done():
            self.answer.set_exception(error)
