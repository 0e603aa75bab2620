"""Durations and quantities: their arithmetic, and that writing and reading agree."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.spec import Quantity, duration, quantity

NS = st.integers(-duration.MAX_NS, duration.MAX_NS)
SUFFIXES = {
    **{"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15},
    **{"m": Fraction(1, 10**3), "u": Fraction(1, 10**6), "n": Fraction(1, 10**9), "e3": 10**3, "E-2": Fraction(1, 100)},
    **{"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50},
}


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("0s", 0),
        ("+5s", 5_000_000_000),
        ("-1.5h", -5_400_000_000_000),
        ("1m30s", 90_000_000_000),
        ("1h1m1s1ms1us1ns", 3_661_001_001_001),
        ("1s1h", 3_601_000_000_000),
        (".5s", 500_000_000),
        ("5.s", 5_000_000_000),
        ("300ms", 300_000_000),
        ("1µs", 1000),
        ("1μs", 1000),
        ("0.1ns", 0),
        ("0.0000000019s", 1),
        ("2562047h47m16.854775807s", 2**63 - 1),
    ],
)
def test_durations(text, ns):
    assert duration.parse_ns(text) == ns


@pytest.mark.parametrize(
    "text",
    ["", "1", "s", ".s", "1x", "1 s", " 1s", "1s ", "1S", "--1s", "1d", "1:30", "1e3s", "\uff11s", "1s\n", "1" * 200],
)
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="not a duration"):
        duration.parse_ns(text)


@pytest.mark.parametrize("text", ["2562047h47m16.854775808s", "9223372036854775808ns", "9" * 90 + "h"])
def test_durations_that_do_not_fit(text):
    with pytest.raises(ValueError, match="too long"):
        duration.parse_ns(text)


@given(NS)
def test_a_written_duration_reads_the_same(ns):
    text = duration.format_ns(ns)
    assert duration.parse_ns(text) == ns
    assert re.search(duration.PATTERN, text)


@given(NS, NS)
def test_longer_durations_are_longer(first, second):
    one, other = (duration.parse(duration.format_ns(ns)) for ns in (first, second))
    assert (first <= second) <= (one <= other)
    assert abs(one - timedelta(microseconds=Fraction(first, 1000).__round__())) <= timedelta(microseconds=1)


@given(st.text(alphabet="0123456789.+-hmnsuµ", max_size=8))
def test_the_pattern_of_the_schema_and_the_parser_agree_on_durations(text):
    if re.search(duration.PATTERN, text):
        assert duration.parse_ns(text) <= duration.MAX_NS
    else:
        with pytest.raises(ValueError, match="not a duration"):
            duration.parse_ns(text)


@given(st.fractions(0, 1000, max_denominator=1), st.sampled_from(sorted(SUFFIXES)))
def test_quantities(number, suffix):
    assert Quantity.parse(f"{number}{suffix}").value == number * SUFFIXES[suffix]


@given(st.decimals(0, 1000, places=6), st.sampled_from(sorted(SUFFIXES)))
def test_quantities_with_a_fraction(number, suffix):
    amount = Quantity.parse(f"{number:f}{suffix}")
    assert amount.value == Fraction(number) * SUFFIXES[suffix]
    assert Quantity.parse(str(amount)) == amount
    assert amount.milli == math.ceil(amount.value * 1000)
    assert amount.whole == math.ceil(amount.value)
    assert re.search(quantity.PATTERN, str(amount))


@given(*[st.tuples(st.integers(0, 8000), st.sampled_from(sorted(SUFFIXES)))] * 2)
def test_quantities_compare_by_value(first, second):
    values = [number * SUFFIXES[suffix] for number, suffix in (first, second)]
    one, other = (Quantity.parse(f"{number}{suffix}") for number, suffix in (first, second))
    assert (one < other) == (values[0] < values[1])
    assert (one == other) == (values[0] == values[1])
    assert one != other or hash(one) == hash(other)


@pytest.mark.parametrize(
    ("text", "value"), [("1E", 10**18), ("1e1", 10), ("1E1", 10), ("1Ei", 2**60), ("+1", 1), ("5.", 5)]
)
def test_exa_or_exponent(text, value):
    assert Quantity.parse(text).value == value


@pytest.mark.parametrize(
    "text", ["", "m", "1 G", "1GB", "1gi", "1KI", "0x1", "1e", "--1", "1,5", "\u0661", "1\n", "nan", "1_0"]
)
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="not a quantity"):
        Quantity.parse(text)


@pytest.mark.parametrize("text", ["9223372036854775808", "10E", "8Ei", "1e99"])
def test_quantities_that_do_not_fit(text):
    with pytest.raises(ValueError, match="too large"):
        Quantity.parse(text)


@pytest.mark.parametrize("text", ["1e999999999", "9" * 5000, "0." + "0" * 5000 + "1"])
def test_quantities_that_would_take_forever(text):
    with pytest.raises(ValueError, match="not a quantity"):
        Quantity.parse(text)
