"""Values are cast to the signature's dtype exactly, or the error names input, dtype, shape and what was found."""

import datetime
import decimal

import ml_dtypes
import numpy as np
import pytest

from cortex_runtime.errors import ModelInputError
from cortex_runtime.tf_serving import dtypes
from cortex_runtime.tf_serving.casting import cast
from cortex_runtime.tf_serving.signature import TensorInfo

NUMBERS = {dtypes.name(number): number for number in dtypes.NUMPY}


def info(dtype, shape=(-1, 4)):
    return TensorInfo("x", NUMBERS[dtype], shape)


def refusal(value, dtype, shape=(-1, 4)):
    with pytest.raises(ModelInputError) as caught:
        cast(value, info(dtype, shape))
    assert caught.value.details() == {"input": "x", "dtype": dtype, "shape": list(shape)}
    message = str(caught.value)
    prefix = f'input "x" ({dtype}, shape {shape}): '
    assert message.startswith(prefix)
    assert len(message) < 500
    return message.removeprefix(prefix)


class Convertible:
    """What a ``tf.Tensor`` is to numpy."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        if self.array is None:
            raise NotImplementedError("a symbolic tensor has no value")
        return np.asarray(self.array, dtype)


class Image:
    """An object with numpy's older interface only."""

    def __init__(self, array):
        self.array = array

    @property
    def __array_interface__(self):
        return self.array.__array_interface__


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        (1, "float32", np.float32(1)),
        ([1, 2.5], "float32", np.array([1, 2.5], np.float32)),
        ([[1, 2], [3, 4]], "int64", np.array([[1, 2], [3, 4]])),
        ((1, (2)), "int32", np.array([1, 2], np.int32)),
        (range(3), "int16", np.arange(3, dtype=np.int16)),
        ([1.0, 2], "uint8", np.array([1, 2], np.uint8)),
        (-0.0, "int8", np.int8(0)),
        (np.array([1.0, 2.0]), "qint8", np.array([1, 2], np.int8)),
        (2**63, "uint64", np.uint64(2**63)),
        ([2**63, 1], "uint64", np.array([2**63, 1], np.uint64)),
        ([2**53 + 1, 1.0], "int64", np.array([2**53 + 1, 1])),
        (2**63, "float32", np.float32(2**63)),
        ([True, False], "bool", np.array([True, False])),
        (True, "float32", np.float32(1)),
        ([[1, 0], [1, True]], "int64", np.array([[1, 0], [1, 1]])),
        ([True, 0.5], "float64", np.array([1, 0.5])),
        ([True, 2.0, 2**53 + 1], "int64", np.array([1, 2, 2**53 + 1])),
        (np.array([True, False]), "uint8", np.array([1, 0], np.uint8)),
        ([1, np.True_], "float32", np.array([1, 1], np.float32)),
        (np.bool_(True), "bool", np.bool_(True)),
        ([np.True_, False], "bool", np.array([True, False])),
        ([1, 2.5, 1 + 2j], "complex64", np.array([1, 2.5, 1 + 2j], np.complex64)),
        (np.array([1 + 2j]), "complex128", np.array([1 + 2j])),
        ([1.5, -2], "bfloat16", np.array([1.5, -2], ml_dtypes.bfloat16)),
        ([1.5, -2], "float16", np.array([1.5, -2], np.float16)),
        ([448, 0.5], "float8_e4m3fn", np.array([448, 0.5], ml_dtypes.float8_e4m3fn)),
        ([6, 0.5], "float4_e2m1fn", np.array([6, 0.5], ml_dtypes.float4_e2m1fn)),
        ([7, -8], "int4", np.array([7, -8], ml_dtypes.int4)),
        (np.array([3, 4], ml_dtypes.int4), "int32", np.array([3, 4], np.int32)),
        (np.array([3, 4], ml_dtypes.bfloat16), "int32", np.array([3, 4], np.int32)),
        (np.array([3, 0.5], ml_dtypes.bfloat16), "float64", np.array([3, 0.5])),
        (np.array([[1, 2]], ">i4"), "int32", np.array([[1, 2]], np.int32)),
        (np.array([[1, 2]], ">f8"), "float32", np.array([[1, 2]], np.float32)),
        (np.arange(6).reshape(2, 3).T[::2], "int32", np.array([[0, 3], [2, 5]], np.int32)),
        ([np.array([1, 2]), np.array([3, 4])], "float32", np.array([[1, 2], [3, 4]], np.float32)),
        ([np.array([1, 2]), [3, 4]], "float32", np.array([[1, 2], [3, 4]], np.float32)),
        ([[np.array([1])], [np.array([2])]], "int32", np.array([[[1]], [[2]]], np.int32)),
        ([np.float32(1), np.float32(2)], "float32", np.array([1, 2], np.float32)),
        ([np.float32(1), 2, np.int8(3)], "float32", np.array([1, 2, 3], np.float32)),
        ([ml_dtypes.bfloat16(1.5)], "bfloat16", np.array([1.5], ml_dtypes.bfloat16)),
        (np.array([1, 2.0], object), "int32", np.array([1, 2], np.int32)),
        (np.array([None, 2.0], object)[1:], "int32", np.array([2], np.int32)),
        (Convertible([1, 2]), "float32", np.array([1, 2], np.float32)),
        ([Convertible([1, 2]), Convertible([3, 4])], "int32", np.array([[1, 2], [3, 4]], np.int32)),
        (Image(np.array([1, 2], np.uint8)), "float32", np.array([1, 2], np.float32)),
        ([], "float32", np.array([], np.float32)),
        ([[], []], "bool", np.empty((2, 0), bool)),
        (np.empty((0, 3), np.int64), "float16", np.empty((0, 3), np.float16)),
        (np.ma.array([1, 2]), "int32", np.array([1, 2], np.int32)),
    ],
)
def test_what_fits(value, dtype, expected):
    array = cast(value, info(dtype))
    assert array.dtype == expected.dtype
    assert array.shape == np.shape(expected)
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("é", "é"),
        (b"\xff\x00", b"\xff\x00"),
        (["a", b"b\x00"], ["a", b"b\x00"]),
        ([["a", "b"], ["c", ""]], [["a", "b"], ["c", ""]]),
        (np.array(["a", "bc"]), ["a", "bc"]),
        (np.array([b"a", b"bc"]), [b"a", b"bc"]),
        (np.array([["a", b"\xff"]], object), [["a", b"\xff"]]),
        (np.array(["a", "é"], np.dtypes.StringDType()), ["a", "é"]),
        ([np.str_("a"), np.bytes_(b"b")], ["a", b"b"]),
        ([np.array(["a"]), ["b"]], [["a"], ["b"]]),
        (Convertible(np.array([b"a"], object)), [b"a"]),
        ([], []),
    ],
)
def test_strings(value, expected):
    array = cast(value, info("string"))
    assert array.dtype == object
    assert array.tolist() == expected


