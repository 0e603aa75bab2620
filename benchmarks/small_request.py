"""Small requests without a model: what each server itself costs, around a function of a few microseconds."""

from __future__ import annotations

import math

from msgspec import Struct

from benchmarks import wrk
from benchmarks.figures import paired_ratio, short, spread
from benchmarks.goals import Goal
from benchmarks.model_server import LABEL, SAMPLE, model_server
from benchmarks.part import Run
from benchmarks.rivals import catalog
from benchmarks.rivals.server import Workload
from benchmarks.rounds import Load, Measured, Rounds, failures
from benchmarks.tables import Table

TITLE = "Small requests, no model"
SECONDS = 3
SERVERS = (
    catalog.REPLICA,
    catalog.FASTAPI_ASYNC,
    catalog.FASTAPI,
    catalog.GTHREAD,
    catalog.ORIGINAL,
    catalog.MLSERVER,
    catalog.LITSERVE,
    catalog.BENTOML,
    catalog.RAY,
)
GOALS = (
    (catalog.FASTAPI, 1, 2.5),
    (catalog.FASTAPI, 8, 5.0),
    (catalog.FASTAPI, 64, 5.0),
    (catalog.LITSERVE, 8, 12.0),
    (catalog.LITSERVE, 64, 12.0),
    (catalog.BENTOML, 8, 20.0),
    (catalog.BENTOML, 64, 20.0),
)
"""Rival, connections, and how many times its requests/s the replica should answer."""


class Result(Struct):
    """What every server did."""

    servers: list[Measured]


def measure(run: Run) -> Result:
    """Measure.

    Raises:
        EnvironmentFailed, ServerError, LoadError: somebody cannot be measured.
    """
    wrk.require("wrk", "wrk")
    with model_server() as server:  # a replica is ready only when its model is
        rounds = Rounds(run, SERVERS, Workload("stub", server.address), SAMPLE, LABEL, SECONDS)
        for _ in rounds:
            pass
        return Result(rounds.measured)


def tables(result: Result) -> list[Table]:
    """Requests/s beside the replica's, latencies, CPU; start and memory."""
    ours = result.servers[0].loads
    rows = []
    for server in result.servers:
        for connections, load in server.loads.items():
            slower = paired_ratio(ours[connections].requests_per_s, load.requests_per_s)
            rows.append(
                [
                    server.name,
                    connections,
                    spread(load.requests_per_s),
                    "" if server is result.servers[0] else f"{short(slower)}x",
                    spread(load.p50_ms),
                    spread(load.p99_ms),
                    spread(load.cpu_us),
                ]
            )
    columns = (
        "",
        "connections",
        "requests/s",
        "cortex_cdk's",
        "p50 (ms)",
        "p99 (ms)",
        "CPU per request (us)",
    )
    notes = [
        f"Median (least-greatest) of {_rounds(result)} rounds. `cortex_cdk's`: its requests/s in parts of this row's."
        " One process that predicts, each. CPU: of all processes of a server, without the load generator.",
    ]
    return [Table(TITLE, columns, rows, notes + failures(result.servers)), start_table(result.servers)]


def goals(result: Result) -> list[Goal]:
    """The replica's requests/s beside those of some rivals."""
    loads = {server.name: server.loads for server in result.servers}
    return [
        Goal(
            f"requests/s at {connections} connection{'s' * (connections > 1)}, beside {rival.name}",
            _times_faster(loads[catalog.REPLICA.name], loads[rival.name], connections),
            "at least",
            factor,
            "x",
        )
        for rival, connections, factor in GOALS
    ]


def start_table(servers: list[Measured]) -> Table:
    """How soon each server answers, on how much memory, and what it consists of."""
    rows = [
        [server.name, server.versions, spread(server.first_answer_s), spread(server.memory_mb)]
        for server in servers
        if not server.failure
    ]
    return Table("The same servers: start and memory", ("", "versions", "first answer (s)", "memory (MB)"), rows)


def _times_faster(ours: dict[str, Load], theirs: dict[str, Load], connections: int) -> float:
    if not theirs:
        return math.nan
    return paired_ratio(ours[str(connections)].requests_per_s, theirs[str(connections)].requests_per_s)


def _rounds(result: Result) -> int:
    return len(result.servers[0].first_answer_s)
