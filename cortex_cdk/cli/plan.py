"""``cortex-cdk plan``: what a deployment needs, costs and cannot do, before there is one."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cortex_cdk.cli import output
from cortex_cdk.cli.errors import UserError
from cortex_cdk.cli.project_file import given_or_nearest
from cortex_cdk.cli.simulation_inputs import seconds

if TYPE_CHECKING:
    from cortex_cdk.plan.load import Load
    from cortex_cdk.plan.planning import Plan

_LOAD, _STARTUP, _ACCOUNT = "Load", "Start-up", "Prices and the account"


def plan(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="cortex.yaml", help="The file, or its folder; the nearest one by default. cluster.yaml beside it."
        ),
    ] = None,
    typical: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[API=]LOAD",
            help="The usual load of an API, or of each: requests in flight, such as 12, or 50/s. May be given several "
            "times. Without it there is no column `typical`.",
            rich_help_panel=_LOAD,
        ),
    ] = None,
    service_time: Annotated[
        str, typer.Option(metavar="TIME", help="How long a replica works on a request.", rich_help_panel=_LOAD)
    ] = "50ms",
    burst: Annotated[
        float,
        typer.Option(
            metavar="FACTOR",
            help="How many times the load grows at once: the typical one, else what min_replicas hold, as far as "
            "max_replicas hold it.",
            rich_help_panel=_LOAD,
        ),
    ] = 10.0,
    startup: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="From a place on an instance that is up until a replica takes requests.",
            rich_help_panel=_STARTUP,
        ),
    ] = "60s",
    node_startup: Annotated[
        str,
        typer.Option(metavar="TIME", help="What a new instance takes before that, assumed.", rich_help_panel=_STARTUP),
    ] = "3m",
    prices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Prices as JSON, in place of the built-in.", rich_help_panel=_ACCOUNT),
    ] = None,
    spot_discount: Annotated[
        float,
        typer.Option(
            metavar="PERCENT",
            help="What spot instances cost less than on-demand ones.",
            min=0,
            max=100,
            rich_help_panel=_ACCOUNT,
        ),
    ] = 0.0,
    quota: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A quota of the account, in place of what accounts begin with: on-demand-standard=64, or by its code "
            "L-1216C47A=64. May be given several times.",
            rich_help_panel=_ACCOUNT,
        ),
    ] = None,
    trunking: Annotated[
        bool,
        typer.Option(
            "--trunking",
            help="The account setting awsvpcTrunking is on: instances take more network interfaces, and so replicas.",
            rich_help_panel=_ACCOUNT,
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, for programs.")] = False,
) -> None:
    """Show what a deployment needs and costs, and what cannot work.

    Counts instances and dollars a month at the least, the typical and the
    most replicas; how long a burst takes; whether updates can proceed; and
    which quotas are too low. Nothing is deployed or looked up in AWS.

    Exit status: 0 it can work, 1 it cannot, 2 wrong usage.

    \b
    Examples:
      cortex-cdk plan
      cortex-cdk plan --typical 50/s --service-time 120ms
      cortex-cdk plan my-api/cortex.yaml --typical my-api=12 --json
    """
    from cortex_cdk.plan import planning
    from cortex_cdk.plan.document import document
    from cortex_cdk.simulation.prices import read_prices
    from cortex_cdk.spec import both_files

    path = given_or_nearest(file)
    project, cluster = both_files.load(path)
    apis = project.apis
    if not 1 < burst < math.inf:
        raise UserError(f"--burst {burst:g}: must be more than 1")
    service_time_s = seconds("--service-time", service_time, above_0=True)
    try:
        assumed = planning.Assumptions(
            loads=_loads(typical or (), [api.name for api in apis], service_time_s),
            service_time_s=service_time_s,
            burst=burst,
            task_startup_s=seconds("--startup", startup),
            instance_startup_s=seconds("--node-startup", node_startup),
            trunking=trunking,
            spot_discount=spot_discount / 100,
            quotas=_quotas(quota or ()),
        )
        found = planning.plan(cluster, apis, assumed, read_prices(prices))
    except ValueError as error:
        raise UserError(str(error)) from None
    if as_json:
        typer.echo(json.dumps(document(found), indent=2, ensure_ascii=False))
    else:
        _show(found, path)
    if found.errors:
        raise typer.Exit(1)


def _loads(given: Sequence[str], apis: Sequence[str], service_time_s: float) -> dict[str, Load]:
    """The load of each API that one is given for; one with a name wins over one for all.

    Raises:
        UserError: when one is for an API that there is not.
        ValueError: when one is no load.
    """
    from cortex_cdk.plan.load import Load

    for_all: dict[str, Load] = {}
    for_one: dict[str, Load] = {}
    for text in given:
        name, equals, load = text.rpartition("=")
        name = name.strip()
        if equals and name not in apis:
            raise UserError(f"--typical {text}: there is no API {name!r}, only {', '.join(apis)}")
        try:
            parsed = Load.parse(load, service_time_s)
        except ValueError as error:
            raise UserError(f"--typical {text}: {error}") from None
        if equals:
            for_one[name] = parsed
        else:
            for_all = dict.fromkeys(apis, parsed)
    return for_all | for_one


def _quotas(given: Sequence[str]) -> dict[str, float]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not equals or not 0 <= number < math.inf:
            raise UserError(f"--quota {text}: write it as NAME=VALUE, such as on-demand-standard=64")
        found[name.strip()] = number
    return found


def _show(found: Plan, path: Path) -> None:
    from cortex_cdk.plan.table import tables
    from cortex_cdk.spec.cluster import FILE

    where = FILE if path.with_name(FILE).exists() else f"a cluster with all defaults (there is no {FILE})"
    console = output.console()
    console.print(f"{path} on {where}\n")
    console.print(tables(found), soft_wrap=False)
    for warning in found.warnings:
        output.warning(warning)
    for error in found.errors:
        output.error(error)
