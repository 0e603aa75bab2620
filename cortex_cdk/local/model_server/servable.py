"""One loaded model version: its signatures, and compiled programs that run them in a TensorFlow session.

The export is loaded as TensorFlow Serving's own loader does: tag ``serve``, into a session. TensorFlow 1's loader does
that; it reads the exports of TensorFlow 2 as well, and also those that ``tf.saved_model.load`` refuses for an
optimizer's state.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cortex_cdk.local.model_server.errors import ServingError, from_tensorflow, invalid_argument
from cortex_cdk.local.model_server.tensorflow_import import import_tensorflow
from cortex_runtime.tf_serving import dtypes, messages

DEFAULT_SIGNATURE = "serving_default"
INIT_SIGNATURE = "__saved_model_init_op"  # where TensorFlow 2 keeps the name of its init op: nothing to call
SERVE_TAG = "serve"

# Callers choose outputs freely, and every choice costs a pruned and optimized graph. The oldest choices go first.
_MAX_PROGRAMS = 64

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a signature: its alias there, its name in the graph, its ``DataType`` number."""

    alias: str
    name: str
    dtype: int


@dataclass(frozen=True, slots=True)
class Program:
    """A signature with a choice of outputs, ready to run."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    compiled: Callable[..., Sequence[Any]]

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run it in this thread: one array per input, in order, gives one per output. Strings are objects of bytes.

        Raises:
            ServingError: with TensorFlow's code and message, such as INVALID_ARGUMENT for a wrong dtype or shape.
        """
        tf = import_tensorflow()
        try:
            results = self.compiled(*arrays)
        except tf.errors.OpError as error:
            raise from_tensorflow(error) from None
        # Outputs of rank 0 come as scalars.
        return [
            value if isinstance(value, np.ndarray) else np.array(value, object if isinstance(value, bytes) else None)
            for value in results
        ]


class Servable:
    """A model version that can be called from many threads at once.

    Attributes:
        version: its version number.
        signatures: by name, as exported.
    """

    def __init__(self, version: int, session: Any, signatures: Mapping[str, messages.SignatureDef]) -> None:
        self.version = version
        self.signatures = signatures
        self._session = session
        self._lock = threading.Lock()
        self._programs: dict[tuple[str, tuple[str, ...]], Program] = {}

    def program(self, signature: str, outputs: tuple[str, ...] = ()) -> Program:
        """Prepare a signature for some of its outputs, or for all; what has been prepared before is reused.

        Args:
            signature: one of ``signatures``.
            outputs: aliases of its outputs; empty means all.

        Raises:
            ServingError: when the signature names tensors that the graph does not have.
        """
        key = (signature, outputs)
        program = self._programs.get(key)
        if program is None:
            with self._lock:
                program = self._programs.get(key)
                if program is None:
                    program = _prepare(self._session, self.signatures[signature], outputs)
                    if len(self._programs) >= _MAX_PROGRAMS + len(self.signatures):
                        del self._programs[next(key for key in self._programs if key[1])]
                    self._programs[key] = program
        return program


def load(export: Path, version: int) -> Servable:
    """Load an export folder: restore its variables and run its init ops, which fill its tables.

    Raises:
        ServingError: with TensorFlow's code and message.
        Exception: others that the loader raises, such as for a missing ``serve`` tag.
    """
    tf = import_tensorflow()
    v1 = tf.compat.v1
    session = v1.Session(graph=tf.Graph(), config=v1.ConfigProto(allow_soft_placement=True))
    try:
        graph = v1.saved_model.load(session, [SERVE_TAG], str(export))
    except BaseException as error:
        session.close()
        if isinstance(error, tf.errors.OpError):
            raise from_tensorflow(error) from None
        raise
    signatures = {
        # TensorFlow's messages live in another descriptor pool: bytes are what both understand.
        name: messages.SignatureDef.FromString(definition.SerializeToString())
        for name, definition in graph.signature_def.items()
    }
    return Servable(version, session, signatures)


def _prepare(session: Any, signature: messages.SignatureDef, outputs: Sequence[str]) -> Program:
    tf = import_tensorflow()
    feeds = _tensors(signature.inputs, signature.inputs)
    fetches = _tensors(signature.outputs, outputs or signature.outputs)
    protobuf = importlib.import_module("tensorflow.core.protobuf.config_pb2")
    options = protobuf.CallableOptions(feed=[t.name for t in feeds], fetch=[t.name for t in fetches])
    # Run in the calling thread: every call has one already, and handing small graphs to a pool costs more.
    options.run_options.inter_op_thread_pool = -1
    try:
        return Program(feeds, fetches, session._make_callable_from_options(options))
    except tf.errors.OpError as error:
        raise from_tensorflow(error) from None
    except (TypeError, ValueError) as error:
        raise invalid_argument(str(error)) from None


def _tensors(infos: Mapping[str, messages.TensorInfo], aliases: Iterable[str]) -> tuple[Tensor, ...]:
    return tuple(Tensor(alias, infos[alias].name, dtypes.base(infos[alias].dtype)) for alias in aliases)


def compile_signatures(servable: Servable) -> dict[str, ServingError]:
    """Compile every signature, so that the first call is as fast as the next; returns those that cannot be.

    A signature that cannot be compiled fails when it is called, as it does in TensorFlow Serving; others work.
    """
    broken = {}
    for name in servable.signatures:
        if name == INIT_SIGNATURE:
            continue
        try:
            servable.program(name)
        except ServingError as error:
            broken[name] = error
    return broken
