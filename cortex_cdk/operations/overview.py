"""All of what is known of the APIs of a cluster, for tables and screens.

Each source is read again only as often as it has news, however often the whole is asked for: what ECS and the load
reports say within seconds, CloudWatch's metrics every minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from cortex_cdk.autoscaling import BUCKET_S, LoadReport
from cortex_cdk.operations import decisions, load, traffic
from cortex_cdk.operations.cluster import Cluster
from cortex_cdk.operations.decisions import Decided
from cortex_cdk.operations.load import Load
from cortex_cdk.operations.services import Service
from cortex_cdk.operations.status import Facts, Status, status_of
from cortex_cdk.operations.task_definition import Release
from cortex_cdk.operations.tasks import ReplicaState, Task, current_failures
from cortex_cdk.operations.traffic import ApiKey, Traffic

HISTORY_S = 600
LATE_DECISION_S = 60.0
"""Without a decision for so long, the scaler is thought to stand still: it decides every 10 s."""

_ECS_S, _REPORTS_S, _LOG_S, _METRICS_S, _OUTPUTS_S = 4.0, 5.0, 10.0, 60.0, 60.0
_THREADS = 8

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ApiOverview:
    """An API as it is now.

    Attributes:
        service, release: of ECS.
        tasks: replicas that are there, and those that ended within the last hour.
        url: where it is called; None where that is not known.
        dashboard: where its dashboard is seen; None where that is not known, or was not asked for.
        status: in one word.
        ready: replicas of the latest release that take requests.
        starting: those that do not yet.
        stale: replicas of former releases that have not been told to stop.
        failures: replicas of the latest release that failed since its newest ready one started, the latest first.
        load: None when no report is fresh.
        history: requests in flight in each 10 s of the last ten minutes, oldest first; empty unless asked for.
        traffic: over the window that was asked for; None when it was not.
        decided_at: when the scaler last decided, in seconds since the epoch; None: never, or two days ago.
        decided: its last decision; None when it was not asked for, or is not in the log.
        notes: what else a person has to know, in sentences.
    """

    service: Service
    release: Release
    tasks: Sequence[Task]
    url: str | None
    status: Status
    ready: int
    starting: int
    stale: int
    failures: Sequence[Task]
    dashboard: str | None = None
    load: Load | None = None
    history: Sequence[float | None] = ()
    traffic: Traffic | None = None
    decided_at: float | None = None
    decided: Decided | None = None
    notes: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The API's name."""
        return self.service.api


@dataclass(frozen=True)
class Wanted:
    """What to read beside services, replicas, loads and the scaler's heartbeat.

    Attributes:
        window_s: seconds over which traffic is counted; a multiple of 60.
        history: whether to read ten minutes of load reports.
        decisions: whether to read the scaler's log.
        tracker: whether to read what the tracker counted.
        dashboards: whether to read where the APIs' dashboards are.
    """

    window_s: int = 3600
    history: bool = False
    decisions: bool = False
    tracker: bool = False
    dashboards: bool = False


