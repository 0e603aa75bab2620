"""Typed fields hold what the array held."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cortex_cdk.local.model_server.tensor_fields import fill_typed_fields
from cortex_runtime.tf_serving import dtypes, messages, tensors

# numpy's own dtypes; those of ml_dtypes go over the socket in test_predict.py.
KINDS = {
    number: dtype
    for number, dtype in dtypes.NUMPY.items()
    if dtype.type.__module__ == "numpy" and number != dtypes.STRING
}


def to_typed_fields(array: np.ndarray[Any, Any], dtype: int) -> messages.TensorProto:
    proto = messages.TensorProto()
    fill_typed_fields(proto, array, dtype)
    return proto


@st.composite
def numbered_arrays(draw: st.DrawFn) -> tuple[int, np.ndarray[Any, Any]]:
    number = draw(st.sampled_from(sorted(KINDS)))
    shape = draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    return number, draw(arrays.arrays(KINDS[number], shape))


@given(numbered_arrays())
def test_numbers(case: tuple[int, np.ndarray[Any, Any]]) -> None:
    number, array = case
    proto = messages.TensorProto.FromString(to_typed_fields(array, number).SerializeToString())
    assert not proto.tensor_content
    decoded = tensors.to_numpy(proto)
    np.testing.assert_array_equal(decoded, array)
    assert (decoded.shape, decoded.dtype) == (array.shape, array.dtype)


@given(st.lists(st.binary()))
def test_strings(values: list[bytes]) -> None:
    array = np.empty(len(values), object)
    array[:] = values
    assert list(to_typed_fields(array, dtypes.STRING).string_val) == values


@pytest.mark.parametrize(
    "array", [np.arange(12.0, dtype="f4").reshape(3, 4).T, np.arange(4, dtype=">f4")], ids=["F", ">"]
)
def test_memory_layout_does_not_matter(array: np.ndarray[Any, Any]) -> None:
    assert list(to_typed_fields(array, 1).float_val) == array.ravel().tolist()


@pytest.mark.parametrize(
    ("number", "values", "field"),
    [
        (14, np.array([1.5, -2], ml_dtypes.bfloat16), [0x3FC0, 0xC000]),
        (19, np.array([1.5, -2], np.float16), [0x3E00, 0xC000]),
    ],
)
def test_halves_are_their_bits(number: int, values: np.ndarray[Any, Any], field: list[int]) -> None:
    assert list(to_typed_fields(values, number).half_val) == field
