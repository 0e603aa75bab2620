"""The Classify and Regress calls, which take ``tf.Example`` messages.

Follows ``classifier.cc`` and ``regressor.cc`` in ``tensorflow_serving/servables/tensorflow``.
"""

from __future__ import annotations

import numpy as np

from cortex_cdk.local.model_server.errors import invalid_argument
from cortex_cdk.local.model_server.servable import DEFAULT_SIGNATURE, Array, Servable
from cortex_runtime.tf_serving import dtypes, messages

INPUTS = "inputs"
CLASSES, SCORES = "classes", "scores"
OUTPUTS = "outputs"


def classify(servable: Servable, request: messages.ClassificationRequest) -> messages.ClassificationResponse:
    """One list of (label, score) per example; a signature may give labels, scores or both.

    Raises:
        ServingError: INVALID_ARGUMENT for an unknown or unfit signature, no examples, or outputs of a wrong form.
    """
    signature = _signature(servable, request.model_spec)
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    _require_input(signature, "classification")
    names = [name for name in (CLASSES, SCORES) if name in signature.outputs]
    if not names:
        raise invalid_argument(
            f'Expected classification signature outputs to contain at least one of "{CLASSES}" or "{SCORES}". '
            f"Signature was: {signature}"
        )
    examples, arrays = _run(servable, request, names)
    for name, array in arrays.items():
        _check_matrix(name, array, len(examples))
    shapes = [array.shape[1] for array in arrays.values()]
    if len(set(shapes)) > 1:
        raise invalid_argument(f"Tensors class and score should match in dim_size(1). Got {shapes[0]} vs. {shapes[1]}")

    response = messages.ClassificationResponse()
    _answer_spec(response.model_spec, request.model_spec, servable)
    labels, scores = arrays.get(CLASSES), arrays.get(SCORES)
    for row in range(len(examples)):
        classifications = response.result.classifications.add()
        for column in range(shapes[0]):
            classifications.classes.add(
                label=_text(labels[row, column]) if labels is not None else "",
                score=scores[row, column] if scores is not None else 0.0,
            )
    return response


def regress(servable: Servable, request: messages.RegressionRequest) -> messages.RegressionResponse:
    """One value per example.

    Raises:
        ServingError: INVALID_ARGUMENT for an unknown or unfit signature, no examples, or outputs of a wrong form.
    """
    signature = _signature(servable, request.model_spec)
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    _require_input(signature, "regression")
    if OUTPUTS not in signature.outputs:
        raise invalid_argument(f"No regression outputs found in SignatureDef: {signature}")
    examples, arrays = _run(servable, request, [OUTPUTS])
    values = arrays[OUTPUTS]
    if values.ndim != 1 and values.shape[1:] != (1,):
        raise invalid_argument(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {_shape(values)}"
        )
    if len(values) != len(examples):
        raise invalid_argument(f"Input batch size did not match output batch size: {len(examples)} vs. {len(values)}")
    if values.dtype != np.float32:
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {_dtype(values)}")

    response = messages.RegressionResponse()
    _answer_spec(response.model_spec, request.model_spec, servable)
    for value in values.ravel().tolist():
        response.result.regressions.add(value=value)
    return response


def _signature(servable: Servable, spec: messages.ModelSpec) -> messages.SignatureDef:
    signature = servable.signatures.get(_name(spec))
    if signature is None:
        raise invalid_argument(f"No signature was found with the name: {_name(spec)}")
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    return signature


def _name(spec: messages.ModelSpec) -> str:
    return spec.signature_name or DEFAULT_SIGNATURE


def _require_input(signature: messages.SignatureDef, kind: str) -> None:
    if INPUTS not in signature.inputs:
        raise invalid_argument(f"No {kind} inputs found in SignatureDef: {signature}")


def _run(
    servable: Servable, request: messages.ClassificationRequest | messages.RegressionRequest, outputs: list[str]
) -> tuple[list[bytes], dict[str, Array]]:
    examples = _serialized_examples(request.input)
    feed = np.empty(len(examples), object)
    feed[:] = examples
    results = servable.program(_name(request.model_spec), tuple(outputs)).run([feed])
    return examples, dict(zip(outputs, results, strict=True))


def _serialized_examples(given: messages.Input) -> list[bytes]:
    """One serialized ``tf.Example`` each. A context is merged into all: concatenated messages are merged ones."""
    if given.WhichOneof("kind") == "example_list_with_context":
        context = given.example_list_with_context.context.SerializeToString()
        examples = [context + e.SerializeToString() for e in given.example_list_with_context.examples]
    else:
        examples = [example.SerializeToString() for example in given.example_list.examples]
    if not examples:
        raise invalid_argument("Input is empty.")
    return examples


def _check_matrix(name: str, array: Array, batch: int) -> None:
    if array.ndim != 2:
        raise invalid_argument(f"Expected Tensor shape: [batch_size num_classes] but got {_shape(array)}")
    expected = np.dtype(object if name == CLASSES else np.float32)
    if array.dtype != expected:
        wanted = "DT_STRING" if name == CLASSES else "DT_FLOAT"
        raise invalid_argument(f"Expected {name} Tensor of {wanted}. Got: {_dtype(array)}")
    if len(array) != batch:
        raise invalid_argument(f"Expected {name} output batch size of {batch}. Got: {len(array)}")


def _answer_spec(answer: messages.ModelSpec, asked: messages.ModelSpec, servable: Servable) -> None:
    answer.name = asked.name
    answer.signature_name = _name(asked)
    answer.version.value = servable.version


def _text(label: bytes) -> str:
    """Labels are strings in the message; one that is not UTF-8 cannot be sent as it is."""
    return label.decode(errors="replace")


def _shape(array: Array) -> str:
    return "[" + ",".join(map(str, array.shape)) + "]"


def _dtype(array: Array) -> str:
    number = next((number for number, dtype in dtypes.NUMPY.items() if dtype == array.dtype), 0)
    name: str = messages.DataType.Name(number)
    return name
