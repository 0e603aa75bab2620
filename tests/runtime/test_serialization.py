import dataclasses
import datetime
import enum
import json
import math
import uuid
from collections import ChainMap, OrderedDict, namedtuple
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from cortex_runtime.serialization import PayloadError, dumps, loads

NAN, INF = math.nan, math.inf
Point = namedtuple("Point", "x y")


def strict(document: bytes):
    """What a strict reader finds: JSON has no NaN."""

    def no_constant(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(document.decode(), parse_constant=no_constant)


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Box:
    width: int
    label: str


class Frame:
    """As of pandas."""

    def tolist(self):
        return [1, NAN]


class Eager:
    """As of TensorFlow's eager tensors."""

    def numpy(self):
        return np.array([1, 2])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("text", "text"),
        ((1, (2, 3)), [1, [2, 3]]),
        (Point(1, np.float32(2)), [1, 2.0]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.arange(10)[::3], [0, 3, 6, 9]),
        (np.arange(6).reshape(2, 3).T, [[0, 3], [1, 4], [2, 5]]),
        (np.array(7), 7),
        (np.array([]), []),
        (np.zeros((2, 0)), [[], []]),
        (np.array(["a", "ü"]), ["a", "ü"]),
        (np.array([b"a", b"b"]), ["a", "b"]),
        (np.array([{"a": NAN}, None], dtype=object), [{"a": None}, None]),
        (np.array([True, False]), [True, False]),
        (np.array([1.5, 2.5], dtype=np.float16), [1.5, 2.5]),
        (np.array([1.5, NAN], dtype=np.longdouble), [1.5, None]),
        (np.array([1, 2], dtype=">i4"), [1, 2]),
        (np.ma.masked_array([1, 2], [False, True]), [1, None]),
        (np.array([(1, 2.5)], dtype=[("a", int), ("b", float)]), [[1, 2.5]]),
        (np.float32(0.1), 0.1),
        (np.float64(1.5), 1.5),
        (np.float16(1.5), 1.5),
        (np.longdouble(1.5), 1.5),
        (np.int64(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.bytes_(b"a"), "a"),
        ({3}, [3]),
        (frozenset({"a"}), ["a"]),
        ({"a": 1}.keys(), ["a"]),
        (datetime.date(2020, 4, 1), "2020-04-01"),
        (datetime.datetime(2020, 4, 1, 12, 30), "2020-04-01T12:30:00"),
        (datetime.datetime(2020, 4, 1, 12, tzinfo=datetime.UTC), "2020-04-01T12:00:00+00:00"),
        (datetime.time(12, 30), "12:30:00"),
        (datetime.timedelta(minutes=1.5), 90.0),
        (np.datetime64("2020-04-01T12:30:00"), "2020-04-01T12:30:00"),
        (Decimal("1.5"), 1.5),
        (Decimal("3"), 3),
        (Decimal("123456789012345678901"), 123456789012345678901),
        (Decimal("NaN"), None),
        (Decimal("1e400"), None),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (Box(1, "b"), {"width": 1, "label": "b"}),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": np.int8(1)}), {"a": 1}),
        (ChainMap({"a": 1}), {"a": 1}),
        (Frame(), [1, None]),
        (Eager(), [1, 2]),
        ({"a": b"text"}, {"a": "text"}),
        ({1: "int", None: "none", False: "bool"}, {"1": "int", "null": "none", "false": "bool"}),
        ({1.5: "a", np.int64(2): "b", Colour.RED: "c"}, {"1.5": "a", "2": "b", "red": "c"}),
        ({datetime.date(2020, 4, 1): 1}, {"2020-04-01": 1}),
        (2**64, 2**64),
        (-(10**40), -(10**40)),
        ([{"a": 10**40, "b": NAN, "c": np.array([INF]), "d": {1}, 2: (3,)}], None),
        ("\ud800", "\ud800"),
        ({"\udfff": ["\ud800", Decimal("0.5")]}, {"\udfff": ["\ud800", 0.5]}),
    ],
)
def test_values_have_a_json_form(value, expected):
    if expected is None and isinstance(value, list):
        expected = [{"a": 10**40, "b": None, "c": [None], "d": [1], "2": [3]}]
    assert strict(dumps(value)) == expected


