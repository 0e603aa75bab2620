"""The ``tensorflow_client`` that predictors get: a model on TensorFlow Serving, called with Python values."""

from __future__ import annotations

import functools
import re
import threading
import time
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from google.protobuf.message import DecodeError, EncodeError

from cortex_runtime.errors import ModelInputError, ModelServerError
from cortex_runtime.tf_serving import dtypes, messages, signature, tensors
from cortex_runtime.tf_serving.casting import cast, shorten
from cortex_runtime.tf_serving.channel import Channel
from cortex_runtime.tf_serving.signature import Signature, TensorInfo
from cortex_runtime.tf_serving.stub import PredictionServiceStub
from cortex_runtime.tf_serving.waiting import states, wait_until_available

Array = np.ndarray[Any, Any]

_MAX_REQUEST_BYTES = 2**31 - 1  # protobuf's limit for a message
_LARGE = 2**20
"""From so many bytes of an input on, it is the bytes that take time, not the steps on the way."""


class Outputs(dict[str, Any]):
    """The outputs of a prediction by name. A name that is not among them is an error which lists those that are."""

    def __init__(self, signature: Signature, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._signature = signature

    def __missing__(self, name: str) -> NoReturn:
        raise KeyError(f'the model has no output "{name}"; its outputs are {_names(self._signature.outputs)}')


class TensorFlowClient:
    """A client of one signature of one model. Threads may share it.

    While the model server restarts, calls wait for it within their deadline. A call that was running when the server
    went away is not repeated: it fails with ``ModelServerError``.
    """

    def __init__(
        self,
        address: str,
        *,
        model_name: str = "model",
        signature_key: str | None = None,
        timeout_s: float = 300.0,
        wait_timeout_s: float | None = None,
    ) -> None:
        """Connect and block until the model is available.

        Args:
            address: of TensorFlow Serving's gRPC port: ``host:port`` or ``unix:/path``.
            model_name: the name that the server knows the model by.
            signature_key: the signature to predict with; without it the only one, else ``predict``.
            timeout_s: deadline of each call, waiting for a server that restarts included, in seconds.
            wait_timeout_s: how long to wait here for the model, in seconds; None is for ever.

        Raises:
            SignatureError: the signature is absent, or none can be chosen.
            ModelServerError: the model was not available within ``wait_timeout_s``.
        """
        self._address = address
        self._model_name = model_name
        self._timeout_s = timeout_s
        self._channel = Channel(address)
        try:
            signatures = wait_until_available(self._channel, address, model_name, wait_timeout_s)
            self._signature = signature.choose(signatures, signature_key)
        except BaseException:
            self._channel.close()
            raise
        request = messages.PredictRequest()
        request.model_spec.name = model_name
        request.model_spec.signature_name = self._signature.key
        self._model_spec = request.SerializeToString()
        self._stub: PredictionServiceStub | None = None
        self._making_stub = threading.Lock()

    def predict(self, model_input: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Run the model.

        Args:
            model_input: a value for each input of the signature: a scalar, nested lists, a numpy array, or whatever
                gives one. It is cast to the input's dtype, exactly or not at all; its shape is the model's affair.

        Returns:
            A flat list for each output: the shape is dropped, a scalar gives one element. Integers are ``int``, floats
            of any width ``float``, strings ``str``, or ``bytes`` where they are not UTF-8.

        Raises:
            ModelInputError: the input does not fit the signature, or the model refused it.
            ModelServerError: the server failed, could not be reached or did not answer in time.
        """
        return Outputs(self._signature, {n: _flat_list(a) for n, a in self.predict_arrays(model_input).items()})

    def predict_arrays(self, model_input: Mapping[str, Any]) -> dict[str, Array]:
        """Run the model as ``predict`` does, and return numpy arrays with their shapes.

        Returns:
            An array for each output, with its own dtype (those of ``ml_dtypes`` for bfloat16 and the like); strings as
            an object array of ``bytes``. Arrays are read-only where they are views of the received message: copy one
            to write to it.
        """
        arrays = self._cast(model_input)
        answer = self._call(self._encode(arrays), arrays)
        try:
            outputs = messages.PredictResponse.FromString(answer).outputs
            return Outputs(self._signature, {name: tensors.to_numpy(outputs[name]) for name in sorted(outputs)})
        except (DecodeError, ValueError) as error:
            raise ModelServerError(
                f"the answer of the model server at {self._address} cannot be read: {error}", "INTERNAL"
            ) from error

    @property
    def signature_key(self) -> str:
        """The key of the signature in use."""
        return self._signature.key

    @property
    def input_signature(self) -> dict[str, dict[str, Any]]:
        """The inputs, such as ``{"x": {"shape": [-1, 4], "type": "float32"}}``; the shape is None for any rank."""
        return _describe(self._signature.inputs)

    @property
    def output_signature(self) -> dict[str, dict[str, Any]]:
        """The outputs, described as the inputs are."""
        return _describe(self._signature.outputs)

    @property
    def stub(self) -> PredictionServiceStub:
        """The service itself, for calls with own messages: ``stub.Predict(request, timeout)``. It has a connection of
        its own, by grpcio."""
        with self._making_stub:
            if self._stub is None:
                self._stub = PredictionServiceStub(self._address, self._model_name)
            return self._stub

    def close(self) -> None:
        """Close the connection. Calls of other threads come to their end, those through ``stub`` fail."""
        self._channel.close()
        if self._stub is not None:
            self._stub.close()

    def _cast(self, model_input: Mapping[str, Any]) -> dict[str, Array]:
        inputs = self._signature.inputs
        if not isinstance(model_input, Mapping):
            raise ModelInputError(
                f"the model input must be a dict with a value for each of {_names(inputs)}, found"
                f" {type(model_input).__name__}: {shorten(model_input)}"
            )
        if model_input.keys() == inputs.keys():
            return {name: cast(model_input[name], info) for name, info in inputs.items()}
        missing = [info for name, info in inputs.items() if name not in model_input and not info.optional]
        if missing:
            first = missing[0]
            raise ModelInputError(
                f"the model input lacks {', '.join(map(str, missing))}; found {shorten(list(model_input))}",
                input_name=first.name,
                dtype=first.dtype_name,
                shape=first.shape,
            )
        extra = [key for key in model_input if key not in inputs]
        if extra:
            raise ModelInputError(
                f"the model input has {shorten(extra)}, which the signature {self.signature_key!r} does not have; its"
                f" inputs are {_names(inputs)}"
            )
        return {name: cast(model_input[name], info) for name, info in inputs.items() if name in model_input}

    def _encode(self, arrays: Mapping[str, Array]) -> bytes:
        # Messages one behind the other are one message with the fields of all: what is the same in every request, and
        # each input as it would be in a request of its own.
        parts = [self._model_spec]
        try:
            if sum(array.nbytes for array in arrays.values()) > _MAX_REQUEST_BYTES:
                raise EncodeError
            for name, array in arrays.items():
                dtype = self._signature.inputs[name].dtype
                if dtype == dtypes.STRING or not 0 < array.nbytes < _LARGE:
                    request = messages.PredictRequest()
                    tensors.write(array, dtype, request.inputs[name])
                    parts.append(request.SerializeToString())
                else:
                    parts.append(_before_content(name, dtype, array.shape))
                    parts.append(tensors.content(array, dtype))
        except EncodeError:
            raise ModelInputError("the model input is larger than 2 GiB, which no gRPC message can be") from None
        return b"".join(parts)

    def _call(self, request: bytes, arrays: Mapping[str, Array]) -> bytes:
        end = time.monotonic() + self._timeout_s
        try:
            try:
                return self._channel.call(messages.PREDICT, request, timeout_s=self._timeout_s, wait_for_ready=True)
            except ModelServerError as error:
                if error.code != "NOT_FOUND":
                    raise
            # The server has restarted and may still load the model.
            self._wait_for_model(end - time.monotonic())
            remaining = max(0.1, end - time.monotonic())
            return self._channel.call(messages.PREDICT, request, timeout_s=remaining, wait_for_ready=True)
        except ModelServerError as error:
            if error.code == "INVALID_ARGUMENT":
                raise self._refusal(str(error), arrays) from error
            words = str(error)
            if error.code == "DEADLINE_EXCEEDED":
                words = f"no answer within {self._timeout_s:g} s ({error})"
            raise ModelServerError(f"model server at {self._address}: {words}", error.code) from error

    def _wait_for_model(self, timeout_s: float) -> None:
        for state in states(self._channel, self._model_name, timeout_s):
            if state.available:
                return
            if state.state == "END":
                raise ModelServerError(f"the model is not available: {state}", "UNAVAILABLE")
        raise ModelServerError(f"the model is not available: {state}", "DEADLINE_EXCEEDED")

    def _refusal(self, words: str, arrays: Mapping[str, Array]) -> ModelInputError:
        """The model server's INVALID_ARGUMENT as an error about the input, or the inputs."""
        given = "; ".join(f"{self._signature.inputs[name]} was given {array.shape}" for name, array in arrays.items())
        named = [name for name in arrays if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words)]
        culprits = list(arrays) if len(arrays) == 1 else named
        info: TensorInfo | None = self._signature.inputs[culprits[0]] if len(culprits) == 1 else None
        return ModelInputError(
            f"the model refused its input: {words} [{given}]",
            input_name=info.name if info else None,
            dtype=info.dtype_name if info else None,
            shape=info.shape if info else None,
        )


@functools.lru_cache(maxsize=1024)
def _before_content(name: str, dtype: int, shape: tuple[int, ...]) -> bytes:
    """A request with one input, of numbers, up to its last bytes: the numbers."""
    request = messages.PredictRequest()
    proto = request.inputs[name]
    tensors.write(np.zeros(shape, dtypes.NUMPY[dtype]), dtype, proto)
    proto.tensor_content = content = b"\xa5" * len(proto.tensor_content)
    written = request.SerializeToString()
    assert written.endswith(content)  # it is the last field of the last message
    return written[: -len(content)]


def _names(inputs: Mapping[str, TensorInfo]) -> str:
    return ", ".join(map(str, inputs.values())) or "no inputs"


def _describe(infos: Mapping[str, TensorInfo]) -> dict[str, dict[str, Any]]:
    return {
        name: {"shape": None if info.shape is None else list(info.shape), "type": info.dtype_name}
        for name, info in infos.items()
    }


def _flat_list(array: Array) -> list[Any]:
    if array.dtype in dtypes.WIDER:
        array = array.astype(dtypes.WIDER[array.dtype])
    values: list[Any] = array.reshape(-1).tolist()
    return [_text(value) for value in values] if array.dtype == np.object_ else values


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
