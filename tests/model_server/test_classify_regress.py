"""Classify and Regress over a real socket."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from cortex_runtime.tf_serving import messages
from tests.support.model_server import Calls


def example(**features: float) -> messages.Example:
    made = messages.Example()
    for name, value in features.items():
        made.features.feature[name].float_list.value.append(value)
    return made


def ask(
    request_class: type[Any], signature: str, examples: list[Any], context: Any = None, model: str = "examples"
) -> Any:
    request = request_class()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if context is None:
        request.input.example_list.examples.extend(examples)
    else:
        request.input.example_list_with_context.examples.extend(examples)
        request.input.example_list_with_context.context.CopyFrom(context)
    return request


def classify(calls: Calls, signature: str, examples: list[Any], **more: Any) -> messages.ClassificationResponse:
    request = ask(messages.ClassificationRequest, signature, examples, **more)
    answer: messages.ClassificationResponse = calls.call(messages.CLASSIFY, request, messages.ClassificationResponse)
    return answer


def regress(calls: Calls, signature: str, examples: list[Any], **more: Any) -> messages.RegressionResponse:
    request = ask(messages.RegressionRequest, signature, examples, **more)
    answer: messages.RegressionResponse = calls.call(messages.REGRESS, request, messages.RegressionResponse)
    return answer


def pairs(answer: messages.ClassificationResponse) -> list[list[tuple[str, float]]]:
    return [[(c.label, c.score) for c in row.classes] for row in answer.result.classifications]


def test_classes_and_scores(calls: Calls) -> None:
    answer = classify(calls, "", [example(a=1, b=2), example(b=4)])
    assert pairs(answer) == [[("positive", 3), ("negative", -3)], [("positive", 4), ("negative", -4)]]
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("examples", 1, "serving_default")


def test_classes_or_scores_alone(calls: Calls) -> None:
    assert pairs(classify(calls, "labels", [example(a=1)])) == [[("positive", 0), ("negative", 0)]]
    assert pairs(classify(calls, "scores", [example(a=1)])) == [[("", 1), ("", -1)]]


def test_a_context_belongs_to_every_example(calls: Calls) -> None:
    answer = classify(calls, "scores", [example(a=1), example(a=2)], context=example(b=10))
    assert pairs(answer) == [[("", 11), ("", -11)], [("", 12), ("", -12)]]


@pytest.mark.parametrize("signature", ["regress", "regress_column"])
def test_regression(calls: Calls, signature: str) -> None:
    answer = regress(calls, signature, [example(a=0.5), example(), example(a=1, b=1)])
    assert [regression.value for regression in answer.result.regressions] == [0.5, 0, 2]
    assert answer.model_spec.signature_name == signature


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ("none", "No signature was found with the name: none"),
        ("two_inputs", "Expected one input Tensor."),
        ("three_outputs", "Expected one or two output Tensors, found 3"),
        ("other_input", "No classification inputs found in SignatureDef: "),
        ("neither", 'Expected classification signature outputs to contain at least one of "classes" or "scores".'),
        ("classify_vector", "Expected Tensor shape: [batch_size num_classes] but got [2]"),
        ("classify_double", "Expected scores Tensor of DT_FLOAT. Got: DT_DOUBLE"),
        ("classify_numbers", "Expected classes Tensor of DT_STRING. Got: DT_FLOAT"),
        ("classify_one", "Expected scores output batch size of 2. Got: 1"),
        ("classify_uneven", "Tensors class and score should match in dim_size(1). Got 2 vs. 1"),
    ],
)
def test_classification_errors(calls: Calls, signature: str, words: str) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        classify(calls, signature, [example(), example()])
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert words in raised.value.details()


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ("none", "No signature was found with the name: none"),
        ("two_inputs", "Expected one input Tensor."),
        ("serving_default", "Expected one output Tensor."),
        ("other_input", "No regression inputs found in SignatureDef: "),
        ("scores", "No regression outputs found in SignatureDef: "),
        ("regress_matrix", "shape to be either [batch_size] or [batch_size, 1] but got [2,2]"),
        ("regress_double", "Expected output Tensor of DT_FLOAT.  Got: DT_DOUBLE"),
        ("regress_one", "Input batch size did not match output batch size: 2 vs. 1"),
    ],
)
def test_regression_errors(calls: Calls, signature: str, words: str) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        regress(calls, signature, [example(), example()])
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert words in raised.value.details()


@pytest.mark.parametrize("call", [classify, regress])
def test_no_examples_and_no_model(calls: Calls, call: Any) -> None:
    signature = "scores" if call is classify else "regress"
    with pytest.raises(grpc.RpcError, match="Input is empty"):
        call(calls, signature, [])
    with pytest.raises(grpc.RpcError) as raised:
        call(calls, signature, [example()], model="none")
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


def test_examples_that_cannot_be_parsed(calls: Calls) -> None:
    wrong = messages.Example()
    wrong.features.feature["a"].bytes_list.value.append(b"no number")
    with pytest.raises(grpc.RpcError) as raised:
        classify(calls, "", [wrong])
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "Data types don't match" in raised.value.details()
