"""The value of one model input, cast to the dtype that the signature declares, exactly or not at all.

A cast never changes what a value means: integers do not wrap around, fractions are not cut off, a finite number does
not become infinite, and numbers and strings are not taken for each other, nor numbers for bools. Rounding to a narrower
float is allowed, and so are whole floats for integers and bools for numbers (0 and 1). NaN and infinity pass where the
dtype has them.

Lists of plain numbers are read by numpy at once. Where it would promote a value without a word, or finds fault, they
are flattened level by level instead, so that every value's type is seen and named.
"""

from __future__ import annotations

import math
import reprlib
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NoReturn

import ml_dtypes
import numpy as np

from cortex_runtime.errors import ModelInputError
from cortex_runtime.tf_serving import dtypes, regular_lists
from cortex_runtime.tf_serving.signature import TensorInfo

Array = np.ndarray[Any, Any]

_SEQUENCES = (list, tuple, range)
_PLAIN = frozenset({bool, bytes, complex, float, int, str, type(None)})  # what most values are made of
_MAX_RANK = 64  # numpy's
_EXPECTED = {"O": "strings", "b": "bools", "i": "integers", "f": "numbers", "c": "numbers"}
_KINDS = {
    bool: "a bool",
    bytes: "bytes",
    complex: "a complex number",
    float: "a number",
    int: "a number",
    str: "a string",
}
# What numpy makes of lists without loss, by kind: integers among floats would be rounded before their range is known.
_READ_EXACTLY = {"i": "biu", "f": "biuf", "c": "biuf"}
_LARGEST = {1: float(np.finfo(np.float32).max), 2: float(np.finfo(np.float64).max)}  # of float32 and float64
_FEW = 200
"""Of so many floats, it is the steps on the way that take time, not the floats."""

_SATURATING, _SATURATES_AT = np.dtype(ml_dtypes.float4_e2m1fn), 6.0  # it has neither NaN nor infinity


def cast(value: Any, info: TensorInfo) -> Array:
    """Cast ``value`` to the dtype of ``info``; its shape is not looked at.

    Args:
        value: a scalar, nested lists or tuples, a numpy array or scalar, or what gives one (``__array__``, such as a
            ``tf.Tensor``), or lists of these. A numpy array that already has the dtype is returned as it is.
        info: the input in the signature.

    Returns:
        An array with the dtype of ``dtypes.NUMPY``; strings as an object array of ``bytes`` and ``str``.

    Raises:
        ModelInputError: the value has None, holes or another kind of value in it, or does not fit the dtype.
    """
    if (largest := _LARGEST.get(info.dtype)) is not None and _few_floats(value, largest):
        try:
            return np.array(value, dtypes.NUMPY[info.dtype])
        except ValueError:  # ragged lists, which are named below
            pass
    if info.dtype not in dtypes.NUMPY:
        raise input_error(info, "a tensor of this dtype cannot be given as a value")
    return _Caster(info).cast(value)


def _few_floats(value: Any, largest: float) -> bool:
    """Whether ``value`` is a float, or few of them in one or two levels of lists: by far the most frequent inputs.

    Floats beyond ``largest`` are for others to look at, and infinity, and NaN where it comes first.
    """
    if type(value) is float:
        return abs(value) <= largest
    if type(value) is not list or not 0 < len(value) <= _FEW:
        return False
    if type(value[0]) is list:
        if any(type(row) is not list for row in value) or sum(map(len, value)) > _FEW:
            return False
        value = list(chain.from_iterable(value))
    return {*map(type, value)} == {float} and -largest <= min(value) and max(value) <= largest


def input_error(info: TensorInfo, problem: str) -> ModelInputError:
    """The error that says what is wrong with one input."""
    return ModelInputError(f"input {info}: {problem}", input_name=info.name, dtype=info.dtype_name, shape=info.shape)


def shorten(value: Any) -> str:
    """``repr`` of ``value``, of a bounded length."""
    try:
        return _REPR.repr(value)
    except Exception:  # an int too long for a string, or a broken __repr__
        return f"<{type(value).__name__}>"


_REPR = reprlib.Repr()
_REPR.maxlevel = 3
_REPR.maxstring = _REPR.maxother = 60


