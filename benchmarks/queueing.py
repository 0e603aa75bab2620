"""How long requests wait, beside the least that is possible: four slots, exponential service times, Poisson arrivals.

The ideal is one queue before all slots, fed with the moments at which the requests were really sent. A server that
hands requests to a process before one is idle there lets some wait while a slot elsewhere has nothing to do.
"""

from __future__ import annotations

import contextlib
import statistics

from msgspec import Struct

from benchmarks import ideal_queue, open_loop
from benchmarks.figures import paired_ratio, percentile, spread
from benchmarks.goals import Goal
from benchmarks.model_server import model_server
from benchmarks.part import Run
from benchmarks.rivals import catalog
from benchmarks.rivals.server import Workload
from benchmarks.tables import Table

TITLE = "Queueing: four slots, exponential service of 50 ms, Poisson arrivals"
SLOTS, SERVICE_S, DURATION_S = 4, 0.05, 15.0
LOADS = (0.8, 0.95)
SERVERS = (catalog.REPLICA, catalog.GTHREAD, catalog.ORIGINAL)
FLOOR = "the generator itself, ideal server"
SLEPT = "slept"


class Waits(Struct):
    """How long requests waited at one load, in seconds: a value for each round.

    Attributes:
        name: of the server, or ``FLOOR``.
        ideal_mean: what they would have waited at least.
    """

    name: str
    load: float
    mean: list[float] = []
    p99: list[float] = []
    ideal_mean: list[float] = []
    ideal_p99: list[float] = []


class Result(Struct):
    """Of every server at every load."""

    waits: list[Waits]


def measure(run: Run) -> Result:
    """Measure; a round has the same traffic for everybody, another than the rounds before it.

    Raises:
        EnvironmentFailed, ServerError, OpenLoopError: somebody cannot be measured.
    """
    names = [FLOOR, *(server.name for server in SERVERS)]
    measured = {(name, load): Waits(name, load) for name in names for load in LOADS}
    with model_server() as model:
        workload = Workload("sleep", model.address, workers=SLOTS)
        for server in SERVERS:
            server.prepare(run.tell)
        for number in range(run.rounds):
            first = number % len(names)
            for name in [*names[first:], *names[:first]]:
                run.tell(f"round {number + 1} of {run.rounds}: {name}")
                with contextlib.ExitStack() as stack:
                    url = None
                    for server in SERVERS:
                        if server.name == name:
                            url = stack.enter_context(server.running(workload, {"t": 0.001}, SLEPT)).url
                    for load in LOADS:
                        _measure(measured[name, load], url, seed=number + 1)
    return Result(list(measured.values()))


def _measure(into: Waits, url: str | None, seed: int) -> None:
    arrivals, services = ideal_queue.poisson_arrivals(SLOTS, into.load, SERVICE_S, DURATION_S, seed)
    if url is None:
        sent = open_loop.run_ideal(SLOTS, arrivals, services)
    else:
        sent = open_loop.run_http(url, SLEPT.encode(), arrivals, services)
    order = sorted(range(len(arrivals)), key=sent.at.__getitem__)
    ideal = ideal_queue.waits([sent.at[i] for i in order], [services[i] for i in order], SLOTS)
    into.mean.append(statistics.mean(sent.waits))
    into.p99.append(percentile(sent.waits, 0.99))
    into.ideal_mean.append(statistics.mean(ideal))
    into.ideal_p99.append(percentile(ideal, 0.99))


def tables(result: Result) -> list[Table]:
    """Waits beside the ideal's."""
    rows = [
        [
            waits.name,
            f"{waits.load:.0%}",
            spread([1000 * s for s in waits.mean]),
            spread([1000 * s for s in waits.ideal_mean]),
            spread([m / i for m, i in zip(waits.mean, waits.ideal_mean, strict=True)], "x"),
            spread([1000 * s for s in waits.p99]),
            spread([1000 * s for s in waits.ideal_p99]),
        ]
        for waits in sorted(result.waits, key=lambda waits: waits.load)
    ]
    columns = ("", "load", "mean wait (ms)", "ideal's (ms)", "wait / ideal's", "p99 wait (ms)", "ideal's (ms)")
    note = (
        f"Median (least-greatest) of {len(result.waits[0].mean)} rounds of {DURATION_S:.0f} s, each with traffic"
        f" of its own, the same for everybody; a connection for each request. {SLOTS} processes that predict, each one"
        " request at a time. A wait is all but the service time: reading, queueing, answering."
    )
    return [Table(TITLE, columns, rows, [note])]


def goals(result: Result) -> list[Goal]:
    """The replica's mean wait beside the ideal's, and the others' beside the replica's."""
    by = {(waits.name, waits.load): waits for waits in result.waits}
    found = []
    for load in LOADS:
        ours = by[catalog.REPLICA.name, load]
        ratio = paired_ratio(ours.mean, ours.ideal_mean)
        found.append(Goal(f"mean wait at {load:.0%} load, beside the ideal's", ratio, "at most", 1.1, "x"))
        for rival in SERVERS[1:]:
            ratio = paired_ratio(by[rival.name, load].mean, ours.mean)
            found.append(
                Goal(f"mean wait of {rival.name} at {load:.0%} load, beside ours", ratio, "at least", 5.0, "x")
            )
    return found
