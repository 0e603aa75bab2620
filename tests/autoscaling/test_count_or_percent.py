"""Counts and percentages: their arithmetic, and that writing and reading agree."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import CountOrPercent
from cortex_cdk.autoscaling.count_or_percent import MAX_COUNT, PATTERN


@given(st.integers(0, 100), st.integers(0, 10**6))
def test_percentages_of_the_desired_count(percent: int, desired: int) -> None:
    share = CountOrPercent.parse(f"{percent}%")
    exact = Fraction(desired * percent, 100)
    assert share.rounded_up(desired) == math.ceil(exact)
    assert share.rounded_down(desired) == math.floor(exact)
    assert share.is_zero == (percent == 0)
    assert CountOrPercent.parse(str(share)) == share


@given(st.integers(0, 2**31 - 1), st.integers(0, 10**6))
def test_counts_do_not_depend_on_the_desired_count(count: int, desired: int) -> None:
    share = CountOrPercent.parse(str(count))
    assert share.rounded_up(desired) == share.rounded_down(desired) == count
    assert CountOrPercent.parse(str(share)) == share


@pytest.mark.parametrize(("text", "value", "is_percent"), [("0", 0, False), ("007", 7, False), ("0100%", 100, True)])
def test_leading_zeros(text: str, value: int, is_percent: bool) -> None:
    assert CountOrPercent.parse(text) == CountOrPercent(value, is_percent)


@pytest.mark.parametrize("text", ["", "%", "101%", "2.5%", "-1", "+1", " 5", "5 %", "1_0", "٣", "2147483648", "5\n"])
def test_neither_count_nor_percentage(text: str) -> None:
    with pytest.raises(ValueError, match="neither a percentage nor a count"):
        CountOrPercent.parse(text)


@given(st.one_of(st.from_regex(PATTERN, fullmatch=True), st.text("0123456789%", max_size=12)))
def test_the_pattern_of_the_schema_agrees_but_for_the_largest_count(text: str) -> None:
    matches = re.search(PATTERN, text) is not None and (text.endswith("%") or int(text) <= MAX_COUNT)
    try:
        CountOrPercent.parse(text)
    except ValueError:
        assert not matches
    else:
        assert matches
