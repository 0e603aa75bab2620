"""The APIs of a deployed cluster, for ``cortex-cdk top``."""

from __future__ import annotations

from collections.abc import Sequence

from cortex_cdk.cli.top_rows import Health, Row
from cortex_cdk.operations.cluster import Cluster
from cortex_cdk.operations.overview import LATE_DECISION_S, ApiOverview, Overview, Wanted
from cortex_cdk.operations.status import Status
from cortex_cdk.simulation.seconds import format_seconds

WINDOW_S = 300


class ClusterSource:
    """Reads what ``get`` reads."""

    window = "5 min"

    def __init__(self, cluster: Cluster) -> None:
        self.title = f"{cluster.parts.stack} in {cluster.aws.region}"
        self._overview = Overview(cluster, Wanted(WINDOW_S, history=True, decisions=True))

    def read(self) -> list[Row]:
        """See ``Source``."""
        now = self._overview.clock()
        return [row_of(api, now) for api in self._overview.read()]

    def close(self) -> None:
        """Nothing is held."""


def row_of(api: ApiOverview, now: float) -> Row:
    """An API's row."""
    health = {Status.LIVE: Health.GOOD, Status.UPDATING: Health.CHANGING}.get(api.status, Health.BAD)
    traffic = api.traffic
    current = api.decided is not None and now - api.decided.at <= LATE_DECISION_S
    return Row(
        name=api.name,
        status=api.status,
        health=health,
        ready=api.ready,
        requested=api.service.requested,
        wanted=api.decided.desired if api.decided is not None and current else None,
        in_flight=api.load.in_flight if api.load else None,
        history=api.history,
        rates={code: count / WINDOW_S for code, count in traffic.requests.items()} if traffic else {},
        p50_ms=traffic.latency_ms.get("p50") if traffic else None,
        p99_ms=traffic.latency_ms.get("p99") if traffic else None,
        words=_words(api, now),
    )


def _words(api: ApiOverview, now: float) -> Sequence[str]:
    if api.decided is None:
        return list(api.notes)
    first, *reasons = api.decided.words
    ago = format_seconds(max(0, round(now - api.decided.at)))
    return [f"{first} ({ago} ago)", *reasons, *api.notes]
