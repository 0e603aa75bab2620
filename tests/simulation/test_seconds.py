"""Lengths of time on the command line."""

from __future__ import annotations

import pytest

from cortex_cdk.simulation.seconds import format_seconds, parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), (".5", 0.5), ("90s", 90), ("1m30s", 90), ("250ms", 0.25), ("2d", 172_800), ("1d12h", 129_600),
     ("1.5d", 129_600), ("0", 0), (" 5s ", 5)],
)  # fmt: skip
def test_what_is_allowed(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "-5s", "-5", "1d-5s", "5 parsecs", "1h2", "d", "nan", "inf", "1e3", "1d1d"])
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 90s"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.05, "50 ms"), (1, "1 s"), (90, "90 s"), (900, "15 min"), (3502, "58.4 min"), (86_400, "24 h"),
     (7_518_600, "87 days"), (0, "0 s")],
)  # fmt: skip
def test_titles(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
