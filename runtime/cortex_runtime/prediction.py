"""A POST to the endpoint on its shortest way: from the parser to the queue, and from the worker to the socket.

Through ASGI and Falcon, the same takes several times the CPU time of everything else that the front does with a small
request. They serve whatever is not quite usual (see ``Front.plain``), and the answers are the same.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from . import answer
from .corked import CorkedTransport
from .front import CLIENT_GONE, REPLICA_STOPPED, Front, error_body
from .job import Job, JobFailed, Outcome

log = logging.getLogger(__name__)


class Connection(Protocol):
    """What a prediction is answered over."""

    corked: CorkedTransport

    def default_headers(self) -> Sequence[tuple[bytes, bytes]]:
        """Headers of every answer: the same object until they change."""

    def on_response_complete(self) -> None:
        """The answer has been written."""


class _Heads:
    """How the heads of answers begin, which is the same for many."""

    def __init__(self) -> None:
        self._headers: Sequence[tuple[bytes, bytes]] | None = None
        self._begins: dict[tuple[int, str], bytes] = {}

    def begin(self, headers: Sequence[tuple[bytes, bytes]], status: int, content_type: str) -> bytes:
        """The status line, the headers, and the content's type."""
        if headers is not self._headers:
            self._headers = headers
            self._begins.clear()
        begin = self._begins.get((status, content_type))
        if begin is None:
            lines = [name + b": " + value for name, value in (*headers, (b"content-type", content_type.encode()))]
            begin = self._begins[status, content_type] = STATUS_LINE[status] + b"\r\n".join(lines) + b"\r\n"
        return begin


_heads = _Heads()


class Prediction:
    """One request. Stands where uvicorn has its ``RequestResponseCycle``, and its task.

    Args:
        front: of the replica.
        connection: that the request came over.
        request_id: of the request.
        keep_alive: whether the connection is kept afterwards.
        on_end: called when nothing more is to be done.

    Attributes:
        response_complete: whether it has its answer, or needs none any more.
        more_body: whether the body is still under way.
    """

    __slots__ = (
        *("_began", "_chunks", "_connection", "_front", "_gone", "_job", "_on_end", "_request_id", "_status"),
        *("disconnected", "keep_alive", "more_body", "response_complete"),
    )
    message_event = asyncio.Event()  # that uvicorn sets for its own cycles: nobody waits for it

    def __init__(
        self,
        front: Front,
        connection: Connection,
        request_id: str,
        keep_alive: bool,
        on_end: Callable[[Prediction], None],
    ) -> None:
        self._began = time.perf_counter()
        self._front = front
        self._connection = connection
        self._request_id = request_id
        self._on_end = on_end
        self._chunks: list[bytes] = []
        self._job: Job | None = None
        self._status = 0
        self._gone = False
        self.keep_alive = keep_alive
        self.more_body = True
        self.response_complete = self.disconnected = False
        front.replica.arrived += 1
        front.replica.in_flight.change(+1)

    def take(self, body: bytes) -> None:
        """Take a part of the body."""
        self._chunks.append(body)

    def body_complete(self) -> None:
        """Ask a worker."""
        if self.response_complete:
            return
        self.more_body = False
        chunks, self._chunks = self._chunks, []
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._job = job = Job(self._request_id, body, False, self._job_ended)
        try:
            self._front.replica.pool.submit(job)
        except JobFailed as error:
            job.end(error)

    def client_gone(self, status: int = CLIENT_GONE) -> None:
        """Note that nobody waits for the answer any more. What runs already is in flight until it ends."""
        if self._gone or self.response_complete:
            return
        self._gone, self._status = True, status
        if self._job is None:
            self._end()
        else:
            self._front.replica.pool.cancel(self._job)

    def cancel(self, msg: str | None = None) -> None:
        """Give up, as uvicorn tells its tasks to when the time to stop is over. Not at once: it goes through them."""
        asyncio.get_running_loop().call_soon(self._stopped)

    def _stopped(self) -> None:
        if self.response_complete:
            return
        if self._job is not None:
            self._job.ended = True  # nobody wants to know what becomes of it
            self._front.replica.count(self._job, None)
        self.keep_alive = False
        self._answer_or_end(503, answer.JSON, error_body(REPLICA_STOPPED, self._request_id), retry_after_s=1)

    def _job_ended(self, job: Job, outcome: Outcome) -> None:
        try:
            self._front.replica.count(job, outcome)
            if isinstance(outcome, JobFailed):
                body = error_body(str(outcome), self._request_id)
                self._answer_or_end(outcome.status, answer.JSON, body, outcome.retry_after_s)
                return
            meta, body = outcome
            self._answer_or_end(meta.status, meta.content_type, body)
        except Exception as error:
            log.error("the answer could not be sent", exc_info=error, extra={"request_id": self._request_id})
            self._connection.corked.abort()
            if not self.response_complete:
                self._end()

    def _answer_or_end(self, status: int, content_type: str, body: bytes, retry_after_s: int | None = None) -> None:
        """Answer, if there is still a client, and end."""
        transport = self._connection.corked
        if self._gone or transport.is_closing():
            self._status = self._status or CLIENT_GONE
            self._end()
            return
        self._status = status
        close = self._front.replica.draining or not self.keep_alive
        head = b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b%b\r\n" % (
            _heads.begin(self._connection.default_headers(), status, content_type),
            len(body),
            self._request_id.encode(),
            b"" if retry_after_s is None else b"retry-after: %d\r\n" % retry_after_s,
            b"connection: close\r\n" if close else b"",
        )
        transport.write_answer(head, body)
        if close:
            transport.close()
        self._end()
        self._connection.on_response_complete()

    def _end(self) -> None:
        self.response_complete = True
        front, job = self._front, self._job
        front.replica.in_flight.change(-1)
        self._on_end(self)
        queue_s = job.queue_s if job is not None else None
        seconds = time.perf_counter() - self._began
        front.replica.metrics.answered(self._status, seconds, queue_s)
        front.log_answer("POST", front.endpoint, self._status, seconds, queue_s, self._request_id)
