"""TensorFlow's dtypes by their number in ``tensorflow.DataType``: their names and what numpy calls them.

The numbers and names are those of ``tensorflow/core/framework/types.proto`` and ``tf.dtypes``.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

STRING = 7
_REFERENCE = 100  # DT_FLOAT_REF is DT_FLOAT + 100: a TensorFlow 1 variable, which is fed and fetched as its base dtype

# Quantized integers are their plain integers here; a string is an object array of bytes.
NUMPY: dict[int, np.dtype[Any]] = {
    number: np.dtype(scalar)
    for number, scalar in {
        1: np.float32,
        2: np.float64,
        3: np.int32,
        4: np.uint8,
        5: np.int16,
        6: np.int8,
        STRING: np.object_,
        8: np.complex64,
        9: np.int64,
        10: np.bool_,
        11: np.int8,
        12: np.uint8,
        13: np.int32,
        14: ml_dtypes.bfloat16,
        15: np.int16,
        16: np.uint16,
        17: np.uint16,
        18: np.complex128,
        19: np.float16,
        22: np.uint32,
        23: np.uint64,
        24: ml_dtypes.float8_e5m2,
        25: ml_dtypes.float8_e4m3fn,
        26: ml_dtypes.float8_e4m3fnuz,
        27: ml_dtypes.float8_e4m3b11fnuz,
        28: ml_dtypes.float8_e5m2fnuz,
        29: ml_dtypes.int4,
        30: ml_dtypes.uint4,
        31: ml_dtypes.int2,
        32: ml_dtypes.uint2,
        33: ml_dtypes.float4_e2m1fn,
    }.items()
}
_NAMES = {
    STRING: "string",
    11: "qint8",
    12: "quint8",
    13: "qint32",
    15: "qint16",
    16: "quint16",
    20: "resource",
    21: "variant",
}
# The dtypes that numpy only knows through ml_dtypes, and plain ones that hold all their values.
WIDER: dict[np.dtype[Any], np.dtype[Any]] = {
    dtype: np.dtype(np.int8 if dtype.name.removeprefix("u").startswith("int") else np.float32)
    for dtype in NUMPY.values()
    if dtype.type.__module__.startswith("ml_dtypes")
}


def base(number: int) -> int:
    """The number of the dtype itself where ``number`` is that of a reference to it."""
    return number - _REFERENCE if number > _REFERENCE else number


def name(number: int) -> str:
    """TensorFlow's name of a dtype, such as ``float32``; ``dtype 99`` for a number that is not known here."""
    number = base(number)
    if number in _NAMES:
        return _NAMES[number]
    return NUMPY[number].name if number in NUMPY else f"dtype {number}"
