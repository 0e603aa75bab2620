"""What ``cortex-cdk top`` shows, as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cortex_cdk.cli.top_rows import HISTORY_S, Row, Source


def document_of(source: Source, rows: Sequence[Row], now: float) -> dict[str, Any]:
    """All rows at a time in seconds since the epoch. What is not known is null.

    Rates are answers per second and, like latency, of the source's window. ``history`` are the requests in flight of
    the last ten minutes in equal steps, oldest first.
    """
    return {
        "source": source.title,
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "window": source.window,
        "apis": [_api(row) for row in rows],
    }


def _api(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "status": row.status,
        "replicas": {"ready": row.ready, "requested": row.requested, "wanted": row.wanted},
        "in_flight": row.in_flight,
        "history": {"seconds": HISTORY_S, "in_flight": list(row.history)},
        "rates": dict(row.rates),
        "latency_ms": {"p50": row.p50_ms, "p99": row.p99_ms},
        "words": list(row.words),
    }