@pytest.mark.parametrize("dtype", [name for name in NUMBERS if name != "string"])
def test_an_array_of_the_right_dtype_is_taken_as_it_is(dtype):
    array = np.zeros((2, 3)).astype(dtypes.NUMPY[NUMBERS[dtype]])
    assert cast(array, info(dtype)) is array


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "float8_e5m2", "complex64"])
def test_nan_and_infinity_pass(dtype):
    values = [float("nan"), float("inf"), -float("inf"), 1]
    for given in (values, np.array(values)):
        array = cast(given, info(dtype)).astype(np.complex128)
        assert np.isnan(array[0])
        assert np.isinf(array[1:3]).all()
        assert array[1].real > 0 > array[2].real


@pytest.mark.parametrize(
    ("value", "dtype", "words"),
    [
        (None, "float32", "expected numbers, found None"),
        ([1, None], "float32", "expected numbers, found None at [1]"),
        ([[1, 2], [3, None]], "int32", "expected integers, found None at [1][1]"),
        ([["a", None]], "string", "expected strings, found None at [0][1]"),
        ("1", "float32", "expected numbers, found a string: '1'"),
        ([1, "a"], "int32", "expected integers, found a string: 'a' at [1]"),
        (np.array(["1"]), "int32", "expected integers, found a string: '1' at [0]"),
        (b"1", "int32", "expected integers, found bytes: b'1'"),
        ("true", "bool", "expected bools, found a string: 'true'"),
        (1, "string", "expected strings, found a number: 1"),
        (["a", 1.5], "string", "expected strings, found a number: 1.5 at [1]"),
        (np.array([1]), "string", "expected strings, found an array of int64"),
        (np.array(["a", 1], object), "string", "expected strings, found a number: 1 at [1]"),
        (True, "string", "expected strings, found a bool: True"),
        (1, "bool", "expected bools, found a number: 1"),
        ([True, 0.0], "bool", "expected bools, found a number: 0.0 at [1]"),
        (np.array([0, 1]), "bool", "expected bools, found an array of int64"),
        (1j, "float32", "expected numbers, found a complex number: 1j"),
        (np.array([1j]), "int32", "expected integers, found an array of complex128"),
        ([[1, 2], [3]], "float32", "its lists are ragged: a list of 2 at [0], but a list of 1 at [1]"),
        ([[[1], [2]], [[3], 4]], "int32", "its lists are ragged: a list of 1 at [0][0], but 4 at [1][1]"),
        ([["a"], ["b", "c"]], "string", "its lists are ragged: a list of 1 at [0], but a list of 2 at [1]"),
        (
            [np.zeros(2), np.zeros(3)],
            "float32",
            "its lists are ragged: an array of shape (2,) at [0], but an array of shape (3,) at [1]",
        ),
        ([np.zeros(2), [0, 1.5]], "int32", "expected integers, found 1.5 at [1][1]"),
        ([[np.zeros(2)], [np.array([0, 2**40])]], "int32", "1099511627776 at [1][0][1] is out of range"),
        (1.5, "int32", "expected integers, found 1.5"),
        ([1, float("nan")], "int32", "expected integers, found nan at [1]"),
        (np.array([[1, np.inf]]), "int64", "expected integers, found inf at [0][1]"),
        (np.array([0.5], np.float16), "uint8", "expected integers, found 0.5 at [0]"),
        (np.array([0.5], ml_dtypes.bfloat16), "uint8", "expected integers, found 0.5 at [0]"),
        (300, "uint8", "300 is out of range: uint8 is 0 to 255"),
        ([1, -1], "uint64", "-1 at [1] is out of range: uint64 is 0 to 18446744073709551615"),
        ([2**63, -1], "uint64", "-1 at [1] is out of range"),
        (np.array([1, -1]), "uint64", "-1 at [1] is out of range"),
        (np.array([2**40]), "int32", "1099511627776 at [0] is out of range: int32 is -2147483648 to 2147483647"),
        (np.array([2**63], np.uint64), "int64", "9223372036854775808 at [0] is out of range"),
        (np.array([2.0**63]), "int64", "9223372036854775808 at [0] is out of range"),
        (8, "int4", "8 is out of range: int4 is -8 to 7"),
        (128, "qint8", "128 is out of range: qint8 is -128 to 127"),
        (2**70, "int64", "1180591620717411303424 is out of range"),
        ([1e39], "float32", "1e+39 at [0] does not fit float32"),
        ([[0, 10**400]], "float64", "0000 at [0][1] does not fit float64"),
        (np.array([1e39]), "float32", "1e+39 at [0] does not fit float32"),
        ([np.nan, 70000], "float16", "70000.0 at [1] does not fit float16"),
        (np.array([70000]), "float16", "70000 at [0] does not fit float16"),
        (3.4e38, "bfloat16", "3.4e+38 does not fit bfloat16"),
        (500.0, "float8_e4m3fn", "500.0 does not fit float8_e4m3fn"),
        (float("inf"), "float8_e4m3fn", "inf does not fit float8_e4m3fn"),
        (7.0, "float4_e2m1fn", "7.0 does not fit float4_e2m1fn"),
        (float("nan"), "float4_e2m1fn", "nan does not fit float4_e2m1fn"),
        (1e300, "complex64", "1e+300 does not fit complex64"),
        (datetime.date(2020, 3, 1), "int64", "expected integers, found date: datetime.date(2020, 3, 1)"),
        (np.datetime64("2020-03-01"), "int64", "expected integers, found an array of datetime64[D]"),
        ([np.timedelta64(1, "s")], "float32", "expected numbers, found an array of timedelta64[s]"),
        (decimal.Decimal("1.5"), "float32", "expected numbers, found Decimal: Decimal('1.5')"),
        ({"a": 1}, "float32", "expected numbers, found dict: {'a': 1}"),
        ([{"a": 1}], "string", "expected strings, found dict: {'a': 1} at [0]"),
        ({1}, "float32", "expected numbers, found set: {1}"),
        (np.zeros(1, [("a", "f4")]), "float32", "expected numbers, found an array of [('a', '<f4')]"),
        (np.ma.array([1, 2], mask=[0, 1]), "int32", "expected integers, found masked values"),
        (Convertible(None), "float32", "a Convertible cannot be read as an array: a symbolic tensor has no value"),
        ("\ud800", "string", "'\\ud800' is not valid Unicode text"),
    ],
)
def test_what_does_not_fit(value, dtype, words):
    assert words in refusal(value, dtype)


