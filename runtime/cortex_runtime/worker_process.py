"""One worker process as the front sees it: its start, its connection, and the jobs that it runs.

A worker is a fresh interpreter with a socket, never a fork of this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Protocol, cast

from . import answer, frames
from .frames import Kind
from .job import Job
from .settings import Settings, dump
from .stacks import Stacks


class Owner(Protocol):
    """Who is told of what becomes of a worker process."""

    def slot_idle(self, worker: WorkerProcess) -> None:
        """A job has ended."""

    def worker_ready(self, worker: WorkerProcess) -> None:
        """The predictor is built."""

    def worker_lost(self, worker: WorkerProcess) -> None:
        """The process has gone or is of no use any more; may be told more than once."""


class WorkerProcess(asyncio.Protocol):
    """One worker process, and the connection to it.

    Args:
        owner: told of what becomes of the process.
        settings: of the replica.
        environment: variables of the process, all of them.
        index: the worker's number in its replica.
    """

    def __init__(self, owner: Owner, settings: Settings, environment: Mapping[str, str], index: int) -> None:
        self._owner = owner
        self._settings = settings
        self._environment = environment
        self.index = index
        self.running: dict[int, Job] = {}
        self.ready = False  # has built its predictor, and lives
        self.was_ready = False
        self._ready_at = 0.0
        self.alive = True
        self.hung_up = asyncio.Event()
        self.failure: str | None = None
        self.failure_traceback = ""
        self.process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.WriteTransport | None = None
        self.retiring = False  # gets no more jobs, and is ended when it has answered those that it can
        self._stacks = Stacks()
        self._buffer = frames.FrameBuffer()
        self._next_id = 0

    @property
    def ended(self) -> bool:
        """Whether the process has ended; what it sent before may still arrive."""
        return self.process is not None and self.process.returncode is not None

    async def start(self) -> None:
        """Start the process and connect to it.

        Raises:
            OSError: when it cannot be started.
        """
        with contextlib.ExitStack() as failing, contextlib.ExitStack() as workers:
            # What is the worker's is the worker's alone once it has been started; and there may be no descriptors left.
            workers.callback(self._stacks.close_for_worker)
            self._stacks.open()
            ours, theirs = socket.socketpair()
            failing.enter_context(ours)
            workers.enter_context(theirs)
            numbers = (theirs.fileno(), self.index, os.getpid(), self._stacks.for_worker)
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "cortex_runtime.worker", *map(str, numbers)),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), self._stacks.for_worker),
                env=self._environment,
                start_new_session=True,  # of which the predictor's own children are part, see end_children
            )
            ours.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.create_unix_connection(lambda: self, sock=ours)
            failing.pop_all()

    @property
    def ready_for_s(self) -> float:
        """Seconds since the predictor was built."""
        return time.monotonic() - self._ready_at

    def send(self, job: Job) -> None:
        """Run a job on an idle slot of this worker."""
        assert self._transport is not None
        self._next_id = number = (self._next_id + 1) & 0xFFFFFFFF
        self.running[number] = job
        job.started_at = time.perf_counter()
        kind = Kind.REQUEST_DEBUG if job.debug else Kind.REQUEST
        body, job.body = job.body, b""
        head = frames.head(kind, number, job.request_id.encode(), len(body))
        if len(body) < 65536:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    def release(self) -> None:
        """Give up what belongs to a process that has ended."""
        self._stacks.close()

    def overdue(self, timeout_s: float) -> list[Job]:
        """The jobs that have run for longer, and were not given up yet."""
        limit = time.perf_counter() - timeout_s
        return [job for job in self.running.values() if (job.started_at or limit) < limit and not job.ended]

    @property
    def has_unanswered(self) -> bool:
        """Whether somebody waits for what it runs."""
        return any(not job.ended for job in self.running.values())

    async def stacks(self) -> str:
        """The stacks of its threads; empty when it cannot say."""
        return await self._stacks.ask(self.process.pid) if self.process is not None and not self.ended else ""

    def close(self) -> None:
        """Let the process end: it does when its connection is closed."""
        if self._transport is not None:
            self._transport.close()

    def kill(self) -> None:
        """End the process at once, if it runs."""
        if self.process is not None and not self.ended:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()

    def end_children(self) -> None:
        """End what the process has started and left behind."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the new process its settings."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is none of asyncio's classes
        settings = dump(self._settings).encode()
        self._transport.writelines((frames.head(Kind.SETTINGS, 0, b"", len(settings)), settings))

    def data_received(self, data: bytes) -> None:
        """Take the frames in."""
        for frame in self._buffer.feed(data):
            if frame.kind == Kind.ANSWER:
                job = self.running.pop(frame.id, None)
                self._owner.slot_idle(self)  # first of all: others may wait for it
                if job is not None:
                    job.end((answer.decode(frame.meta), frame.body))
            elif frame.kind == Kind.READY:
                self.ready = self.was_ready = True
                self._ready_at = time.monotonic()
                self._owner.worker_ready(self)
            elif frame.kind == Kind.FAILED:
                self.failure = frame.meta.decode(errors="replace")  # may be cut within a character
                self.failure_traceback = frame.body.decode(errors="replace")
                self._owner.worker_lost(self)  # threads of the predictor might keep the process

    def connection_lost(self, error: Exception | None) -> None:
        """The process is gone, or about to be."""
        self.hung_up.set()
        self._owner.worker_lost(self)
