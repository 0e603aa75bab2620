"""``cortex-cdk get``: how the deployed APIs are."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cortex_cdk.cli import output
from cortex_cdk.cli.deployment import ClusterName, Profile, Region, connect
from cortex_cdk.cli.moments import seconds_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cortex_cdk.operations.overview import ApiOverview, Overview

WATCH_S = 2.0
WIDE = 240
"""Columns where there is no terminal, so that nothing is cut off in files."""


def get(
    api: Annotated[str | None, typer.Argument(metavar="API", help="The name of an API, for all about it.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show what changes, until Ctrl-C.")] = False,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Over how long requests, latency and predictions are counted, up to 1d.")
    ] = "1h",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, for programs; with --watch one a line.")
    ] = False,
    cluster: ClusterName = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Show how the deployed APIs are: status, replicas, load, answers.

    Statuses: live, updating, error, error (image pull), error (out of
    memory), compute unavailable. Replicas are counted of the latest release,
    those of former ones are stale. Requests in flight are those of the last
    10 s, of all replicas.

    Exit status: 0 done, 1 problems, 2 wrong usage.

    \b
    Examples:
      cortex-cdk get
      cortex-cdk get my-api --watch
      cortex-cdk get my-api --json --since 5m
    """
    from cortex_cdk.operations.documents import document_of
    from cortex_cdk.operations.overview import Overview, Wanted

    window_s = _window(since)
    alone = api is not None
    home = connect(cluster, region, profile)
    overview = Overview(home, Wanted(window_s, decisions=alone, tracker=alone, dashboards=alone), api)

    def text(found: Sequence[ApiOverview]) -> str:
        document = {
            "cluster": home.parts.stack,
            "region": home.aws.region,
            "dashboard": home.parts.dashboard,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "apis": [document_of(one, window_s) for one in found],
        }
        return json.dumps(document, indent=None if watch else 2, ensure_ascii=False)

    def screen(found: Sequence[ApiOverview]) -> RenderableType:
        from cortex_cdk.cli import get_tables

        if not found:
            return f"the cluster {home.parts.stack} in {home.aws.region} has no APIs; deploy them (`cdk deploy --all`)"
        if alone:
            return get_tables.details(found[0], since, time.time())
        return get_tables.summary(found, time.time(), home.parts.dashboard)

    found = overview.read()
    try:
        if as_json:
            typer.echo(text(found))
            while watch:
                time.sleep(WATCH_S)
                typer.echo(text(overview.read()))
        elif watch:
            _watch(overview, found, screen)
        else:
            console = output.console()
            if not console.is_terminal:
                console.width = WIDE
            console.print(screen(found))
    except KeyboardInterrupt:  # the end of watching
        pass


def _watch(
    overview: Overview, found: Sequence[ApiOverview], screen: Callable[[Sequence[ApiOverview]], RenderableType]
) -> None:
    """Show the newest state in one place; what cannot be read for a while is said below it."""
    from rich.console import Console, Group
    from rich.live import Live

    from cortex_cdk.operations.errors import CallError

    console = Console(markup=False, highlight=False, emoji=False)
    with Live(screen(found), console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.refresh()
            time.sleep(WATCH_S)
            try:
                found = overview.read()
                live.update(screen(found))
            except CallError as error:
                live.update(Group(screen(found), f"{error}; trying again"))


def _window(since: str) -> int:
    """The seconds of ``--since``, up to whole minutes."""
    from cortex_cdk.operations.traffic import LONGEST_S

    seconds = seconds_of("--since", since)
    if seconds > LONGEST_S:
        raise typer.BadParameter(f"{since} is more than 1d", param_hint="--since")
    return -int(-seconds // 60) * 60