@pytest.mark.parametrize("number", [NAN, INF, -INF])
@pytest.mark.parametrize(
    "wrap",
    [
        float,
        np.float64,
        np.float32,
        np.float16,
        np.longdouble,
        lambda x: [[x]],
        lambda x: {"a": {"b": x}},
        lambda x: np.array([x]),
        lambda x: np.array([[x]], dtype=np.float32),
        lambda x: np.array([x], dtype=np.float16),
        lambda x: np.array([x] * 4)[::2],
        lambda x: np.array([x], dtype=object),
        lambda x: (x, 10**30),
        lambda x: {x},
    ],
)
def test_nan_and_infinities_come_as_null(number, wrap):
    def leaves(value):
        if isinstance(value, dict):
            value = list(value.values())
        return [leaf for v in value for leaf in leaves(v)] if isinstance(value, list) else [value]

    found = leaves(strict(dumps(wrap(number))))
    assert found
    assert all(leaf is None or leaf == 10**30 for leaf in found)
    assert None in found


@pytest.mark.parametrize(
    "value",
    [object(), {"a": object()}, 1j, np.array([1j]), {(1, 2): 3}, {"a": b"\xff"}, lambda: 0, {1, object()}, type],
)
def test_what_has_no_json_form_is_a_type_error(value):
    with pytest.raises(TypeError):
        dumps(value)


def test_what_contains_itself_is_a_type_error():
    endless: list = []
    endless.append(endless)
    with pytest.raises(TypeError):
        dumps(endless)


def test_float32_is_written_with_the_digits_that_it_has():
    assert dumps(np.array([0.1, 0.7], dtype=np.float32)) == b"[0.1,0.7]"


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
KEYS = st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.dates()
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.decimals()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
    | npst.arrays(npst.scalar_dtypes().filter(lambda d: d.kind in "biuf"), npst.array_shapes(max_dims=3, max_side=3)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.lists(inner, max_size=3).map(lambda items: np.array([*items, None], dtype=object)[:-1])
    ),
    max_leaves=15,
)


@given(PLAIN)
def test_plain_data_survives_the_round_trip(value):
    assert json.loads(dumps(value)) == value


@given(PLAIN)
def test_plain_data_is_parsed_as_python_does(value):
    document = json.dumps(value).encode()
    # Integers beyond 64 bits arrive as floats, as in JavaScript.
    expected = json.loads(document, parse_int=lambda s: int(s) if -(2**63) <= int(s) < 2**64 else float(s))
    assert loads(document) == expected


@given(ANYTHING)
def test_whatever_is_written_is_valid_json(value):
    strict(dumps(value))


@given(npst.arrays(st.sampled_from([np.float16, np.float32, np.float64]), npst.array_shapes(max_dims=3, max_side=4)))
def test_floats_in_arrays_survive_and_non_finite_ones_are_null(array):
    read = np.array(strict(dumps(array)), dtype=object)
    finite = np.isfinite(array)
    assert read.shape == array.shape
    assert all(value is None for value in read[~finite])
    assert np.array_equal(read[finite].astype(array.dtype), array[finite])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"{", "not valid JSON"),
        (b"hello", "not valid JSON"),
        (b"NaN", "not valid JSON"),
        (b"[1, Infinity]", "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b"1 2", "not valid JSON"),
        (b'"\xff"', "not UTF-8: byte 1 is 0xff"),
        ("\N{BYTE ORDER MARK}1".encode("utf-16"), "not UTF-8"),
        (b'{"a": "\xe4"}', "not UTF-8: byte 7 is 0xe4"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason(body, words):
    with pytest.raises(PayloadError, match=words):
        loads(body)


@pytest.mark.parametrize(
    ("body", "value"), [(b"null", None), (b" 3 ", 3), (b'"a"', "a"), (b'[["a",1],["b",2]]', [["a", 1], ["b", 2]])]
)
def test_scalars_and_lists_are_payloads(body, value):
    assert loads(body) == value
