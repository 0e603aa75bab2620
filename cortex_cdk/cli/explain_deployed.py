"""``cortex-cdk explain API``: the decisions about a deployed API, out of the scaler's log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from cortex_cdk.cli import output
from cortex_cdk.cli.decision_text import decision_text
from cortex_cdk.cli.errors import UserError
from cortex_cdk.cli.moments import moment_of, seconds_of

if TYPE_CHECKING:
    from cortex_cdk.operations.cluster import Cluster
    from cortex_cdk.operations.decisions import Decided

_TICKS_S = 60.0
"""Before a moment, in which there must have been a tick: there is one every 10 s."""


def explain_deployed(
    cluster: Cluster, api: str, *, since: str, at: str | None, changes_only: bool, as_json: bool
) -> None:
    """Print decisions: those in force at ``at``, or the changes since ``since`` with what is in force now.

    Raises:
        OperationError: when the log cannot be read, or there is no such API.
        UserError: when there is nothing to explain.
    """
    from cortex_cdk.operations import decisions

    cluster.service(api)  # a name that is wrong is to be told
    now = time.time()
    log, aws = cluster.parts.scaler_log, cluster.aws
    if at is not None:
        moment = moment_of("--at", at, now)
        before = [one for one in decisions.read(aws, log, moment - _TICKS_S, api, moment + 1) if one.at <= moment]
        if not before:
            raise UserError(f"the scaler did not decide about {api} in the minute before {_stamp(moment)}")
        _print(before[-1:], now, as_json=as_json)
        return
    found = list(decisions.merged(decisions.read(aws, log, now - seconds_of("--since", since), api)))
    if not found:
        raise UserError(f"the scaler has not decided about {api} within {since}; --since looks further back")
    chosen = [one for one in found if one.changes or (one is found[-1] and not changes_only)]
    _print(chosen, now, as_json=as_json)
    if not chosen:
        output.note(f"{api} has had {found[-1].desired} replicas all the time within {since}")


def _print(chosen: Iterable[Decided], now: float, *, as_json: bool) -> None:
    for one in chosen:
        if as_json:
            typer.echo(json.dumps(_document(one), ensure_ascii=False))
        else:
            first, *reasons = one.words
            typer.echo(decision_text(f"{_when(one, now)}: {first}", reasons))


def _document(one: Decided) -> dict[str, Any]:
    return {
        "api": one.api,
        "at": datetime.fromtimestamp(one.at).astimezone().isoformat(timespec="seconds"),
        "until": datetime.fromtimestamp(one.until).astimezone().isoformat(timespec="seconds"),
        "requested": one.requested,
        "desired": one.desired,
        "in_flight": one.in_flight,
        "result": one.result,
        "words": list(one.words),
    }


def _when(one: Decided, now: float) -> str:
    date = "" if datetime.fromtimestamp(one.at).date() == datetime.fromtimestamp(now).date() else "%Y-%m-%d "
    first = datetime.fromtimestamp(one.at).strftime(f"{date}%H:%M:%S")
    if one.until == one.at:
        return f"At {first}"
    return f"From {first} to {datetime.fromtimestamp(one.until):%H:%M:%S}, at each tick"


def _stamp(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment):%Y-%m-%d %H:%M:%S}"
