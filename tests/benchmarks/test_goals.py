"""Goals are met or missed, and by how much."""

import math

import pytest

from benchmarks.goals import Goal


@pytest.mark.parametrize(
    ("value", "bound", "limit", "verdict"),
    [
        (5.0, "at least", 5.0, "met"),
        (4.5, "at least", 5.0, "missed by 10.0%"),
        (12.0, "at most", 12.0, "met"),
        (15.0, "at most", 12.0, "missed by 25.0%"),
        (0.59, "below", 0.6, "met"),
        (0.6, "below", 0.6, "missed by 0.0%"),
        (-0.1, "below", 0.6, "met"),
        (0.0, "at most", 0.0, "met"),
        (3.0, "at most", 0.0, "missed by 3.00"),
    ],
)
def test_verdicts(value, bound, limit, verdict):
    assert Goal("", value, bound, limit, "").verdict == verdict


@pytest.mark.parametrize("bound", ["at least", "at most", "below"])
def test_no_figure_meets_nothing(bound):
    goal = Goal("", math.nan, bound, 1.0, "s")
    assert not goal.met
    assert goal.row[2:] == ("", "not measured")


def test_a_row_has_units():
    assert Goal("lost", 1.5, "at most", 0.0, "s").row == ("lost", "at most 0 s", "1.50 s", "missed by 1.50 s")
    assert Goal("start", 0.4567, "below", 0.5, "s").row == ("start", "below 0.5 s", "0.457 s", "met")
    assert Goal("beside", 24.0, "at least", 5.0, "x").row == ("beside", "at least 5x", "24.0x", "met")
