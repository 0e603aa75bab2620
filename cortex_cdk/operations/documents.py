"""An API's overview as JSON, for programs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from cortex_cdk.operations.decisions import Decided
from cortex_cdk.operations.overview import ApiOverview
from cortex_cdk.operations.tasks import Task
from cortex_cdk.operations.traffic import Traffic


def document_of(api: ApiOverview, window_s: int) -> dict[str, Any]:
    """The overview; times are ISO 8601 in UTC. What is not known is null."""
    policy = api.service.target.policy if api.service.target else None
    return {
        "name": api.name,
        "status": api.status,
        "url": api.url,
        "dashboard": api.dashboard,
        "updated": _time(api.service.updated),
        "replicas": {
            "requested": api.service.requested,
            "ready": api.ready,
            "starting": api.starting,
            "stale": api.stale,
            "failed": len(api.failures),
            "min": policy.min_replicas if policy else None,
            "max": policy.max_replicas if policy else None,
        },
        "in_flight": api.load.in_flight if api.load else None,
        "traffic": _traffic(api.traffic, window_s) if api.traffic else None,
        "scaler": {
            "decided": _time(datetime.fromtimestamp(api.decided_at, UTC)) if api.decided_at else None,
            "last": _decision(api.decided) if api.decided else None,
        },
        "tasks": [_task(task, api.service.definition) for task in api.tasks],
        "notes": list(api.notes),
    }


def _traffic(traffic: Traffic, window_s: int) -> dict[str, Any]:
    return {
        "window_s": window_s,
        "requests": dict(traffic.requests),
        "latency_ms": dict(traffic.latency_ms) or None,
        "classes": dict(traffic.classes) or None,
        "regression": asdict(traffic.regression) if traffic.regression else None,
    }


def _decision(decided: Decided) -> dict[str, Any]:
    return {
        "at": _time(datetime.fromtimestamp(decided.at, UTC)),
        "requested": decided.requested,
        "desired": decided.desired,
        "in_flight": decided.in_flight,
        "result": decided.result,
        "words": list(decided.words),
    }


def _task(task: Task, latest: str) -> dict[str, Any]:
    return {
        "id": task.id,
        "state": task.state,
        "latest": task.definition == latest,
        "started": _time(task.started),
        "stopped": _time(task.stopped),
        "failed": task.words if task.failure else None,
    }


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
