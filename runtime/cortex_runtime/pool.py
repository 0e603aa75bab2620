"""The predictor workers of a replica and the one queue before them.

One FIFO queue, ``workers`` processes with ``threads_per_worker`` slots each: a request waits only while no slot is
idle. A worker that dies takes only the requests that it was running with it; a new one takes its place, and the queue
waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable

from .job import ClientGone, Job, JobFailed, TimedOut, Unavailable, WorkerLost
from .load import InFlight
from .settings import FILE_VARIABLE, VARIABLE, Settings
from .worker_process import WorkerProcess

log = logging.getLogger(__name__)

BUILD_ATTEMPTS = 3
"""Failed builds of a worker in a row after which no more is hoped for: what waits is told so, and a replica that
never was ready gives up. A single failure may be an accident, such as a signal."""
MAX_BACKOFF_S = 30.0
STOP_TIMEOUT_S = 3.0
HANG_UP_TIMEOUT_S = 1.0
SHORT_LIFE_S = 1.0
"""A worker that dies within so many seconds of being ready, again and again, is replaced ever more slowly."""


class WorkerPool:
    """All workers of a replica and the queue before them.

    Args:
        settings: of the replica.
        on_failure: called with a reason when the predictor cannot be built and never could.
        on_restart: called whenever a worker is replaced.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_failure: Callable[[str], None] = lambda reason: None,
        on_restart: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.queue: deque[Job] = deque()
        self.queued = InFlight()  # how long the queue is, with its mean over time
        self.workers: list[WorkerProcess | None] = [None] * settings.concurrency.workers
        self._environment = {
            key: value for key, value in os.environ.items() if key not in (VARIABLE, FILE_VARIABLE)
        } | settings.predictor.env
        self.failure: str | None = None  # why the last build failed, until one succeeds
        self._hopeless: str | None = None  # the same, once BUILD_ATTEMPTS have failed
        self._threads = settings.concurrency.threads_per_worker
        self._idle: list[WorkerProcess] = []  # ready workers with at least one idle slot
        self._on_failure = on_failure
        self._on_restart = on_restart
        self._was_ready = False
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    # The queue

    def submit(self, job: Job) -> None:
        """Run a job as soon as a slot is idle; its ``answer`` resolves when it has run.

        Raises:
            Unavailable: when there is no worker and none can be had.
        """
        if self._idle:
            self._send(job)
        elif self._hopeless is not None and self.ready_workers == 0:
            raise Unavailable(self._hopeless)
        else:
            self.queue.append(job)
            self.queued.change(+1)

    def cancel(self, job: Job) -> None:
        """Take a job out of the queue, when its client has gone away. A job that runs already goes on."""
        if job.started_at is None:
            with contextlib.suppress(ValueError):
                self.queue.remove(job)
                self.queued.change(-1)
            job.end(ClientGone())

    def slot_idle(self, worker: WorkerProcess) -> None:
        """A slot of a worker has become idle: give it the job that waits longest."""
        if worker.ended or worker.retiring:
            return  # of an ended one, only the last answers are still being read
        if worker not in self._idle:
            self._idle.append(worker)
        self._run_queue()

    def _run_queue(self) -> None:
        while self.queue and self._idle:
            self._send(self._next())

    def _next(self) -> Job:
        self.queued.change(-1)
        return self.queue.popleft()

    def _send(self, job: Job) -> None:
        # Least busy first: the threads of one worker share an interpreter.
        worker = self._idle[0] if self._threads == 1 else min(self._idle, key=lambda w: len(w.running))
        worker.send(job)
        if len(worker.running) == self._threads:
            self._idle.remove(worker)

    # Numbers

    @property
    def ready_workers(self) -> int:
        """Workers that have built their predictor and live."""
        return sum(1 for w in self.workers if w is not None and w.ready)

    @property
    def busy_slots(self) -> int:
        """Slots that run a job."""
        return sum(len(w.running) for w in self.workers if w is not None)

    # The workers' lives

    def start(self) -> None:
        """Start all workers; they become ready in their own time."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep_alive(index)) for index in range(len(self.workers))]
        if self.settings.predictor.timeout_s is not None:
            self._tasks.append(loop.create_task(self._limit_time(self.settings.predictor.timeout_s)))

    async def stop(self) -> None:
        """End all workers: those that do not end by themselves within ``STOP_TIMEOUT_S`` are killed."""
        self._stopping.set()
        for worker in self.workers:
            if worker is not None:
                worker.close()
                if not worker.ready:
                    worker.kill()  # it builds its predictor and does not see that we hung up
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_TIMEOUT_S)
            for worker in self.workers:
                if worker is not None:
                    worker.kill()
            if late:
                _, late = await asyncio.wait(late, timeout=STOP_TIMEOUT_S)
            for task in late:
                task.cancel()
        self._fail_queue(Unavailable("the replica has stopped"))

    async def _keep_alive(self, index: int) -> None:
        """Run worker number ``index``, and another whenever it has ended."""
        failures = short_lives = 0
        while not self._stopping.is_set():
            worker = WorkerProcess(self, self.settings, self._environment, index)
            self.workers[index] = worker
            try:
                await worker.start()
                assert worker.process is not None
                code = await worker.process.wait()
                ending = f"exited with code {code}" if code >= 0 else f"was ended by signal {-code}"
                if worker in self._idle:
                    self._idle.remove(worker)
                worker.end_children()  # they may hold the connection open
                with contextlib.suppress(TimeoutError):  # answers that it sent before its end are still in there
                    await asyncio.wait_for(worker.hung_up.wait(), HANG_UP_TIMEOUT_S)
            except OSError as error:
                ending = f"could not be started: {error}"
            self.worker_lost(worker)
            self.workers[index] = None
            worker.release()
            if self._stopping.is_set():
                return
            self._on_restart()
            failures = 0 if worker.was_ready else failures + 1
            if worker.was_ready:
                log.error(
                    "worker %d (pid %s) %s; starting another", index, worker.process and worker.process.pid, ending
                )
                short_lives = short_lives + 1 if worker.ready_for_s < SHORT_LIFE_S else 0
                await self._pause(0 if short_lives < 2 else 0.1 * 2**short_lives)
            else:
                reason = worker.failure or f"the worker {ending} while it built the predictor"
                self._build_failed(reason, worker.failure_traceback, failures)
                await self._pause(0.5 * 2 ** (failures - 1))

    async def _limit_time(self, timeout_s: float) -> None:
        """Give up what runs for too long, and the workers that run it."""
        retirements: set[asyncio.Task[None]] = set()
        while not self._stopping.is_set():
            await self._pause(min(1.0, timeout_s / 10))
            for worker in self.workers:
                if worker is None or not worker.alive or not (overdue := worker.overdue(timeout_s)):
                    continue
                for job in overdue:
                    job.end(TimedOut(f"predict() took longer than {timeout_s:g} s"))
                if not worker.retiring:
                    worker.retiring, worker.ready = True, False
                    if worker in self._idle:
                        self._idle.remove(worker)
                    task = asyncio.create_task(self._retire(worker, overdue[0], timeout_s))
                    retirements.add(task)
                    task.add_done_callback(retirements.discard)

    async def _retire(self, worker: WorkerProcess, job: Job, timeout_s: float) -> None:
        """End a worker that hangs, once its other threads have answered."""
        log.error(
            "predict() has run for more than %g s; worker %d is replaced",
            timeout_s,
            worker.index,
            extra={"request_id": job.request_id, "traceback": await worker.stacks() or None},
        )
        while worker.has_unanswered and not self._stopping.is_set():
            await self._pause(0.1)
        worker.kill()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond ``MAX_BACKOFF_S`` or the replica's end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), min(seconds, MAX_BACKOFF_S))

    def _build_failed(self, reason: str, trace: str, failures: int) -> None:
        again = reason == self.failure
        self.failure = reason
        message = "the predictor could not be built%s: %s"
        log.error(message, " again" if again else "", reason, extra={"traceback": None if again else trace or None})
        if failures < BUILD_ATTEMPTS:
            return
        self._hopeless = reason
        if self.ready_workers == 0:
            self._fail_queue(Unavailable(reason))
        if not self._was_ready:
            self._on_failure(reason)

    def _fail_queue(self, error: JobFailed) -> None:
        while self.queue:
            self._next().end(error)

    def worker_ready(self, worker: WorkerProcess) -> None:
        """A worker has built its predictor."""
        assert worker.process is not None
        self._was_ready = True
        self.failure = self._hopeless = None
        log.info("worker %d is ready (pid %d)", worker.index, worker.process.pid)
        self.slot_idle(worker)

    def worker_lost(self, worker: WorkerProcess) -> None:
        """A worker has gone: fail what it was running. Called for each sign of it, in whatever order they come."""
        if not worker.alive:
            return
        worker.alive = worker.ready = False
        if worker in self._idle:
            self._idle.remove(worker)
        for job in worker.running.values():
            job.end(WorkerLost(f"worker {worker.index} died while it ran this request"))
        worker.running.clear()
        worker.close()
        if not self._stopping.is_set():
            worker.kill()  # it hung up: nothing more can come of it
