"""For any value and dtype: the cast is exact, or it is an error. It never wraps around, cuts off or overflows."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st

from cortex_runtime.errors import ModelInputError
from cortex_runtime.tf_serving import dtypes
from cortex_runtime.tf_serving.casting import cast
from cortex_runtime.tf_serving.signature import TensorInfo


def kind(number):
    dtype = dtypes.NUMPY[number]
    return dtypes.WIDER.get(dtype, dtype).kind


INTEGERS = st.sampled_from([number for number in dtypes.NUMPY if kind(number) in "iu"])
FLOATS = st.sampled_from([number for number in dtypes.NUMPY if kind(number) == "f"])
EDGES = st.sampled_from([sign * 2**bits + by for bits in range(70) for sign in (1, -1) for by in (-1, 0, 1)])
INTS = st.one_of(st.integers(), EDGES)
NUMBER_DTYPES = st.one_of(np_st.integer_dtypes(), np_st.unsigned_integer_dtypes(), np_st.floating_dtypes())
NUMBERS = st.one_of(INTS, st.floats(), EDGES.filter(lambda n: abs(n) < 2**70).map(float))


def cast_or_none(value, number):
    try:
        return cast(value, TensorInfo("x", number, (-1,)))
    except ModelInputError:
        return None


def fits_integer(value, number):
    limits = ml_dtypes.iinfo(dtypes.NUMPY[number])
    return value == value and abs(value) != float("inf") and value == int(value) and limits.min <= value <= limits.max


@given(st.lists(NUMBERS, min_size=1), INTEGERS)
def test_lists_to_integers(values, number):
    array = cast_or_none(values, number)
    if all(fits_integer(value, number) for value in values):
        assert array is not None
        assert [int(v) for v in array] == values
    else:
        assert array is None


@given(
    np_st.arrays(
        st.one_of(np_st.integer_dtypes(), np_st.unsigned_integer_dtypes(), np_st.floating_dtypes()), st.integers(1, 4)
    ),
    INTEGERS,
)
def test_arrays_to_integers(values, number):
    array = cast_or_none(values, number)
    if all(fits_integer(value, number) for value in values.tolist()):
        assert array is not None
        assert [int(v) for v in array] == values.tolist()
    else:
        assert array is None


@given(st.lists(NUMBERS, min_size=1), FLOATS, st.booleans())
def test_to_floats(values, number, as_array):
    """What numpy rounds to a finite number passes; what it would make infinite or lose is an error."""
    dtype = dtypes.NUMPY[number]
    try:
        doubles = np.array([float(value) for value in values])
    except OverflowError:
        assert cast_or_none(values, number) is None
        return
    array = cast_or_none(doubles if as_array else values, number)
    with np.errstate(all="ignore"):
        rounded = doubles.astype(dtype).astype(np.float64)
    largest = float(ml_dtypes.finfo(dtype).max)
    if dtype == ml_dtypes.float4_e2m1fn:
        fits = bool((np.abs(doubles) <= largest).all())
    else:
        fits = all(
            np.isnan(r) if np.isnan(d) else r == d if np.isinf(d) else np.isfinite(r)
            for d, r in zip(doubles, rounded, strict=True)
        )
    assert (array is not None) == fits
    if array is not None:
        assert array.dtype == dtype
        np.testing.assert_array_equal(array.astype(np.float64), rounded)


@given(np_st.arrays(np_st.integer_dtypes(endianness="?"), np_st.array_shapes(min_dims=0, min_side=0)))
def test_nested_lists_and_arrays_are_cast_alike(values):
    for number in (1, 9, 10, 7):
        nested, array = cast_or_none(values.tolist(), number), cast_or_none(values, number)
        assert (nested is None) == (array is None)
        if array is not None:
            assert nested.dtype == array.dtype
            if values.size or values.ndim == 1:  # a list cannot tell (0, 3) from (0,)
                assert nested.shape == array.shape
            np.testing.assert_array_equal(nested.ravel(), array.ravel())


LEAVES = st.one_of(st.none(), st.booleans(), INTS, st.floats(), st.text(max_size=3), st.binary(max_size=3))
VALUES = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=8)


@given(VALUES, st.sampled_from(list(dtypes.NUMPY)))
def test_any_value_is_cast_or_refused(value, number):
    """No other error than ModelInputError ever; and an array's leaves are of the kind of the value's leaves."""
    try:
        array = cast(value, TensorInfo("x", number, (-1,)))
    except ModelInputError as error:
        assert error.input_name == "x"  # noqa: PT017
        return
    leaves = [value]
    while any(isinstance(leaf, list) for leaf in leaves):
        leaves = [inner for leaf in leaves for inner in leaf]
    assert array.size == len(leaves)
    allowed = {"O": (str, bytes), "b": (bool,), "i": (bool, int, float)}
    allowed |= dict.fromkeys("fc", allowed["i"])
    allowed["u"] = allowed["i"]
    assert all(type(leaf) in allowed[kind(number)] for leaf in leaves)


@pytest.mark.parametrize("number", [number for number in dtypes.NUMPY if kind(number) in "iu"], ids=dtypes.name)
def test_the_bounds_themselves(number):
    limits = ml_dtypes.iinfo(dtypes.NUMPY[number])
    for value, fits in [(limits.min, True), (limits.max, True), (limits.min - 1, False), (limits.max + 1, False)]:
        assert (cast_or_none(int(value), number) is not None) == fits
