"""What ``cortex-cdk get`` shows on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cortex_cdk.operations.status import Status
from cortex_cdk.operations.tasks import ReplicaState
from cortex_cdk.operations.traffic import CODES
from cortex_cdk.simulation.seconds import format_seconds

if TYPE_CHECKING:
    from cortex_cdk.operations.overview import ApiOverview
    from cortex_cdk.operations.tasks import Task
    from cortex_cdk.operations.traffic import Traffic

NONE = "-"
MOST_ENDED = 5
"""Replicas that have ended, of the last hour, which are listed."""

_STYLES = {Status.LIVE: "green", Status.UPDATING: "cyan"}


def summary(apis: Sequence[ApiOverview], now: float, dashboard: str | None = None) -> RenderableType:
    """A row for each API, their notes, and where the cluster's dashboard is."""
    return Group(_table(apis, now), *_notes(apis), *([Text(f"dashboard: {dashboard}")] if dashboard else []))


def details(api: ApiOverview, since: str, now: float) -> RenderableType:
    """All about one API."""
    parts: list[RenderableType] = [_table([api], now), *_notes([api])]
    parts.append(_facts(api, since, now))
    if api.tasks:
        parts.append(_replicas(api, now))
    if api.traffic is not None and (predicted := _predictions(api.traffic)) is not None:
        parts.append(predicted)
    if api.decided is not None:
        parts.append(Text("\n".join(api.decided.words)))
    if api.url is not None:
        parts.append(Text(f"curl {api.url} -H 'Content-Type: application/json' -d @sample.json"))
    return Group(*(line for part in parts for line in (part, "")))


def status_text(status: Status) -> Text:
    """A status in its colour."""
    return Text(status, style=_STYLES.get(status, "bold red"))


def in_flight_text(in_flight: float | None) -> str:
    """Requests in flight to three digits."""
    return NONE if in_flight is None else f"{in_flight:.3g}" if in_flight < 1000 else f"{in_flight:,.0f}"


def latency_text(milliseconds: float | None) -> str:
    """A latency with its unit."""
    return NONE if milliseconds is None else format_seconds(milliseconds / 1000)


def _table(apis: Sequence[ApiOverview], now: float) -> Table:
    """As wide as its content: columns of what is nowhere are left out."""
    stale, failed = any(api.stale for api in apis), any(api.failures for api in apis)
    table = _new_table()
    for name in ("api", "status"):
        table.add_column(name)
    names = ["ready", "requested", *(["stale"] if stale else []), *(["failed"] if failed else [])]
    for name in (*names, "in flight", *CODES, "p50", "p99", "updated"):
        table.add_column(name, justify="right", no_wrap=True)
    for api in apis:
        table.add_row(
            Text(api.name),
            status_text(api.status),
            str(api.ready),
            str(api.service.requested),
            *([str(api.stale)] if stale else []),
            *([str(len(api.failures))] if failed else []),
            in_flight_text(api.load.in_flight if api.load else None),
            *_measured(api.traffic),
            _ago(api.service.updated, now),
        )
    return table


def _measured(traffic: Traffic | None) -> list[str]:
    requests: Mapping[str, int] = traffic.requests if traffic else {}
    latency: Mapping[str, float] = traffic.latency_ms if traffic else {}
    return [
        *(f"{requests[code]:,}" if requests.get(code) else NONE for code in CODES),
        *(latency_text(latency.get(name)) for name in ("p50", "p99")),
    ]


def _notes(apis: Sequence[ApiOverview]) -> list[Text]:
    return [Text.assemble((f"{api.name}: ", "bold"), note) for api in apis for note in api.notes]


def _facts(api: ApiOverview, since: str, now: float) -> Table:
    grid = Table.grid(padding=(0, 2))
    policy = api.service.target.policy if api.service.target else None
    if api.url is not None:
        grid.add_row("url", Text(api.url))
    if api.dashboard is not None:
        grid.add_row("dashboard", Text(api.dashboard))
    if policy is not None:
        bounds = f"{policy.min_replicas} to {policy.max_replicas} replicas"
        target = f"{policy.target_replica_concurrency:g} in flight per replica"
        grid.add_row("scaling", f"{bounds}, target {target}")
    if api.decided_at is not None:
        grid.add_row("decided", f"{max(0, round(now - api.decided_at))} s ago")
    grid.add_row("counted", f"requests and latency over the last {since}")
    return grid


def _replicas(api: ApiOverview, now: float) -> Table:
    table = _new_table()
    for name in ("replica", "state", "release"):
        table.add_column(name)
    table.add_column("since", justify="right")
    table.add_column("why it ended")
    running = [task for task in api.tasks if task.state is not ReplicaState.STOPPED]
    ended = [task for task in api.tasks if task.failure is not None]
    ended.sort(key=lambda task: task.stopped.timestamp() if task.stopped else 0.0, reverse=True)
    for task in [*running, *ended[:MOST_ENDED]]:
        moment = task.stopped or task.started or task.created
        state = Text("failed", style="red") if task.failure else Text(task.state)
        why = Text(task.words if task.failure else "")
        table.add_row(task.short_id, state, _release(api, task), _ago(moment, now), why)
    return table


def _release(api: ApiOverview, task: Task) -> str:
    if task.definition == api.service.definition:
        return "latest"
    return "taken back" if api.service.was_taken_back(task.definition) else "former"


def _predictions(traffic: Traffic) -> Table | None:
    """What the tracker counted."""
    table = _new_table()
    if traffic.classes:
        table.add_column("class")
        table.add_column("predictions", justify="right")
        for name, count in sorted(traffic.classes.items(), key=lambda item: (-item[1], item[0])):
            table.add_row(Text(name), f"{count:,}")
        return table
    if traffic.regression is not None:
        for name in ("predictions", "min", "mean", "max"):
            table.add_column(name, justify="right")
        values = traffic.regression
        table.add_row(f"{values.count:,}", *(f"{value:.6g}" for value in (values.min, values.mean, values.max)))
        return table
    return None


def _ago(moment: datetime | None, now: float) -> str:
    return NONE if moment is None else format_seconds(max(0, round(now - moment.timestamp())))


def _new_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, pad_edge=False)
