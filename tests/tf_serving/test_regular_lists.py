"""Regular lists are read to the very array that numpy makes of them; anything else is left to others."""

import marshal
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cortex_runtime.tf_serving import dtypes, regular_lists
from cortex_runtime.tf_serving.casting import cast
from cortex_runtime.tf_serving.signature import TensorInfo

FLOATS = [[[i + j / 8 + k / 1000 for k in range(5)] for j in range(20)] for i in range(11)]
INTS = [[[i * j - k for k in range(5)] for j in range(20)] for i in range(11)]


class Fraction(float):
    """A float with more to it."""


SHAPES = st.sampled_from([(1000,), (1, 1000), (1000, 1), (7, 13, 11), (1, 32, 32, 1), (5, 4, 3, 2, 5, 2)])


@given(arrays.arrays(np.float64, SHAPES, elements=st.floats(), fill=st.floats()))
def test_floats_come_bit_by_bit(expected):
    found = regular_lists.read(expected.tolist())
    assert found.dtype == np.float64
    assert found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


@given(arrays.arrays(np.int32, SHAPES, elements=st.integers(-(2**31), 2**31 - 1), fill=st.integers(-9, 9)))
def test_ints_come_as_they_are(expected):
    found = regular_lists.read(expected.tolist())
    assert found.dtype == np.int32
    assert np.array_equal(found, expected)
    assert found.shape == expected.shape


@pytest.mark.parametrize(
    "other",
    [
        "abcd",  # written in as many bytes as a float
        b"abcd",
        "",  # written in as many bytes as a small int
        [],
        None,
        True,
        2**31,
        1j,
        Fraction(0.5),
        Decimal("0.5"),
        np.float64(0.5),
        np.float32(0.5),
        np.int32(5),
        object(),
    ],
    ids=lambda value: "object" if type(value) is object else repr(value),  # the same in every process
)
@pytest.mark.parametrize("place", [(0, 0, 0), (0, 0, 1), (5, 7, 2), (10, 19, 4)])
def test_one_other_value_is_enough(place, other):
    i, j, k = place
    for lists in (FLOATS, INTS):
        changed = marshal.loads(marshal.dumps(lists))
        changed[i][j][k] = other
        assert regular_lists.read(changed) is None, lists[0]


def test_floats_and_ints_are_not_mixed():
    for i, j, k in ((0, 0, 0), (0, 0, 1), (10, 19, 4)):
        for lists, other in ((FLOATS, 1), (INTS, 1.0)):
            changed = marshal.loads(marshal.dumps(lists))
            changed[i][j][k] = other
            assert regular_lists.read(changed) is None


@pytest.mark.parametrize("lists", [FLOATS, INTS], ids=["floats", "ints"])
def test_one_other_container_is_enough(lists):
    for change in (tuple, lambda row: row[:-1], lambda row: [*row, row[0]], lambda row: [row], np.array, set):
        for i, j in ((0, 0), (0, 1), (6, 3), (10, 19)):
            changed = marshal.loads(marshal.dumps(lists))
            changed[i][j] = change(changed[i][j])
            found = regular_lists.read(changed)
            assert found is None, (change, i, j)
    assert regular_lists.read(tuple(lists)) is None
    assert regular_lists.read([*lists[:-1], tuple(lists[-1])]) is None


def test_ragged_lists_of_as_many_items_are_not_regular():
    assert regular_lists.read([[1.0] * 600, [1.0] * 600]) is not None
    assert regular_lists.read([[1.0] * 600, [1.0] * 599, [1.0] * 601]) is None
    assert regular_lists.read([[[1.0] * 600] * 2, [[1.0] * 600], [[1.0] * 600] * 3]) is None


def test_a_list_that_contains_itself_is_left_to_others():
    endless = [0.5] * 1000
    endless.append(endless)
    assert regular_lists.read(endless) is None
    inmost = []
    inmost.append(inmost)
    assert regular_lists.read(inmost) is None


@pytest.mark.parametrize("value", [0.5, [], [[]], [0.5] * 999, [[0.5] * 9] * 9, {"x": FLOATS}, "x" * 2000, None])
def test_what_is_small_or_no_list_of_numbers_is_left_to_others(value):
    assert regular_lists.read(value) is None


def test_another_format_is_not_taken_for_numbers(monkeypatch):
    """As another version of Python might write."""
    monkeypatch.setattr(regular_lists, "VERSION", 0)  # floats as text
    assert regular_lists.read(FLOATS) is None


@pytest.mark.parametrize("number", [number for number in dtypes.NUMPY if number != dtypes.STRING], ids=dtypes.name)
@pytest.mark.parametrize("lists", [[0.0, 1.0] * 600, [0, 1] * 600], ids=["floats", "ints"])
def test_every_dtype_is_cast_to_as_from_what_numpy_reads(number, lists):
    info = TensorInfo("x", number, (-1,))
    try:
        expected = cast(np.asarray(lists), info)
    except ValueError as error:
        with pytest.raises(type(error)):
            cast(lists, info)
    else:
        found = cast(lists, info)
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes()