class _Caster:
    """Casts to one dtype. ``kind``: O string, b bool, i integer (signed or not), f float, c complex."""

    def __init__(self, info: TensorInfo) -> None:
        self.info = info
        self.dtype = dtypes.NUMPY[info.dtype]
        plain = dtypes.WIDER.get(self.dtype, self.dtype)
        self.kind = plain.kind.replace("u", "i")
        self.path = ""  # where in the whole value the part is that is being cast

    def fail(self, problem: str) -> NoReturn:
        raise input_error(self.info, problem)

    def cast(self, value: Any) -> Array:
        if _is_array_like(type(value)):
            return self.array(self.read(value))
        return self.nested(value)

    def read(self, value: Any) -> Array:
        if "numpy.ma" in sys.modules and np.ma.is_masked(value):
            self.fail(f"expected {_EXPECTED[self.kind]}, found masked values{self.at(0, ())}")
        try:
            return np.asarray(value)
        except Exception as error:
            self.fail(f"a {type(value).__name__} cannot be read as an array: {error}")

    # Lists

    def nested(self, value: Any) -> Array:
        plain = self.plain_numbers(value)
        if plain is not None:
            return self.array(plain)
        level: Sequence[Any] = [value]
        types = {type(value)}
        shape: list[int] = []
        while types and not types <= _PLAIN and all(issubclass(t, _SEQUENCES) for t in types):
            lengths = set(map(len, level))
            if len(lengths) > 1:
                self.ragged(level, shape)
            if len(shape) == _MAX_RANK:
                self.fail(f"it is nested more than {_MAX_RANK} deep")
            shape.append(lengths.pop())
            level = list(chain.from_iterable(level))
            types = set(map(type, level))
        if types <= _PLAIN:
            return self.leaves(level, types, shape)
        lists = {t for t in types if issubclass(t, _SEQUENCES)}
        arrays = {t for t in types if _is_array_like(t)}
        if lists and types - lists - arrays:
            self.ragged(level, shape)
        if arrays:
            return self.stacked(level, shape)
        return self.leaves(level, types, shape)

    def plain_numbers(self, value: Any) -> Array | None:
        """Numbers as numpy reads them, where it reads them exactly; else None."""
        leaf = value
        for _ in range(_MAX_RANK):
            if type(leaf) not in (list, tuple) or not leaf:
                break
            leaf = leaf[0]
        if self.kind not in _READ_EXACTLY or type(leaf) not in (bool, int, float):
            return None
        try:
            regular = regular_lists.read(value)
            array = np.asarray(value) if regular is None else regular
        except (ValueError, OverflowError):  # ragged lists, huge integers: the slower way names them
            return None
        return array if array.dtype.kind in _READ_EXACTLY[self.kind] else None

    def stacked(self, level: Sequence[Any], shape: Sequence[int]) -> Array:
        """A level with arrays in it: each item is cast by itself."""
        if isinstance(level[0], np.generic) and len(set(map(type, level))) == 1:
            return self.array(np.array(level).reshape(shape))
        outer, arrays = self.path, []
        for index, item in enumerate(level):
            self.path = outer + _position(index, shape)
            arrays.append(self.cast(item))
        self.path = outer
        if len({array.shape for array in arrays}) > 1:
            self.ragged(level, shape)
        if len(shape) + arrays[0].ndim > _MAX_RANK:
            self.fail(f"it is nested more than {_MAX_RANK} deep")
        return np.stack(arrays).reshape(*shape, *arrays[0].shape)

    def ragged(self, level: Sequence[Any], shape: Sequence[int]) -> NoReturn:
        def size(item: Any) -> str:
            if _is_array_like(type(item)):
                return f"an array of shape {np.shape(item)}"
            return f"a list of {len(item)}" if isinstance(item, _SEQUENCES) else shorten(item)

        first = size(level[0])
        index, other = next((i, size(item)) for i, item in enumerate(level) if size(item) != first)
        self.fail(f"its lists are ragged: {first}{self.at(0, shape)}, but {other}{self.at(index, shape)}")

    # Values that are no arrays

    def leaves(self, values: Sequence[Any], types: set[type], shape: Sequence[int]) -> Array:
        unfit = {t for t in types if not self.accepts(t)}
        if unfit:
            index = next(i for i, value in enumerate(values) if type(value) in unfit)
            self.unfit(values[index], index, shape)
        if self.kind == "O":
            return self.strings(values, shape)
        if self.kind == "i":
            return self.integers(values, types, shape)
        read_as = {"b": np.dtype(np.bool_), "f": np.dtype(np.float64), "c": np.dtype(np.complex128)}[self.kind]
        try:
            array = np.fromiter(values, read_as, len(values))
        except OverflowError:  # an int beyond float64
            index = next(i for i, value in enumerate(values) if isinstance(value, int) and not _fits_float(value))
            self.too_large(values[index], index, shape)
        return self.array(array.reshape(shape))

    def accepts(self, leaf: type) -> bool:
        if self.kind == "O":
            return issubclass(leaf, str | bytes)
        if self.kind == "b":
            return issubclass(leaf, bool)
        return issubclass(leaf, int | float | complex if self.kind == "c" else int | float)

    def strings(self, values: Sequence[Any], shape: Sequence[int]) -> Array:
        for index, value in enumerate(values):
            if isinstance(value, str) and not value.isascii():
                try:
                    value.encode()
                except UnicodeEncodeError:
                    self.fail(f"{shorten(value)}{self.at(index, shape)} is not valid Unicode text")
        array = np.empty(len(values), np.object_)
        array[:] = values
        return array.reshape(shape)

    def integers(self, values: Sequence[Any], types: set[type], shape: Sequence[int]) -> Array:
        if any(issubclass(t, float) for t in types):
            for index, value in enumerate(values):
                if isinstance(value, float) and not value.is_integer():
                    self.not_whole(value, index, shape)
            values = [int(value) for value in values]  # exact, where an array of floats would round
        try:
            array = np.fromiter(values, np.int64, len(values))
        except OverflowError:
            low, high = self.bounds()
            for index, value in enumerate(values):
                if not low <= value <= high:
                    self.out_of_range(value, index, shape)
            array = np.fromiter(values, self.dtype, len(values))  # 64 bits without a sign
        return self.array(array.reshape(shape))

    # Arrays

    def array(self, array: Array) -> Array:
        if array.dtype == self.dtype and self.kind != "O":
            return array
        if array.size == 0:
            return np.empty(array.shape, self.dtype)
        kind = (dtypes.WIDER.get(array.dtype) or array.dtype).kind
        if kind in "OSUT":
            return self.objects(array)
        if kind not in {"b": "b", "i": "biuf", "f": "biuf", "c": "biufc", "O": ""}[self.kind]:
            self.fail(f"expected {_EXPECTED[self.kind]}, found an array of {array.dtype}")
        if self.kind == "b":
            return array
        if array.dtype in dtypes.WIDER:
            array = array.astype(dtypes.WIDER[array.dtype])
        return self.to_integers(array) if self.kind == "i" else self.to_floats(array)

    def objects(self, array: Array) -> Array:
        values = array.ravel().tolist()
        types = set(map(type, values))
        if any(issubclass(t, _SEQUENCES) or _is_array_like(t) for t in types):
            return self.stacked(values, array.shape)
        return self.leaves(values, types, array.shape)

    def to_integers(self, array: Array) -> Array:
        if array.dtype.kind == "f":
            self.check(array, np.isfinite(array) & (np.trunc(array) == array), self.not_whole)
        if not np.can_cast(array.dtype, self.dtype, "safe"):
            low, high = self.bounds()
            for extreme in (int(array.min()), int(array.max())):
                if not low <= extreme <= high:
                    index = int(np.argmin(array) if extreme < low else np.argmax(array))
                    self.out_of_range(extreme, index, array.shape)
        return array.astype(self.dtype)

    def to_floats(self, array: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            result = array.astype(self.dtype)
        if array.dtype.kind in "iu" and self.dtype.itemsize >= 4:
            return result  # the largest integer fits any float of 32 bits
        if self.dtype == _SATURATING:
            self.check(array, np.abs(array) <= _SATURATES_AT, self.too_large)
        elif not np.isfinite(result).all():
            kept = (np.isnan(array) == np.isnan(result)) & (np.isinf(array) == np.isinf(result))
            self.check(array, kept, self.too_large)
        return result

    def check(self, array: Array, good: Any, fail: Callable[[Any, int, Sequence[int]], NoReturn]) -> None:
        if not np.all(good):
            index = int(np.argmin(good))
            fail(array.reshape(-1)[index].item(), index, array.shape)

    # Errors about one value

    def bounds(self) -> tuple[int, int]:
        info: Any = ml_dtypes.iinfo(self.dtype)  # type: ignore[no-untyped-call]
        return int(info.min), int(info.max)

    def at(self, index: int, shape: Sequence[int]) -> str:
        where = self.path + _position(index, shape)
        return f" at {where}" if where else ""

    def unfit(self, value: Any, index: int, shape: Sequence[int]) -> NoReturn:
        found = "None"
        if value is not None:
            found = f"{_KINDS.get(type(value), type(value).__name__)}: {shorten(value)}"
        self.fail(f"expected {_EXPECTED[self.kind]}, found {found}{self.at(index, shape)}")

    def not_whole(self, value: Any, index: int, shape: Sequence[int]) -> NoReturn:
        self.fail(f"expected integers, found {shorten(value)}{self.at(index, shape)}")

    def out_of_range(self, value: Any, index: int, shape: Sequence[int]) -> NoReturn:
        low, high = self.bounds()
        self.fail(f"{shorten(value)}{self.at(index, shape)} is out of range: {self.info.dtype_name} is {low} to {high}")

    def too_large(self, value: Any, index: int, shape: Sequence[int]) -> NoReturn:
        self.fail(f"{shorten(value)}{self.at(index, shape)} does not fit {self.info.dtype_name}")


def _is_array_like(value_type: type) -> bool:
    if issubclass(value_type, int | float | complex | str | bytes | list | tuple):
        return False
    return hasattr(value_type, "__array__") or hasattr(value_type, "__array_interface__")


def _fits_float(value: int) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _position(index: int, shape: Sequence[int]) -> str:
    """``[0][3]``: where the element number ``index`` of an array of ``shape`` is."""
    return "".join(f"[{i}]" for i in np.unravel_index(index, shape)) if shape else ""
