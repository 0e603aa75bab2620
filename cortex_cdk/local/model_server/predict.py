"""The Predict call: tensors in, tensors out. Follows ``tensorflow_serving/servables/tensorflow/predict_util.cc``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import grpc
import numpy as np

from cortex_cdk.local.model_server.errors import ServingError, invalid_argument
from cortex_cdk.local.model_server.servable import DEFAULT_SIGNATURE, Array, Servable, Tensor
from cortex_cdk.local.model_server.tensor_fields import fill_typed_fields
from cortex_cdk.local.model_server.tensorflow_import import import_tensorflow
from cortex_runtime.tf_serving import messages, tensors

_QUANTIZED = {messages.DataType.Value(f"DT_{name}") for name in ("QINT8", "QUINT8", "QINT16", "QUINT16", "QINT32")}


def predict(
    servable: Servable, request: messages.PredictRequest, *, tensor_content: bool = False
) -> messages.PredictResponse:
    """Run the signature that ``request`` names, ``serving_default`` when it names none.

    Args:
        servable: the model version asked for.
        request: its ``output_filter`` chooses outputs; empty means all.
        tensor_content: answer with the tensors' bytes instead of typed fields.

    Raises:
        ServingError: FAILED_PRECONDITION for an unknown signature; INVALID_ARGUMENT for missing, surplus, malformed
            or unfit inputs and unknown outputs; whatever code the graph itself fails with.
    """
    name = request.model_spec.signature_name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(name)
    if signature is None:
        raise ServingError(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
    _check_inputs(request, signature)
    _check_outputs(request.output_filter, signature)
    program = servable.program(name, tuple(request.output_filter))
    results = program.run([_array(request, signature, tensor) for tensor in program.inputs])

    response = messages.PredictResponse()
    response.model_spec.name = request.model_spec.name
    response.model_spec.version.value = servable.version
    response.model_spec.signature_name = name
    for tensor, array in zip(program.outputs, results, strict=True):
        if tensor_content:
            response.outputs[tensor.alias].CopyFrom(tensors.to_tensor_proto(array, tensor.dtype))
        else:
            fill_typed_fields(response.outputs[tensor.alias], array, tensor.dtype)
    return response


def _check_inputs(request: messages.PredictRequest, signature: messages.SignatureDef) -> None:
    sent, wanted = set(request.inputs), set(signature.inputs)
    missing = wanted - sent - set(signature.defaults)
    if sent - wanted or missing:
        raise invalid_argument(
            f"input size does not match signature: {len(sent)}!={len(wanted)} len({_braced(sent)}) != "
            f"len({_braced(wanted)}). Sent extra: {_braced(sent - wanted)}. "
            f"Missing but required: {_braced(missing)}."
        )


def _check_outputs(output_filter: Sequence[str], signature: messages.SignatureDef) -> None:
    for number, alias in enumerate(output_filter):
        if alias not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                f"{_braced(signature.outputs)}."
            )
        if alias in output_filter[:number]:
            raise invalid_argument(f"duplicate output tensor alias: {alias}")


def _array(request: messages.PredictRequest, signature: messages.SignatureDef, tensor: Tensor) -> Array:
    """The array to feed. Its dtype is the request's: the session refuses one that the graph does not take."""
    source = request.inputs if tensor.alias in request.inputs else signature.defaults
    proto = source[tensor.alias]
    try:
        array = tensors.to_numpy(proto)
    except ValueError as error:
        raise invalid_argument(f"tensor parsing error: {tensor.alias} ({error})") from None
    if proto.dtype in _QUANTIZED:
        array = array.view(_quantized(proto.dtype))
    return array


def _quantized(dtype: int) -> np.dtype[Any]:
    """The structured dtype by which TensorFlow tells a quantized integer from a plain one."""
    quantized: np.dtype[Any] = np.dtype(import_tensorflow().dtypes.as_dtype(dtype).as_numpy_dtype)
    return quantized


def _braced(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
