"""The signatures of a model, and which of them an API uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cortex_runtime.errors import SignatureError
from cortex_runtime.tf_serving import dtypes, messages

# TensorFlow 2 writes its initialization as a signature; it is not one that can be asked for.
INIT_OP_KEY = "__saved_model_init_op"
DEFAULT_KEY = "predict"


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output of a signature.

    Attributes:
        name: the name it has in the signature, such as ``petal_length``.
        dtype: a number of ``messages.DataType``, never that of a reference dtype.
        shape: one size for each dimension, -1 where it may be any; None when even the rank may be any.
        optional: an input that has a default in the model and can be left out.
    """

    name: str
    dtype: int
    shape: tuple[int, ...] | None
    optional: bool = False

    @property
    def dtype_name(self) -> str:
        """TensorFlow's name of the dtype, such as ``float32``."""
        return dtypes.name(self.dtype)

    def __str__(self) -> str:
        shape = "any shape" if self.shape is None else f"shape {self.shape}"
        return f'"{self.name}" ({self.dtype_name}, {shape})'


@dataclass(frozen=True, slots=True)
class Signature:
    """A function of a model: its key, and its inputs and outputs by name."""

    key: str
    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]
    method_name: str

    @classmethod
    def from_proto(cls, key: str, proto: messages.SignatureDef) -> Signature:
        """The signature that ``proto`` defines, with inputs and outputs in the order of their names."""
        return cls(
            key=key,
            inputs=_tensors(proto.inputs, optional=proto.defaults),
            outputs=_tensors(proto.outputs),
            method_name=proto.method_name,
        )


def read(signature_defs: Mapping[str, messages.SignatureDef]) -> dict[str, Signature]:
    """The signatures of a model by key, in the order of their keys, from its ``signature_def`` map."""
    return {key: Signature.from_proto(key, signature_defs[key]) for key in sorted(signature_defs) if key != INIT_OP_KEY}


def choose(signatures: Mapping[str, Signature], key: str | None = None) -> Signature:
    """The signature to predict with: that of the configured ``key``; without one the only one, else ``predict``.

    Raises:
        SignatureError: the key is absent, or none can be chosen; the message lists the keys there are.
    """
    if not signatures:
        raise SignatureError(
            "the model has no signatures: export it with at least one, such as `tf.saved_model.save(model, path,"
            " signatures=...)`"
        )
    found = ", ".join(signatures)
    if key is not None:
        if key not in signatures:
            raise SignatureError(f"signature_key is {key!r}, but the model's signatures are: {found}")
        return signatures[key]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    if DEFAULT_KEY not in signatures:
        raise SignatureError(f"the model has several signatures, set signature_key to one of them: {found}")
    return signatures[DEFAULT_KEY]


def _tensors(infos: Mapping[str, messages.TensorInfo], optional: Iterable[str] = ()) -> dict[str, TensorInfo]:
    tensors, defaults = {}, set(optional)
    for name in sorted(infos):
        shape = infos[name].tensor_shape
        tensors[name] = TensorInfo(
            name=name,
            dtype=dtypes.base(infos[name].dtype),
            shape=None if shape.unknown_rank else tuple(dimension.size for dimension in shape.dim),
            optional=name in defaults,
        )
    return tensors
