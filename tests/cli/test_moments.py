"""Moments of the recent past, as people write them."""

from __future__ import annotations

from datetime import datetime

import pytest
import typer

from cortex_cdk.cli.moments import moment_of, seconds_of

NOW = datetime(2026, 5, 31, 12, 30, 0).timestamp()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10m", datetime(2026, 5, 31, 12, 20)),
        ("90", datetime(2026, 5, 31, 12, 28, 30)),
        ("12:05", datetime(2026, 5, 31, 12, 5)),
        ("12:30:00", datetime(2026, 5, 31, 12, 30)),
        ("13:00", datetime(2026, 5, 30, 13, 0)),  # the last one
        ("2026-05-30T08:00:01", datetime(2026, 5, 30, 8, 0, 1)),
        ("2026-05-30 08:00:01+00:00", datetime.fromisoformat("2026-05-30T08:00:01+00:00")),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert moment_of("--at", text, NOW) == moment.timestamp()


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2026-13-01", "-5m"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a time such as 14:05"):
        moment_of("--at", text, NOW)


def test_lengths() -> None:
    assert seconds_of("--since", "1h30m") == 5400
    for text in ("0s", "x", "-1m"):
        with pytest.raises(typer.BadParameter):
            seconds_of("--since", text)