@dataclass
class Overview:
    """Reads the APIs of a cluster again and again.

    Args:
        cluster: whose.
        wanted: what to read.
        api: the only API to read; all unless told.
        clock: seconds since the epoch.
    """

    cluster: Cluster
    wanted: Wanted = field(default_factory=Wanted)
    api: str | None = None
    clock: Callable[[], float] = time.time
    _read_at: dict[str, float] = field(default_factory=dict)
    _known: dict[str, object] = field(default_factory=dict)
    _reports: dict[str, list[LoadReport]] = field(default_factory=dict)
    _decided: dict[str, Decided] = field(default_factory=dict)
    _dashboards: dict[str, str | None] = field(default_factory=dict)

    def read(self) -> list[ApiOverview]:
        """The APIs, by name.

        Raises:
            OperationError: when something cannot be read, or there is no such API.
        """
        now = self.clock()
        services, tasks = self._again("ecs", _ECS_S, now, self._read_ecs)
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="overview") as pool:
            releases = dict(zip((s.api for s in services), pool.map(self.cluster.release, services), strict=True))
            self._again("reports", _REPORTS_S, now, lambda: self._read_reports(pool, services, now))
        heartbeats = self._again("states", _REPORTS_S, now, lambda: self._read_states(services))
        if self.wanted.decisions:
            self._again("log", _LOG_S, now, lambda: self._read_log(now))
        if self.wanted.dashboards:
            self._again("dashboards", _OUTPUTS_S, now, lambda: self._read_dashboards(services))
        measured = self._again("metrics", _METRICS_S, now, lambda: self._read_traffic(services, releases, now))
        return [
            self._overview(
                service,
                releases[service.api],
                [task for task in tasks if task.service == service.name],
                measured.get(service.api),
                heartbeats.get(service.api),
                now,
            )
            for service in services
        ]

    def _again(self, source: str, seconds: float, now: float, read: Callable[[], T]) -> T:
        """What a source says, from memory when it was read less than ``seconds`` ago."""
        if source not in self._read_at or now - self._read_at[source] >= seconds:
            self._known[source] = read()
            self._read_at[source] = now
        return self._known[source]  # type: ignore[return-value]  # of this source it is what `read` returns

    def _read_ecs(self) -> tuple[list[Service], list[Task]]:
        if self.api is not None:
            service = self.cluster.service(self.api)
            return [service], self.cluster.tasks(service)
        services = self.cluster.services()
        return services, self.cluster.tasks() if services else []

    def _read_reports(self, pool: ThreadPoolExecutor, services: Sequence[Service], now: float) -> None:
        """The history once, and from then on what is new."""
        aws, table = self.cluster.aws, self.cluster.parts.table
        seconds = HISTORY_S if self.wanted.history else BUCKET_S

        def read(service: Service) -> list[LoadReport]:
            before = self._reports.get(service.api, [])
            new = load.read_reports(aws, table, service.api, now, BUCKET_S if before else seconds)
            kept = [report for report in before if report.bucket > now - seconds - 2 * BUCKET_S]
            return [*kept, *new]

        self._reports = dict(zip((s.api for s in services), pool.map(read, services), strict=True))

    def _read_states(self, services: Sequence[Service]) -> dict[str, float]:
        return load.read_decided_at(self.cluster.aws, self.cluster.parts.table, [service.api for service in services])

    def _read_log(self, now: float) -> None:
        newest = max((one.at for one in self._decided.values()), default=now - HISTORY_S)
        # From a little before the newest: lines come late, and the last one of each API counts.
        since = max(newest - LATE_DECISION_S, now - HISTORY_S)
        for one in decisions.read(self.cluster.aws, self.cluster.parts.scaler_log, since, self.api):
            known = self._decided.get(one.api)
            if known is None or known.at <= one.at:
                self._decided[one.api] = one

    def _read_dashboards(self, services: Sequence[Service]) -> None:
        self._dashboards = {service.api: self.cluster.dashboard(service.api) for service in services}

    def _read_traffic(
        self, services: Sequence[Service], releases: dict[str, Release], now: float
    ) -> dict[str, Traffic]:
        cluster = self.cluster.parts.ecs_cluster_name
        keys = [ApiKey(releases[one.api].metric_namespace, cluster, one.api) for one in services]
        trackers = {api: release.tracker for api, release in releases.items() if release.tracker}
        return traffic.read(
            self.cluster.aws, keys, now, self.wanted.window_s, trackers if self.wanted.tracker else None
        )

    def _overview(
        self,
        service: Service,
        release: Release,
        tasks: Sequence[Task],
        measured: Traffic | None,
        decided_at: float | None,
        now: float,
    ) -> ApiOverview:
        moment = datetime.fromtimestamp(now, UTC)
        latest = [task for task in tasks if task.definition == service.definition]
        states = [task.state for task in latest]
        stale = [task for task in tasks if task.definition != service.definition and task.desired == "RUNNING"]
        failures = current_failures(tasks, service.definition)
        facts = Facts(
            requested=service.requested,
            min_replicas=service.target.policy.min_replicas if service.target else 1,
            ready=states.count(ReplicaState.READY),
            stale=len(stale),
            failures=[task.failure for task in failures if task.failure is not None],
            stalled=service.stalled(latest, moment),
        )
        reports = self._reports.get(service.api, [])
        status = status_of(facts)
        return ApiOverview(
            service=service,
            release=release,
            tasks=tasks,
            url=self.cluster.url(release),
            status=status,
            ready=facts.ready,
            starting=len([s for s in states if s in _NOT_YET]),
            stale=facts.stale,
            failures=failures,
            dashboard=self._dashboards.get(service.api),
            load=load.current(reports, now),
            history=load.history(reports, now, HISTORY_S) if self.wanted.history else (),
            traffic=measured,
            decided_at=decided_at,
            decided=self._decided.get(service.api),
            notes=_notes(service, status, tasks, failures, decided_at, moment),
        )


_NOT_YET = (ReplicaState.WAITING, ReplicaState.STARTING, ReplicaState.NOT_READY)


def _notes(
    service: Service,
    status: Status,
    tasks: Sequence[Task],
    failures: Sequence[Task],
    decided_at: float | None,
    now: datetime,
) -> list[str]:
    notes = []
    if service.rolled_back is not None:
        failed = [task for task in tasks if task.failure is not None and service.was_taken_back(task.definition)]
        note = f"the last release was taken back: {service.rolled_back}"
        hint = f"; see `{_logs_of(service, max(failed, key=_stopped))}`" if failed else ""
        notes.append(note.removesuffix(".") + hint if hint else note)
    if failures and status is not Status.LIVE:
        newest = failures[0]
        notes.append(f"replica {newest.short_id} failed: {newest.words}; see `{_logs_of(service, newest)}`")
    if status is Status.COMPUTE_UNAVAILABLE:
        reason = service.unplaced(now) or "replicas wait for an instance"
        notes.append(f"{reason}; see the instance group's maximum, and the account's quota of its instance types")
    if service.target is None:
        notes.append("its tags are wrong, so it is not scaled; deploy it again")
    elif decided_at is None:
        notes.append("the scaler has not decided yet")
    elif now.timestamp() - decided_at > LATE_DECISION_S:
        since = int(now.timestamp() - decided_at) // 60
        notes.append(f"the scaler has not decided for {since} min; see its log, or the alarm on its heartbeat")
    return notes


def _logs_of(service: Service, task: Task) -> str:
    return f"cortex-cdk logs {service.api} --replica {task.short_id} --since 1h"


def _stopped(task: Task) -> float:
    return task.stopped.timestamp() if task.stopped else 0.0
