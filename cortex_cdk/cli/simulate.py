"""``cortex-cdk simulate``: how an API would scale on some traffic, and what that costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cortex_cdk.cli.errors import UserError
from cortex_cdk.cli.simulation_inputs import Traffic, node_price, seconds
from cortex_cdk.cli.simulation_policies import Own, compared, own_settings

_TRAFFIC, _REQUESTS, _SCALING = "Traffic, one of --pattern and --trace", "Requests", "Autoscaling"
_REPLICAS, _RESULTS = "Replicas and their nodes", "Results"


def simulate(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="cortex.yaml", help="The file, or its folder; the nearest one by default, else all defaults."
        ),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Made-up traffic, in requests/s: constant:5, step:1..10@60s, ramp:1..10@60s-300s, sine:10+-8/600s, "
            "spike:1..50@120s+30s, bursty:10*5+30s.",
            rich_help_panel=_TRAFFIC,
        ),
    ] = None,
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="Length of the pattern.", rich_help_panel=_TRAFFIC)
    ] = None,
    trace: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Recorded traffic: a CSV with a row a request, or with counts per interval. - is stdin.",
            rich_help_panel=_TRAFFIC,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Use the trace from here on: a date and time, or an offset such as 2h.",
            rich_help_panel=_TRAFFIC,
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Use the trace until here.", rich_help_panel=_TRAFFIC),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            metavar="FACTOR", help="Multiply the trace's requests: 0.5 for half of them.", rich_help_panel=_TRAFFIC
        ),
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The trace's column of times, where the wrong one is found.", rich_help_panel=_TRAFFIC
        ),
    ] = None,
    count_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The trace's column of counts; none: each row is a request.",
            rich_help_panel=_TRAFFIC,
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="What the count of a row covers, where the times do not tell.",
            rich_help_panel=_TRAFFIC,
        ),
    ] = None,
    service_time: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="How long a replica works on a request: 50ms, exp:50ms, lognormal:50ms,cv=0.5, gamma:50ms,cv=0.5, or "
            "file:measured.csv.",
            rich_help_panel=_REQUESTS,
        ),
    ] = "50ms",
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="The latency to stay within; 10 service times by default.", rich_help_panel=_REQUESTS
        ),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The API, when the file has several.", rich_help_panel=_SCALING),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A key of `autoscaling` as in cortex.yaml, in place of the file's: window=30s, preset=responsive, "
            "workers_per_replica=4. May be given several times.",
            rich_help_panel=_SCALING,
        ),
    ] = None,
    compare: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Policies beside the API's own, by commas: cortex (the default settings), responsive, knative, ray, "
            "hpa, ecs, ecs-60s, fixed, oracle, or all. With settings: cortex:window=30s,upscale_window=10s, fixed:8.",
            rich_help_panel=_SCALING,
            show_default=False,
        ),
    ] = "",
    startup: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="From asking for a replica until it is ready, on a node that is up.",
            rich_help_panel=_REPLICAS,
        ),
    ] = "60s",
    node_startup: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="What a new node takes before that, where no node has room.",
            rich_help_panel=_REPLICAS,
        ),
    ] = "0s",
    replicas_per_node: Annotated[
        int, typer.Option(metavar="N", min=1, help="Replicas that fit on a node.", rich_help_panel=_REPLICAS)
    ] = 1,
    max_nodes: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Nodes at most; no limit by default.", rich_help_panel=_REPLICAS),
    ] = None,
    instance_type: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE", help="The node's instance type, for its price: m5.large.", rich_help_panel=_REPLICAS
        ),
    ] = None,
    price: Annotated[
        str | None,
        typer.Option(metavar="DOLLARS", help="The node's price per hour, instead.", rich_help_panel=_REPLICAS),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Prices by instance type, as JSON, in place of the built-in.",
            rich_help_panel=_REPLICAS,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write a page (HTML), plots (PNG), all figures (JSON) and decisions there, in place of an earlier "
            "simulation's.",
            rich_help_panel=_RESULTS,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout, for programs.", rich_help_panel=_RESULTS)
    ] = False,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Of all that is random; the same seed gives the same result.",
            rich_help_panel=_RESULTS,
        ),
    ] = 0,
) -> None:
    """Show how an API would scale on some traffic, and its costs.

    Runs the real autoscaling rules against simulated replicas, and other
    autoscalers beside them if asked. Nothing is deployed.

    Exit status: 0 done, 1 something given is wrong, 2 wrong usage.

    \b
    Examples:
      cortex-cdk simulate --pattern "step:1..10@60s" --service-time 200ms
      cortex-cdk simulate --trace requests.csv --startup 90s --out report
      cortex-cdk simulate my-api/cortex.yaml --trace requests.csv \\
        --set preset=responsive --instance-type g4dn.xlarge --compare all
    """
    _needs_extra()
    from cortex_cdk.cli import interrupts, simulation_results
    from cortex_cdk.cli.progress_bar import ProgressBar
    from cortex_cdk.cli.simulation_runs import run_all
    from cortex_cdk.simulation import Platform, decision_log, parse_service_time
    from cortex_cdk.simulation.compare import Watched
    from cortex_cdk.simulation.policies import PolicyContext

    traffic = Traffic(
        trace=trace,
        pattern=pattern,
        duration=duration,
        start=start,
        end=end,
        scale=scale,
        interval=interval,
        time_column=time_column,
        count_column=count_column,
    )
    traffic.check()
    own = own_settings(file, api, settings or [])
    try:
        drawn = parse_service_time(service_time)
        objective_s = seconds("--objective", objective, above_0=True) if objective is not None else None
        platform = Platform(
            slots=own.spec.slots,
            max_replica_concurrency=own.spec.max_replica_concurrency,
            task_startup_s=seconds("--startup", startup),
            node_startup_s=seconds("--node-startup", node_startup),
            replicas_per_node=replicas_per_node,
            max_nodes=max_nodes,
            node_price_per_hour=node_price(instance_type, price, prices),
        )
        policies = compared(compare, own)
        if out is not None:
            simulation_results.prepare(out)
        with interrupts.none_lost(), ProgressBar() as bar:
            arrivals = traffic.read(bar)
            context = PolicyContext(
                policy=own.spec.policy(),
                platform=platform,
                trace=Watched(arrivals, lambda share: bar("looking at the load", share)),
                service_time=drawn,
                seed=seed,
            )
            runs, least = run_all(policies, arrivals, context, objective_s, out, bar)
    except ValueError as error:
        raise UserError(str(error)) from None
    if as_json:
        simulation_results.print_json(runs, least)
    else:
        simulation_results.show(runs, least, _about(own, settings or []))
    if out is not None:
        with ProgressBar() as bar:
            paths = simulation_results.write(runs, out, {"API": _about(own, settings or [])}, least, bar)
        simulation_results.note_written(out, [*paths, out / decision_log.FILE], runs)


def _needs_extra() -> None:
    """The simulator needs more than the rest of the program does.

    Raises:
        UserError: when that is not installed.
    """
    from importlib.util import find_spec

    missing = [name for name in ("numba", "matplotlib") if find_spec(name) is None]
    if missing:
        raise UserError(f"the simulator needs {' and '.join(missing)}: pip install 'cortex-cdk[simulate]'")


def _about(own: Own, settings: list[str]) -> str:
    """The API and what was changed of it."""
    return own.title + (f" with {', '.join(settings)}" if settings else "")
