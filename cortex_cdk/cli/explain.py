"""``cortex-cdk explain``: why there are as many replicas as there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cortex_cdk.cli import output
from cortex_cdk.cli.decision_text import decision_text
from cortex_cdk.cli.deployment import ClusterName, Profile, Region, connect
from cortex_cdk.cli.errors import UserError

if TYPE_CHECKING:
    from cortex_cdk.simulation.decision_log import Header, Logged


def explain(
    api: Annotated[str | None, typer.Argument(metavar="API", help="The name of a deployed API.")] = None,
    simulation: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Instead of an API: the folder that `cortex-cdk simulate --out DIR` wrote."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="The moment. Of an API: a time such as 14:05, a date and time, or how long ago, such as 10m. Of a "
            "simulation: from the start of the traffic, 90s, 12m30s, 1d2h; or a date and time, of recorded traffic. "
            "Without it, every change.",
        ),
    ] = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="Of an API without --at: how far to look back.")] = "1h",
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of a simulation: whose decision, if several were compared; the API's own by default."
        ),
    ] = None,
    changes: Annotated[
        bool,
        typer.Option("--changes", help="Show every decision that changed the count, in a simulation from --at on."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")] = False,
    cluster: ClusterName = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Say in words why the autoscaler decided what it did.

    Shows each rule that had a say, in order, and after the arrow the count
    it left. Of a deployed API: the changes of the last hour and the decision
    in force, or the one that was in force at a moment.

    Exit status: 0 done, 1 nothing there to explain, 2 wrong usage.

    \b
    Examples:
      cortex-cdk explain my-api
      cortex-cdk explain my-api --at 14:05
      cortex-cdk simulate --pattern "step:1..50@60s" --out report
      cortex-cdk explain --simulation report --at 85s
      cortex-cdk explain --simulation report --changes
    """
    if (api is None) == (simulation is None):
        raise typer.BadParameter("name a deployed API, or a simulation with --simulation DIR", param_hint="API")
    if simulation is not None:
        _explain_simulation(simulation, at, policy, changes=changes, as_json=as_json)
        return
    assert api is not None
    from cortex_cdk.cli.explain_deployed import explain_deployed

    if policy is not None:
        raise typer.BadParameter("only simulations compare policies", param_hint="--policy")
    if changes and at is not None:
        raise typer.BadParameter("the changes of an API are those since --since, not --at", param_hint="--changes")
    explain_deployed(connect(cluster, region, profile), api, since=since, at=at, changes_only=changes, as_json=as_json)


def _explain_simulation(simulation: Path, at: str | None, policy: str | None, *, changes: bool, as_json: bool) -> None:
    from cortex_cdk.simulation import decision_log

    try:
        header, logged = decision_log.read(simulation)
        if policy is not None and policy not in header.policies:
            raise UserError(f"{simulation} has no decisions of {policy}; it has {', '.join(header.policies)}")
        wanted = policy or header.policies[0]
        moment = _moment(at, header)
        of_policy = (one for one in logged if one.policy == wanted)
        chosen = _changes(of_policy, moment) if changes or at is None else _in_force(of_policy, moment)
        shown = 0
        for decision in chosen:
            shown += 1
            typer.echo(json.dumps(decision._asdict(), ensure_ascii=False) if as_json else _text(decision, header))
    except decision_log.LogError as error:
        hint = "" if simulation.is_file() else f"; `cortex-cdk simulate --out {simulation}` writes it"
        raise UserError(f"{error}{hint}") from None
    if not shown:
        since = f" from {_clock(moment)} on" if moment else ""
        output.note(f"{wanted} never changed the count{since}; --at TIME shows why it kept it")


def _moment(at: str | None, header: Header) -> float:
    """Seconds from the start of the traffic."""
    from cortex_cdk.simulation.seconds import format_seconds, parse_seconds

    if at is None:
        return 0.0
    try:
        moment = parse_seconds(at)
    except ValueError as error:
        moment = _since_start(at, header, f"--at: {error}")
    if not 0 <= moment <= header.duration_s:
        since = f" from {header.starts_at:%Y-%m-%d %H:%M:%S}" if header.starts_at else ""
        raise UserError(f"--at {at}: the simulation is {format_seconds(header.duration_s)} long{since}")
    return moment


def _since_start(at: str, header: Header, problem: str) -> float:
    """The seconds from the start to a date and time, in the zone of the traffic unless it has its own."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        allowed = ", or a date and time such as 2026-05-31 13:45:00" if header.starts_at else ""
        raise UserError(problem + allowed) from None
    if header.starts_at is None:
        raise UserError(f"--at {at}: the traffic has no dates, so the moment must be an offset, such as 12m30s")
    zone = header.starts_at.tzinfo or UTC
    begin = header.starts_at.replace(tzinfo=zone)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=zone)) - begin).total_seconds()


def _changes(decisions: Iterator[Logged], moment: float) -> Iterator[Logged]:
    return (one for one in decisions if one.t_s >= moment and one.requested != one.desired)


def _in_force(decisions: Iterator[Logged], moment: float) -> Iterator[Logged]:
    """The last decision until ``moment``; before all of them, the first."""
    found = None
    for one in decisions:
        if found is not None and one.t_s > moment:
            break
        found = one
    if found is not None:
        if found.t_s > moment:
            output.note(f"nothing was decided before {_clock(found.t_s)}")
        yield found


def _text(decision: Logged, header: Header) -> str:
    first, *reasons = decision.words
    when = f"At {_clock(decision.t_s)}"
    if decision.until_s > decision.t_s:
        when = f"From {_clock(decision.t_s)} to {_clock(decision.until_s)}, at each tick"
    if header.starts_at is not None:
        when += f" ({header.starts_at + timedelta(seconds=decision.t_s):%Y-%m-%d %H:%M:%S})"
    return decision_text(f"{when}: {first}", reasons)


def _clock(seconds: float) -> str:
    """Time from the start, such as 1:02:05."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    whole = f"{rest:04.1f}" if rest % 1 else f"{rest:02.0f}"
    return f"{hours}:{minutes:02d}:{whole}"