@pytest.mark.parametrize(
    "value", ["x" * 10**6, b"x" * 10**6, {"a": "x" * 10**6}, {str(i): [[]] * 99 for i in range(999)}]
)
def test_what_was_found_is_shortened(value):
    assert len(refusal(value, "float32")) < 250


@pytest.mark.parametrize("depth", [65, 1000])
def test_depth_is_bounded(depth):
    nested = mixed = 1
    for _ in range(depth):
        nested, mixed = [nested], [1, mixed]
    assert "it is nested more than 64 deep" in refusal(nested, "float32")
    assert "its lists are ragged: 1 at [0], but a list of 2 at [1]" in refusal(mixed, "float32")
    deep = np.zeros((1,) * 60)
    assert "it is nested more than 64 deep" in refusal([[[[[deep]]]]], "float32")


def test_integers_too_long_to_print():
    assert "<int> is out of range" in refusal(10**5000, "int64")
    assert "<int> at [1] does not fit float32" in refusal([0, 10**5000], "float32")


def test_a_broken_repr_does_not_hide_the_error():
    class Broken:
        def __repr__(self):
            raise RuntimeError

    assert "Broken" in refusal(Broken(), "float32")


def test_an_input_that_is_no_array():
    with pytest.raises(ModelInputError, match=r"resource.*cannot be given as a value") as caught:
        cast(1, TensorInfo("table", 20, None))
    assert caught.value.details() == {"input": "table", "dtype": "resource", "shape": None}
