"""Lengths and points of time that people give to commands about the recent past."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import typer

ALLOWED = "a time such as 14:05, a date and time such as 2026-05-31T14:05:00, or how long ago, such as 10m"


def seconds_of(option: str, text: str) -> float:
    """The value of an option that is a length of time, in seconds, above 0."""
    from cortex_cdk.simulation.seconds import ALLOWED, parse_seconds

    try:
        seconds = parse_seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
    if seconds <= 0:
        raise typer.BadParameter(f"{text!r} is not {ALLOWED} above 0", param_hint=option)
    return seconds


def moment_of(option: str, text: str, now: float) -> float:
    """The value of an option that is a moment, in seconds since the epoch.

    A time is the last one of that name; without a zone it is this machine's.
    """
    from cortex_cdk.simulation.seconds import parse_seconds

    try:
        return now - parse_seconds(text)
    except ValueError:
        pass
    here = datetime.fromtimestamp(now).astimezone()
    try:
        clock = time.fromisoformat(text)
        found = datetime.combine(here.date(), clock, clock.tzinfo or here.tzinfo)
        return (found if found <= here else found - timedelta(days=1)).timestamp()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not {ALLOWED}", param_hint=option) from None
