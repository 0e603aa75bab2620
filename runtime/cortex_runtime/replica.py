"""The state of one replica: its workers, its load, its readiness, and how it starts and stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from . import extension
from .aws_sink import AwsSink
from .errors import SignatureError
from .job import Job, Outcome
from .load import InFlight, LoadReport, LogSink, Reporter, ReportSink, SecondMeans
from .logs import Writer
from .metrics import Metrics, TrackerMetrics
from .model_watch import ModelStatus, ModelWatch
from .pool import WorkerPool
from .samples import Times
from .settings import Settings
from .tracker import Tracker

log = logging.getLogger(__name__)


class Replica:
    """Everything that the front of a replica owns, apart from HTTP.

    Args:
        settings: of the replica.
        writer: for the access log and the load reports.
        sink: where load reports go; unless told, to AWS where the settings say so, else the log.
        on_failure: called with a reason when the predictor can never be built.
    """

    def __init__(
        self,
        settings: Settings,
        writer: Writer,
        *,
        sink: ReportSink | None = None,
        on_failure: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self.settings = settings
        self.writer = writer
        self.draining = False
        self.model = ModelStatus(available=False, detail="not asked yet")
        self.in_flight = InFlight()
        self.arrived = self.served = 0  # since the last report
        self.tracker = Tracker(settings.tracker) if settings.tracker else None
        slots = settings.concurrency.threads_per_worker
        self.metrics = Metrics(
            in_flight=lambda: self.in_flight.value,
            queued=lambda: len(self.pool.queue),
            busy_slots=lambda: self.pool.busy_slots,
            slots=lambda: self.pool.ready_workers * slots,
            ready=lambda: not self.not_ready_because(),
        )
        if self.tracker is not None:
            self.metrics.registry.register(TrackerMetrics(self.tracker))
        self.pool = WorkerPool(settings, on_failure=on_failure, on_restart=self.metrics.worker_restarts.inc)
        self._watch = ModelWatch(settings.model_server, self._model_changed)
        self._second_means = SecondMeans(self.in_flight)
        self._sink = sink or self._default_sink()
        self._reporter = Reporter(self._sink, self._report, self._second_means.second_over)
        self.extension = extension.load(settings.extension, self) if settings.extension is not None else None

    def start(self) -> None:
        """Start workers, model watch and load reports; needs a running event loop. Does not wait for readiness."""
        self.pool.start()
        self._watch.start()
        self._reporter.start()
        if self.extension is not None:
            self.extension.start()

    def _default_sink(self) -> ReportSink:
        if self.settings.reporting is None:
            return LogSink(self.writer)
        times = self.metrics.times = Times()
        return AwsSink(
            self.settings.reporting,
            self.writer,
            times=times,
            second_means=self._second_means,
            can_serve=lambda: not self._cannot_serve_because(),
        )

    def count(self, job: Job, outcome: Outcome | None) -> None:
        """Count what has become of a job, for load reports and the tracker; None where nobody waited for it."""
        if job.started_at is not None:
            self.served += 1
        if self.tracker is not None and isinstance(outcome, tuple) and outcome[0].observation is not None:
            self.tracker.record(outcome[0].observation)

    def drain(self) -> None:
        """Fail readiness from now on, so that load balancers send no more; requests are still served."""
        self.draining = True

    async def stop(self) -> None:
        """End the workers, once everything in flight has been answered."""
        self._watch.stop()
        await self._reporter.stop()
        if self.extension is not None:
            await self.extension.stop()
        await asyncio.gather(asyncio.to_thread(self._sink.close), self.pool.stop())

    def not_ready_because(self) -> list[str]:
        """Why the replica is not ready; empty when it is: every worker is, and the model is AVAILABLE."""
        draining = ["the replica is shutting down"] if self.draining else []
        return draining + self._cannot_serve_because()

    def _cannot_serve_because(self) -> list[str]:
        reasons = []
        wanted, ready = len(self.pool.workers), self.pool.ready_workers
        if ready < wanted:
            reason = f"{ready} of {wanted} workers have built their predictor"
            reasons.append(f"{reason}: {self.pool.failure}" if self.pool.failure else reason)
        if not self.model.available:
            reasons.append(f"the model server: {self.model.detail}")
        return reasons

    def _model_changed(self, status: ModelStatus) -> None:
        was, self.model = self.model, status
        if status.available:
            log.info("model %s: version %s is AVAILABLE", self.settings.model_server.model_name, status.version)
        elif was.available:
            log.error("the model server no longer answers: %s", status.detail)

    def _report(self, bucket: int) -> LoadReport:
        mean, peak, seconds = self.in_flight.take()
        queued, _, _ = self.pool.queued.take()
        arrived, served, self.arrived, self.served = self.arrived, self.served, 0, 0
        report = LoadReport(
            api=self.settings.api.name,
            replica=self.settings.replica_id,
            bucket=bucket,
            seconds=round(seconds, 3),
            in_flight=round(mean, 6),
            in_flight_peak=peak,
            requests=self.metrics.take_requests(),
            tracker=self.tracker.take() if self.tracker else None,
            queued=round(min(queued, mean), 6),
            arrived=arrived,
            served=served,
            draining=self.draining,
        )
        if self.extension is not None:
            self.extension.reported(report)
        return report

    def summary(self) -> dict[str, Any]:
        """What GET on the endpoint answers: how to call the API, and the model's inputs and outputs."""
        model = self.settings.model_server
        summary: dict[str, Any] = {
            "message": "make a prediction by sending a POST request to this endpoint with a JSON payload",
            "api": self.settings.api.name,
            "endpoint": self.settings.api.endpoint,
            "model": {"name": model.model_name, "version": self.model.version, "state": self.model.detail},
        }
        if self.model.signatures is not None:
            from .tf_serving import signature as signatures

            try:
                signature = signatures.choose(self.model.signatures, model.signature_key)
            except SignatureError as error:
                return summary | {"inputs": None, "outputs": None, "error": str(error)}
            summary["model"]["signature_key"] = signature.key
            for part, tensors in (("inputs", signature.inputs), ("outputs", signature.outputs)):
                summary[part] = {
                    name: {"dtype": info.dtype_name, "shape": info.shape} for name, info in tensors.items()
                }
        else:
            summary |= {"inputs": None, "outputs": None}
        return summary
