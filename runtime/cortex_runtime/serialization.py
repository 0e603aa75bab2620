"""JSON in and out of predictors: strict on the way in, forgiving on the way out.

Whatever is written is valid JSON: NaN and infinities come as ``null``, as the behaviour contract asks.
"""

from __future__ import annotations

import datetime
import enum
import json
import math
import uuid
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any

import numpy as np
import orjson

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


class PayloadError(ValueError):
    """The body of a request is not a JSON document; the message says what is wrong with it."""


def loads(body: bytes) -> Any:
    """Parse a request's body, whatever its Content-Type said.

    Raises:
        PayloadError: when the body is empty, not UTF-8, or not JSON.
    """
    if not body or body.isspace():
        raise PayloadError("the request body is empty; send a JSON document")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        try:
            body.decode()
        except UnicodeDecodeError as utf8:
            raise PayloadError(
                f"the request body is not UTF-8: byte {utf8.start} is 0x{body[utf8.start]:02x}"
            ) from None
        raise PayloadError(f"the request body is not valid JSON: {error}") from None


def dumps(value: Any) -> bytes:
    """Serialize a prediction.

    Beside JSON's own types: numpy arrays and scalars, tuples, sets, dates and times (ISO 8601), timedeltas (seconds),
    Decimals (numbers), UUIDs, enums, dataclasses, integers of any size, and anything with ``__array__`` or ``tolist``.

    Raises:
        TypeError: when something in ``value`` has no JSON form.
    """
    try:
        return orjson.dumps(value, default=_default, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        # Integers beyond 64 bits and lone surrogates are valid JSON, but orjson writes neither.
        try:
            return json.dumps(_plain(value), allow_nan=False).encode()
        except RecursionError:
            raise TypeError("it is nested too deeply or contains itself") from None
        except TypeError:
            raise TypeError(str(error)) from None


def _default(value: Any) -> Any:
    """The JSON form of what orjson does not know; called by it with each such value."""
    if isinstance(value, AbstractSet):
        return list(value)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, np.generic):
        if isinstance(value, np.longdouble):  # its item() is itself
            return float(value)
        return _text(value.tobytes()) if isinstance(value, np.bytes_) else value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _text(bytes(value))
    for method in ("tolist", "numpy"):  # pandas, TensorFlow and others
        convert = getattr(value, method, None)
        if callable(convert) and not isinstance(value, type):
            return convert()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _number(value: Decimal) -> int | float | None:
    if not value.is_finite():
        return None
    if value == value.to_integral_value() and abs(value) < 10**30:
        return int(value)
    return float(value)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise TypeError(
            "bytes inside a prediction must be UTF-8; return bytes alone to send them as they are"
        ) from None


def _plain(value: Any) -> Any:
    """``value`` in the types of the ``json`` module, NaN and infinities replaced."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_key(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    try:
        return orjson.loads(orjson.dumps(value, default=_default, option=_OPTIONS))
    except orjson.JSONEncodeError:
        return _plain(_default(value))


def _key(value: Any) -> str:
    """A key of an object, as orjson writes those it knows."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, datetime.date | datetime.time | uuid.UUID | enum.Enum):
        (key,) = orjson.loads(orjson.dumps({value: None}, option=_OPTIONS))
        return str(key)
    raise TypeError(f"{type(value).__name__} cannot be a key of a JSON object")
