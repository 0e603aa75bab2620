"""Small requests through a TensorFlow model: what each server adds to the call of the model server."""

from __future__ import annotations

import math

import grpc
from msgspec import Struct

from benchmarks import h2load, process_tree, wrk
from benchmarks.figures import paired_difference, paired_ratio, spread
from benchmarks.goals import Goal
from benchmarks.model_server import LABEL, MODEL_NAME, SAMPLE, ModelServer, model_server
from benchmarks.part import Run
from benchmarks.rivals import catalog
from benchmarks.rivals.server import Workload
from benchmarks.rounds import CONNECTIONS, Load, Measured, Rounds, failures
from benchmarks.small_request import start_table
from benchmarks.tables import Table
from cortex_runtime.tf_serving import messages
from cortex_runtime.tf_serving.client import TensorFlowClient

TITLE = "Small requests through a TensorFlow model"
SECONDS = 3
DIRECT = "gRPC, straight to the model server"
SERVERS = (catalog.REPLICA, catalog.GTHREAD, catalog.ORIGINAL)


class Result(Struct):
    """What the model server did by itself, and what every server did before it."""

    direct: Measured
    servers: list[Measured]


def measure(run: Run) -> Result:
    """Measure.

    Raises:
        EnvironmentFailed, ServerError, LoadError: somebody cannot be measured.
    """
    wrk.require("wrk", "wrk")
    wrk.require("h2load", "nghttp2-client")
    with model_server() as server:
        direct = Measured(name=DIRECT, versions="h2load")
        rounds = Rounds(run, SERVERS, Workload("model", server.address), SAMPLE, LABEL, SECONDS, server.pid)
        for _ in rounds:
            run.tell(DIRECT)
            _measure_direct(server, direct)
        return Result(direct, rounds.measured)


def _measure_direct(server: ModelServer, into: Measured) -> None:
    """One round of the very call that a predictor's client makes."""
    request = _request(server.address)
    with grpc.insecure_channel(server.address) as channel:
        answer = channel.unary_unary(messages.PREDICT)(request, timeout=60)
    for connections in CONNECTIONS:
        before = process_tree.cpu_seconds(server.pid)
        load = h2load.run(server.address, messages.PREDICT, request, len(answer), connections, SECONDS)
        used_us = (process_tree.cpu_seconds(server.pid) - before) / load.requests * 1e6
        into.loads.setdefault(str(connections), Load()).add(load, 0.0, used_us)


def _request(address: str) -> bytes:
    client = TensorFlowClient(address, model_name=MODEL_NAME)
    try:
        return client._encode(client._cast(SAMPLE))
    finally:
        client.close()


def tables(result: Result) -> list[Table]:
    """Latencies and CPU, of the servers and of the model server behind them."""
    rows = []
    for server in [result.direct, *result.servers]:
        for connections, load in server.loads.items():
            own = "" if server is result.direct else spread(load.cpu_us)
            whole = [a + b for a, b in zip(load.cpu_us, load.model_server_cpu_us, strict=True)]
            rates = spread(load.requests_per_s)
            rows.append([server.name, connections, rates, spread(load.p50_ms), spread(load.p99_ms), own, spread(whole)])
    columns = (
        "",
        "connections",
        "requests/s",
        "p50 (ms)",
        "p99 (ms)",
        "CPU per request (us)",
        "with the model server's (us)",
    )
    rounds = len(result.direct.loads["1"].p50_ms)
    notes = [
        f"Median (least-greatest) of {rounds} rounds. One process that predicts, each, one request at a"
        " time. The straight calls are made by h2load, as many at once as there are connections."
    ]
    return [Table(TITLE, columns, rows, notes + failures(result.servers)), start_table(result.servers)]


def goals(result: Result) -> list[Goal]:
    """What the replica adds to a call, and its CPU beside that of the same with threads and grpcio."""
    loads = {server.name: server.loads for server in result.servers}
    ours, threads = loads[catalog.REPLICA.name], loads[catalog.GTHREAD.name]
    added_ms = paired_difference(ours["1"].p50_ms, result.direct.loads["1"].p50_ms)
    return [
        Goal("p50 added to a straight gRPC call, 1 connection", added_ms, "below", 0.6, "ms"),
        *(
            Goal(
                f"CPU per request of {catalog.GTHREAD.name} + grpcio beside ours, {connections} connections",
                paired_ratio(threads[str(connections)].cpu_us, ours[str(connections)].cpu_us) if threads else math.nan,
                "at least",
                2.0,
                "x",
            )
            for connections in CONNECTIONS[1:]
        ),
    ]
