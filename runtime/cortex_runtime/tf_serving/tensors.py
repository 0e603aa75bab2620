"""numpy arrays to TensorProtos and back, for every dtype that a tensor can be sent as.

The encoding is that of ``tensorflow/core/framework/tensor.proto``: numbers travel as ``tensor_content`` (the array's
bytes, little-endian, in C order), strings as ``string_val``. Everything TensorFlow writes is read: ``tensor_content``,
and the typed ``*_val`` fields, where a last value stands for all that follow it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cortex_runtime.tf_serving import dtypes
from cortex_runtime.tf_serving.messages import TensorProto

# dtype number -> the field its values are in and the dtype that the field holds them in: the dtype itself, a wider
# one, or the unsigned integer with the same bits.
_FIELDS: dict[int, tuple[str, type[np.generic]]] = {
    1: ("float_val", np.float32),
    2: ("double_val", np.float64),
    8: ("scomplex_val", np.float32),
    9: ("int64_val", np.int64),
    10: ("bool_val", np.bool_),
    14: ("half_val", np.uint16),
    18: ("dcomplex_val", np.float64),
    19: ("half_val", np.uint16),
    22: ("uint32_val", np.uint32),
    23: ("uint64_val", np.uint64),
} | dict.fromkeys((3, 4, 5, 6, 11, 12, 13, 15, 16, 17, 29, 30, 31, 32), ("int_val", np.int32))

_LITTLE_ENDIAN = {dtype: dtype if dtype in dtypes.WIDER else dtype.newbyteorder("<") for dtype in dtypes.NUMPY.values()}

MAX_BYTES = 2**31 - 1
"""protobuf's limit for a message, and so for the array that one may become: a single value may stand for any number."""


def to_tensor_proto(array: np.ndarray[Any, Any], dtype: int) -> TensorProto:
    """Encode ``array``.

    Args:
        array: of any shape, in C order or not, of either byte order; its dtype must be what ``dtypes.NUMPY`` says for
            ``dtype``: nothing is cast here. For DT_STRING: an array of ``bytes`` or ``str`` (which becomes UTF-8),
            as objects or in one of numpy's own string dtypes.
        dtype: a number of ``messages.DataType``.

    Raises:
        TypeError: the array has another dtype, or ``dtype`` cannot be sent as an array.
    """
    proto = TensorProto()
    write(array, dtype, proto)
    return proto


def write(array: np.ndarray[Any, Any], dtype: int, proto: TensorProto) -> None:
    """Encode ``array`` into ``proto``, which is empty, such as a new entry of a request; see ``to_tensor_proto``."""
    proto.dtype = dtype
    proto.tensor_shape.SetInParent()  # a scalar has a shape too
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    expected = dtypes.NUMPY.get(dtype)
    if expected is None:
        raise TypeError(f"a tensor of {dtypes.name(dtype)} cannot be sent as an array")
    if dtype == dtypes.STRING:
        if array.dtype.kind not in "OSUT":
            raise TypeError(f"a tensor of string needs an array of bytes or str, not of {array.dtype}")
        proto.string_val.extend(v.encode() if isinstance(v, str) else v for v in array.ravel().tolist())
        return
    proto.tensor_content = content(array, dtype)


def content(array: np.ndarray[Any, Any], dtype: int) -> bytes:
    """The ``tensor_content`` of an array of numbers; see ``to_tensor_proto``."""
    expected = dtypes.NUMPY[dtype]
    if array.dtype != expected and array.dtype.newbyteorder("=") != expected:
        raise TypeError(f"a tensor of {dtypes.name(dtype)} needs an array of {expected}, not of {array.dtype}")
    return array.astype(_LITTLE_ENDIAN[expected], copy=False).tobytes()


