"""Medians, spreads and percentiles."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import paired_difference, paired_ratio, percentile, short, spread

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FINITE, min_size=1), st.floats(0, 1, exclude_min=True))
def test_a_percentile_is_the_least_value_that_enough_values_do_not_exceed(values, q):
    found = percentile(values, q)
    needed = q * len(values) - 1e-6
    assert sum(value <= found for value in values) >= needed
    assert all(sum(value <= other for value in values) < needed + 2e-6 for other in values if other < found)


def test_percentiles_of_a_hundred():
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, q) for q in (0.01, 0.07, 0.5, 0.99, 1.0)] == [1, 7, 50, 99, 100]


@pytest.mark.parametrize(("values", "q"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.1)])
def test_no_percentile(values, q):
    with pytest.raises(ValueError, match="no percentile"):
        percentile(values, q)


def test_a_slow_round_does_not_change_a_paired_ratio():
    assert paired_ratio([10, 5, 10], [2, 1, 2]) == 5
    assert paired_difference([10, 15, 11], [2, 7, 4]) == 8
    with pytest.raises(ValueError, match="zip"):
        paired_ratio([1, 2], [1])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12345.6, "12,346"),
        (999.6, "1,000"),
        (99.96, "100"),
        (78.94, "78.9"),
        (9.996, "10.0"),
        (1.0, "1.00"),
        (0.04561, "0.0456"),
        (0.99999, "1.00"),
        (-3.14159, "-3.14"),
    ],
)
def test_three_digits(value, text):
    assert short(value) == text


@given(st.floats(1e-6, 1e9))
def test_three_digits_are_near(value):
    assert math.isclose(float(short(value).replace(",", "")), value, rel_tol=0.0051)


def test_a_spread_is_median_least_and_greatest():
    assert spread([80.4, 77.1, 78.9], "ms") == "78.9 (77.1-80.4) ms"
    assert spread([2.0]) == "2.00"
