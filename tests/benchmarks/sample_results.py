"""Results of all parts with simple figures, as two rounds would have given them."""

from __future__ import annotations

from benchmarks import (
    commands,
    large_request,
    model_request,
    queueing,
    scaler,
    simulation,
    small_request,
    worker_start,
)
from benchmarks.conditions import Conditions
from benchmarks.results import Results
from benchmarks.rounds import CONNECTIONS, Load, Measured

CONDITIONS = Conditions(
    began="2026-01-02T03:04:05+00:00",
    took_s=125.0,
    cpu="A processor",
    cores=2,
    memory_gb=23.4,
    kernel="Linux 6.1",
    load_before=0.25,
    loop_ms=30.0,
    stolen=0.01,
    python="3.11.7",
    packages={"numpy": "2.4.6"},
    revision="abc+",
)


def measured(name: str, requests_per_s: float, cpu_us: float, *model_server_cpu_us: float) -> Measured:
    """A server whose second round is twice as fast as its first; its p50 is 1000 ms / ``requests_per_s``."""
    load = Load(
        requests_per_s=[requests_per_s, 2 * requests_per_s],
        p50_ms=[1000 / requests_per_s, 1000 / requests_per_s],
        p99_ms=[5.0, 6.0],
        cpu_us=[cpu_us, cpu_us],
        model_server_cpu_us=[value for value in model_server_cpu_us for _ in range(2)],
    )
    return Measured(
        name=name,
        versions="thing 1.0",
        first_answer_s=[0.5, 0.7],
        memory_mb=[50.0, 60.0],
        loads={str(connections): load for connections in CONNECTIONS},
    )


def sample() -> Results:
    """All parts."""
    rivals = {"FastAPI + uvicorn": 2000.0, "LitServe": 1000.0, "BentoML": 400.0}
    servers = [
        measured(server.name, 10_000.0 if number == 0 else rivals.get(server.name, 3000.0), 100.0)
        for number, server in enumerate(small_request.SERVERS)
    ]
    behind = [
        measured(server.name, rate, cpu, 300.0)
        for server, rate, cpu in zip(model_request.SERVERS, (1000.0, 500.0, 250.0), (200.0, 500.0, 900.0), strict=True)
    ]
    waits = [
        queueing.Waits(name, load, [wait, wait], [0.4, 0.4], [0.037, 0.037], [0.3, 0.3])
        for name, wait in (
            (queueing.FLOOR, 0.037),
            *zip((server.name for server in queueing.SERVERS), (0.04, 0.4, 0.1), strict=True),
        )
        for load in queueing.LOADS
    ]
    ticks = [scaler.Tick(seconds, 0.5, 1000, 40, 460, 0, 90, 0) for seconds in (3.0, 2.0)]
    parts = {
        "small": small_request.Result(servers),
        "model": model_request.Result(measured(model_request.DIRECT, 2000.0, 0.0, 250.0), behind),
        "large": large_request.Result(1_850_000, [10, 11], [5, 5], [4, 5], [1, 1], [200, 220], [50, 60], [150, 160]),
        "queueing": queueing.Result(waits),
        "start": worker_start.Result([0.4, 0.4], [60, 60], [40, 41], [0.02, 0.02], [1.0, 1.1]),
        "commands": commands.Result({commands.HELP: [0.3], commands.VALIDATE: [0.5], commands.SYNTH: [9.0]}),
        "simulation": simulation.Result([simulation.Simulated("a day", 8_640_000, [4.0, 5.0])], 1.5, 600.0),
        "scaler": scaler.Result(384, "", ticks, ticks),
    }
    results = Results()
    for name, result in parts.items():
        results.record(name, CONDITIONS, result)
    return results