def to_numpy(proto: TensorProto) -> np.ndarray[Any, Any]:
    """Decode ``proto`` to an array of its shape.

    Returns:
        An array with the dtype of ``dtypes.NUMPY``; strings as an object array of ``bytes``. An array that came as
        ``tensor_content`` shares that memory and is read-only.

    Raises:
        ValueError: the message is not a tensor: its shape is unknown or that of more than ``MAX_BYTES``, its content
            does not fit the shape, or its dtype has no array.
    """
    number = dtypes.base(proto.dtype)
    dtype = dtypes.NUMPY.get(number)
    if dtype is None:
        raise ValueError(f"a tensor of {dtypes.name(number)} cannot be read as an array")
    tensor_shape = proto.tensor_shape
    shape = tuple([dimension.size for dimension in tensor_shape.dim])
    if tensor_shape.unknown_rank or min(shape, default=0) < 0:
        raise ValueError(f"a tensor of {dtypes.name(number)} came without its full shape: {shape}")
    count = math.prod(shape)
    if count * dtype.itemsize > MAX_BYTES:
        raise ValueError(f"a tensor of {dtypes.name(number)} with shape {shape} is larger than 2 GiB")
    content = proto.tensor_content
    if not content:
        return _from_values(proto, number, dtype, count).reshape(shape)
    if number == dtypes.STRING:
        return _objects(_split(content, count)).reshape(shape)
    if len(content) != count * dtype.itemsize:
        raise ValueError(
            f"a tensor of {dtypes.name(number)} with shape {shape} has {len(content)} bytes of content"
            f" instead of {count * dtype.itemsize}"
        )
    return np.frombuffer(content, _LITTLE_ENDIAN[dtype]).reshape(shape)


def _from_values(proto: TensorProto, number: int, dtype: np.dtype[Any], count: int) -> np.ndarray[Any, Any]:
    if number == dtypes.STRING:
        values = _objects(proto.string_val)
    elif number in _FIELDS:
        field, held = _FIELDS[number]
        container = getattr(proto, field)
        if held is np.uint16:  # the lower bits of a field of 32, as TensorFlow reads it
            values = np.fromiter(container, np.int32, len(container)).astype(np.uint16)
        else:
            values = np.fromiter(container, held, len(container))
        # The bits of half floats, and pairs of real and imaginary parts, are only seen differently.
        same_bits = held is np.uint16 or dtype.kind == "c"
        values = values.view(dtype) if same_bits else values.astype(dtype, copy=False)
    else:
        values = np.frombuffer(proto.float8_val, dtype)
    if len(values) > count:
        raise ValueError(f"a tensor of {dtypes.name(number)} has {len(values)} values instead of {count}")
    if len(values) == count:
        return values
    if len(values) == 0:
        return _objects([b""] * count) if number == dtypes.STRING else np.zeros(count, dtype)
    filled = np.empty(count, dtype)
    filled[: len(values)] = values
    filled[len(values) :] = values[-1]
    return filled


def _objects(values: Sequence[bytes]) -> np.ndarray[Any, Any]:
    array = np.empty(len(values), np.object_)
    array[:] = list(values)
    return array


def _split(content: bytes, count: int) -> list[bytes]:
    """Strings as content: the lengths of all (varints), then the bytes of all (``port::EncodeStringList``)."""
    lengths, position = [], 0
    try:
        for _ in range(count):
            length = shift = 0
            while (byte := content[position]) & 0x80:
                length |= (byte & 0x7F) << shift
                shift += 7
                position += 1
                if shift > 63:
                    raise ValueError("a tensor of string has a length of more than 64 bits in its content")
            lengths.append(length | byte << shift)
            position += 1
    except IndexError:
        raise ValueError(f"a tensor of string has fewer than {count} strings in its content") from None
    if position + sum(lengths) != len(content):
        raise ValueError(f"a tensor of string has {len(content) - position} bytes of content instead of {sum(lengths)}")
    strings = []
    for length in lengths:
        strings.append(content[position : position + length])
        position += length
    return strings
