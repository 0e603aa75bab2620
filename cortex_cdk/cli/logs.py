"""``cortex-cdk logs``: what the replicas of a deployed API wrote, in the order of time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cortex_cdk.cli import output
from cortex_cdk.cli.deployment import ClusterName, Profile, Region, connect
from cortex_cdk.cli.errors import UserError
from cortex_cdk.cli.moments import seconds_of

if TYPE_CHECKING:
    from cortex_cdk.operations.aws import Aws
    from cortex_cdk.operations.log_events import Event
    from cortex_cdk.operations.log_lines import Line

POLL_S = 2.0
_STYLES = {"warning": "yellow", "error": "red", "critical": "red", "debug": "dim"}


class ContainerName(StrEnum):
    """The containers of a replica."""

    API = "api"
    SERVE = "serve"
    DOWNLOADER = "downloader"


def logs(
    api: Annotated[str, typer.Argument(metavar="API", help="The name of the API.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option(metavar="TIME", help="How far to look back.")] = "10m",
    replica: Annotated[
        str | None, typer.Option(metavar="ID", help="Of this replica only; the first digits are enough.")
    ] = None,
    container: Annotated[
        ContainerName | None,
        typer.Option(help="Of this container only: the predictor, TensorFlow Serving, or what fetches the model."),
    ] = None,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Show the lines, one a second, that CloudWatch makes metrics of, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")] = False,
    cluster: ClusterName = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Print the log of a deployed API.

    Lines of all replicas, in the order of time: time, replica, container
    and what was written. With --follow each is shown once, some seconds
    after it was written, also those of replicas that start later.

    Exit status: 0 done, 1 problems, 2 wrong usage.

    \b
    Examples:
      cortex-cdk logs my-api --since 1h
      cortex-cdk logs my-api --follow --container api
      cortex-cdk logs my-api --replica 1f2e3d4c --json
    """
    from cortex_cdk.operations.log_lines import line_of

    since_ms = int((time.time() - seconds_of("--since", since)) * 1000)
    found = connect(cluster, region, profile)
    release = found.release(found.service(api))
    if release.log_group is None:
        raise UserError(f"{api} writes no log to CloudWatch: its task definition names no log group")
    prefix = f"{release.log_prefix}/"
    if container is not None:
        prefix += f"{container}/" + (replica or "")
    show = _shower(as_json=as_json)
    shown = 0
    try:
        read = _follow if follow else _read_once
        for event in read(found.aws, release.log_group, prefix, since_ms):
            line = line_of(event, release.log_prefix)
            if line is None or not line.replica.startswith(replica or "") or (line.is_metric and not metrics):
                continue
            show(line)
            shown += 1
    except KeyboardInterrupt:
        return
    if not shown:
        of = f"replica {replica} of {api}" if replica else api
        output.note(f"{of} has written nothing within {since}; --since looks further back")


def _read_once(aws: Aws, group: str, prefix: str, since_ms: int) -> Iterator[Event]:
    from cortex_cdk.operations import log_events

    sorter = log_events.Sorter()
    for event in log_events.read(aws, group, since_ms, prefix=prefix):
        sorter.add(event)
        yield from sorter.take(event.at_ms)
    yield from sorter.take_all()


def _follow(aws: Aws, group: str, prefix: str, since_ms: int) -> Iterator[Event]:
    """Events without an end. What cannot be read for a while is read afterwards."""
    from cortex_cdk.operations import log_events
    from cortex_cdk.operations.errors import CallError

    follower = log_events.Follower(since_ms)
    first, problem = True, ""
    while True:
        try:
            follower.add(log_events.read(aws, group, follower.read_from_ms, prefix=prefix))
            problem = ""
        except CallError as error:
            if first:
                raise
            if str(error) != problem:
                problem = str(error)
                output.note(f"{problem}; trying again")
        first = False
        yield from follower.take(time.time() * 1000)
        time.sleep(POLL_S)


def _shower(*, as_json: bool) -> Callable[[Line], None]:
    if as_json:
        return lambda line: typer.echo(json.dumps(line.as_json(), ensure_ascii=False))
    console = output.console()
    if not console.is_terminal:
        return lambda line: typer.echo(line.as_text())
    return lambda line: console.print(line.as_text(), style=_STYLES.get(line.level))
