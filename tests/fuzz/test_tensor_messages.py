"""What the model server answers: any message is read as tensors or refused in words, within bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from cortex_runtime.tf_serving import dtypes, messages, signature, tensors
from tests.fuzz import limited_memory

DTYPES = st.sampled_from([*range(-1, 36), 101, 107, 2**31 - 1, -(2**31)])
SIZES = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 4, 7, 2**31, 2**62, 2**63 - 1])
FIELDS = {
    "half_val": st.integers(-(2**31), 2**31 - 1),
    "float_val": st.floats(width=32),
    "double_val": st.floats(),
    "int_val": st.integers(-(2**31), 2**31 - 1),
    "string_val": st.binary(max_size=5),
    "scomplex_val": st.floats(width=32),
    "int64_val": st.integers(-(2**63), 2**63 - 1),
    "bool_val": st.booleans(),
    "dcomplex_val": st.floats(),
    "uint32_val": st.integers(0, 2**32 - 1),
    "uint64_val": st.integers(0, 2**64 - 1),
}


@st.composite
def tensor_protos(draw: DrawFn) -> messages.TensorProto:
    """A message whose dtype, shape and values seldom belong together."""
    proto = messages.TensorProto()
    proto.dtype = draw(DTYPES)  # type: ignore[assignment]
    for size in draw(st.lists(SIZES, max_size=4) | st.lists(st.just(1), min_size=30, max_size=80)):
        proto.tensor_shape.dim.add(size=size)
    proto.tensor_shape.unknown_rank = draw(st.sampled_from([False, False, False, True]))
    if draw(st.booleans()):
        proto.tensor_content = draw(st.binary(max_size=40))
    for name in draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=2)):
        getattr(proto, name).extend(draw(st.lists(FIELDS[name], max_size=5)))
    proto.float8_val = draw(st.binary(max_size=4))
    return proto


def read(proto: messages.TensorProto) -> None:
    try:
        array = tensors.to_numpy(proto)
    except ValueError:  # and no other error
        return
    assert array.dtype == dtypes.NUMPY[dtypes.base(proto.dtype)]
    assert array.shape == tuple(dimension.size for dimension in proto.tensor_shape.dim)
    assert len(array.ravel().tolist()) == math.prod(array.shape)


@given(tensor_protos())
def test_any_tensor(proto: messages.TensorProto) -> None:
    read(proto)


@given(tensor_protos(), st.data())
def test_any_damage_to_a_tensor(proto: messages.TensorProto, data: st.DataObject) -> None:
    content = bytearray(proto.SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        damaged = messages.TensorProto.FromString(bytes(content))
    except DecodeError:
        return
    read(damaged)


@given(st.binary(max_size=100))
@example(b"\xff" * 10)
def test_any_bytes_as_the_messages_of_a_model_server(content: bytes) -> None:
    kinds = (messages.PredictResponse, messages.GetModelStatusResponse, messages.GetModelMetadataResponse)
    for kind in (*kinds, messages.SignatureDefMap):
        try:
            message = kind.FromString(content)
        except DecodeError:
            continue
        if isinstance(message, messages.PredictResponse):
            for output in message.outputs.values():
                read(output)
        if isinstance(message, messages.SignatureDefMap):
            for found in signature.read(message.signature_def).values():
                assert all(str(info) for info in (*found.inputs.values(), *found.outputs.values()))


def read_huge() -> None:
    """In a process of its own: a few bytes that say they are a large tensor."""
    for dtype, field, value in ((1, "float_val", 1.0), (7, "string_val", b"a"), (10, "bool_val", True)):
        for kind in ("nothing", "content", "one value"):
            proto = messages.TensorProto()
            proto.dtype = dtype  # type: ignore[assignment]
            for size in (2**16, 2**16, 8):
                proto.tensor_shape.dim.add(size=size)
            if kind == "content":
                proto.tensor_content = b"\0" * 8
            elif kind == "one value":
                getattr(proto, field).append(value)
            with pytest.raises(ValueError, match="tensor of"):
                tensors.to_numpy(proto)


def test_a_few_bytes_do_not_become_gigabytes() -> None:
    limited_memory.run(__name__, "read_huge", most_bytes=300 << 20)


def test_lengths_of_strings_are_bounded() -> None:
    proto = messages.TensorProto()
    proto.dtype = 7  # type: ignore[assignment]
    proto.tensor_content = b"\x80" * 2_000_000
    with pytest.raises(ValueError, match="more than 64 bits"):
        tensors.to_numpy(proto)


def test_a_value_for_many_elements_is_still_read() -> None:
    proto = messages.TensorProto()
    proto.dtype = 1  # type: ignore[assignment]
    proto.float_val.append(2.5)
    for size in (1000, 1000):
        proto.tensor_shape.dim.add(size=size)
    assert np.array_equal(tensors.to_numpy(proto), np.full((1000, 1000), np.float32(2.5)))
