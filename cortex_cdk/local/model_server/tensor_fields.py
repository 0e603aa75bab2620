"""Tensors in the typed fields of a ``TensorProto`` (``float_val``, ``int64_val``, ...).

That is how TensorFlow Serving answers unless it is told otherwise, and predictors that read a response themselves
rely on it. The fields per dtype are those of ``tensorflow/core/framework/tensor.proto``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cortex_runtime.tf_serving import dtypes, messages

_DT = messages.DataType.Value
_LENGTH_DELIMITED = 2  # the wire type of packed repeated fields

# Packed values of fixed width are little-endian in a message, as they are in the array: their bytes are the field's.
# Here are the fields' keys on the wire, each a single byte.
_FIXED_WIDTH = {
    _DT(f"DT_{name}"): bytes([messages.TensorProto.DESCRIPTOR.fields_by_name[field].number << 3 | _LENGTH_DELIMITED])
    for name, field in {
        "FLOAT": "float_val",
        "DOUBLE": "double_val",
        "COMPLEX64": "scomplex_val",
        "COMPLEX128": "dcomplex_val",
        "BOOL": "bool_val",
    }.items()
}
_SMALL = ("INT32", "INT16", "INT8", "UINT16", "UINT8", "INT4", "UINT4", "INT2", "UINT2")
_QUANTIZED = ("QINT32", "QINT16", "QINT8", "QUINT16", "QUINT8")
_INTEGERS = {
    **{_DT(f"DT_{name}"): "int_val" for name in (*_SMALL, *_QUANTIZED)},
    _DT("DT_INT64"): "int64_val",
    _DT("DT_UINT32"): "uint32_val",
    _DT("DT_UINT64"): "uint64_val",
}
_HALVES = {_DT("DT_HALF"), _DT("DT_BFLOAT16")}


def fill_typed_fields(proto: messages.TensorProto, array: np.ndarray[Any, Any], dtype: int) -> None:
    """Put ``array`` into the typed field of ``dtype``, a ``DataType`` number that fits the array's own dtype.

    ``proto`` must be empty.
    """
    proto.dtype = dtype
    proto.tensor_shape.SetInParent()  # a scalar has a shape too
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if array.size == 0:
        return
    if dtype == dtypes.STRING:
        proto.string_val.extend(array.ravel().tolist())
    elif (key := _FIXED_WIDTH.get(dtype)) is not None:
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        proto.MergeFromString(b"".join((key, _varint(len(data)), data)))
    elif (field := _INTEGERS.get(dtype)) is not None:
        # The integers that only ml_dtypes has are no Python integers in a list.
        plain = array if array.dtype.kind in "iu" else array.astype(np.int64)
        getattr(proto, field).extend(plain.ravel().tolist())
    elif dtype in _HALVES:
        proto.half_val.extend(array.view(np.uint16).ravel().tolist())
    else:
        proto.float8_val = array.tobytes()


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
