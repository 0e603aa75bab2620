"""Predict and GetModelMetadata over a real socket: every dtype and shape, and the codes and words of errors."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
import pytest

from cortex_runtime.tf_serving import dtypes, messages, tensors
from tests.support.model_server import Calls, tensor
from tests.support.sample_models import DTYPES

NUMBERS = {dtypes.name(number): number for number in dtypes.NUMPY}


def values(dtype: str) -> list[Any]:
    """Three values of a dtype, its extremes among them."""
    number = NUMBERS[dtype]
    if dtype == "string":
        return [b"", b"caf\xc3\xa9", b"\x00\xff"]
    plain = dtypes.NUMPY[number]
    if dtype == "bool":
        return [True, False, True]
    if dtype.startswith("complex"):
        return [1.5 - 2j, 0, -3j]
    if np.issubdtype(plain, np.integer):
        limits = np.iinfo(plain)
        return [limits.min, 1, limits.max]
    if "int" in dtype:  # the ones that only ml_dtypes has
        bits = int(dtype[-1])
        return [0, 1, 2**bits - 1] if dtype.startswith("u") else [-(2 ** (bits - 1)), 0, 2 ** (bits - 1) - 1]
    return [1.5, -2.0, 0.5]


def refused(code: grpc.StatusCode, words: str, call: Any, *arguments: Any, **options: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments, **options)
    assert (raised.value.code(), words in raised.value.details()) == (code, True), raised.value.details()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3,), (3, 1), (), (0,), (0, 4), (1, 3, 1)], ids=str)
def test_every_dtype_and_shape_comes_back(calls: Calls, dtype: str, shape: tuple[int, ...]) -> None:
    number = NUMBERS[dtype]
    sent = np.array(values(dtype), dtypes.NUMPY[number])[: int(np.prod(shape))].reshape(shape)
    response = calls.predict("echo", {"x": tensors.to_tensor_proto(sent, number)}, f"echo_{dtype}")
    answer = response.outputs["y"]
    assert answer.dtype == number
    received = tensors.to_numpy(answer)
    assert received.shape == shape
    assert received.dtype == sent.dtype
    assert received.tolist() == sent.tolist()


@pytest.mark.parametrize(
    ("dtype", "field"),
    [
        ("float32", "float_val"),
        ("float64", "double_val"),
        ("int32", "int_val"),
        ("uint8", "int_val"),
        ("int64", "int64_val"),
        ("uint32", "uint32_val"),
        ("uint64", "uint64_val"),
        ("bool", "bool_val"),
        ("string", "string_val"),
    ],
)
def test_answers_are_in_typed_fields(calls: Calls, dtype: str, field: str) -> None:
    proto = tensors.to_tensor_proto(np.array(values(dtype), dtypes.NUMPY[NUMBERS[dtype]]), NUMBERS[dtype])
    answer = calls.predict("echo", {"x": proto}, f"echo_{dtype}").outputs["y"]
    assert list(getattr(answer, field)) == values(dtype)
    assert not answer.tensor_content


def test_inputs_in_typed_fields_are_read(calls: Calls) -> None:
    proto = messages.TensorProto(dtype=NUMBERS["float32"], float_val=[1.5])
    proto.tensor_shape.dim.add(size=3)  # the last value stands for the rest
    assert calls.arrays("echo", {"x": proto}, "echo_float32")["y"].tolist() == [1.5, 1.5, 1.5]


def test_the_answer_names_model_version_and_signature(calls: Calls) -> None:
    spec = calls.predict("shapes", {"x": [[1.0, 2.0]]}).model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("shapes", 1, "serving_default")
    assert calls.predict("two-signatures", {"x": [1.0]}, "second").model_spec.signature_name == "second"


def test_all_outputs_unless_some_are_chosen(calls: Calls) -> None:
    everything = calls.arrays("shapes", {"x": [[1.0, 2.0], [3.0, 4.0]]})
    assert everything["y"].tolist() == [[3.0] * 3, [7.0] * 3]
    assert everything["batch"].tolist() == 2
    assert everything["sum"].tolist() == 10.0
    chosen = calls.arrays("shapes", {"x": [[1.0, 2.0]]}, outputs=["sum"])
    assert {alias: array.tolist() for alias, array in chosen.items()} == {"sum": 3.0}


def test_more_choices_of_outputs_than_are_kept_compiled(calls: Calls) -> None:
    for number in range(70):
        text = {"text": np.array([b"Two Words", b"x"], object)}
        names = ["lower", "length", "words", "all"]
        chosen = [name for bit, name in enumerate(names) if (number % 15 + 1) >> bit & 1]
        chosen = chosen[number % len(chosen) :] + chosen[: number % len(chosen)]
        assert set(calls.arrays("strings", text, outputs=chosen)) == set(chosen)


def test_strings(calls: Calls) -> None:
    text = np.array(["GRÜSSE An", ""], object)
    answer = calls.arrays("strings", {"text": text})
    assert [value.decode() for value in answer["lower"]] == ["grüsse an", ""]
    assert answer["words"].tolist() == ["GRÜSSE".encode(), b"An"]
    assert answer["all"].tolist() == "GRÜSSE An ".encode()  # rank 0
    binary = calls.arrays("strings", {"base64": np.array([b"AP-_"], object)}, "decode")
    assert binary["bytes"].tolist() == [b"\x00\xff\xbf"]


def test_a_scalar_for_a_vector_is_the_graphs_affair(calls: Calls) -> None:
    assert calls.arrays("shapes", {"x": 4.0}, "vector")["twice"].tolist() == 8.0
    assert calls.arrays("shapes", {"x": [4.0]}, "column")["twice"].tolist() == [8.0]


def test_an_output_may_be_empty(calls: Calls) -> None:
    assert calls.arrays("shapes", {"x": [-1.0, -2.0]}, "positive")["y"].shape == (0,)


def test_messages_may_be_large(calls: Calls) -> None:
    rows = 8_000_000  # 64 MB there
    assert calls.arrays("shapes", {"x": np.ones((rows, 2), np.float32)}, outputs=["batch"])["batch"] == rows
    rows = 3_000_000  # 24 MB back
    assert len(
        calls.predict("shapes", {"x": np.ones((rows, 2), np.float32)}, outputs=["y"]).outputs["y"].float_val
    ) == (3 * rows)


def test_unknown_model(calls: Calls) -> None:
    refused(grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(none)", calls.predict, "none", {})


def test_a_model_that_failed_to_load_is_not_found(calls: Calls) -> None:
    refused(grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(corrupt)", calls.predict, "corrupt", {})


def test_a_request_needs_a_model_name(calls: Calls) -> None:
    refused(grpc.StatusCode.INVALID_ARGUMENT, "ModelSpec has no name specified.", calls.predict, "", {})
    empty = messages.PredictRequest()
    refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        "Missing ModelSpec",
        calls.call,
        messages.PREDICT,
        empty,
        messages.PredictResponse,
    )


def test_versions_are_honoured(calls: Calls) -> None:
    x = {"x": np.array([0])}
    assert calls.arrays("versions", x)["version"].tolist() == [10]  # 10 is higher than 9
    assert calls.arrays("versions", x, version=10)["version"].tolist() == [10]
    words = "Servable not found for request: Specific(versions, 9)"
    refused(grpc.StatusCode.NOT_FOUND, words, calls.predict, "versions", x, version=9)


def test_version_labels_do_not_exist(calls: Calls) -> None:
    request = messages.PredictRequest()
    request.model_spec.name = "versions"
    request.model_spec.version_label = "stable"
    words = "Unrecognized servable version label: stable"
    refused(grpc.StatusCode.INVALID_ARGUMENT, words, calls.call, messages.PREDICT, request, messages.PredictResponse)


def test_unknown_signature(calls: Calls) -> None:
    words = 'Serving signature key "third" not found.'
    refused(grpc.StatusCode.FAILED_PRECONDITION, words, calls.predict, "two-signatures", {"x": [1.0]}, "third")
    words = 'Serving signature key "serving_default" not found.'
    refused(grpc.StatusCode.FAILED_PRECONDITION, words, calls.predict, "two-signatures", {"x": [1.0]})


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"left": [1.0]}, "1!=2 len({left}) != len({left,right}). Sent extra: {}. Missing but required: {right}."),
        (
            {"left": [1.0], "right": [1.0], "up": [1.0]},
            "3!=2 len({left,right,up}) != len({left,right}). Sent extra: {up}. Missing but required: {}.",
        ),
        ({"left": [1.0], "up": [1.0]}, "Sent extra: {up}. Missing but required: {right}."),
        ({}, "Missing but required: {left,right}."),
        ({"left": np.array([1]), "right": [1.0]}, "Type mismatch: actual int64 vs. expect float"),
        ({"left": np.array([b"1"], object), "right": [1.0]}, "Type mismatch: actual string vs. expect float"),
        ({"left": [1.0, 2.0], "right": [1.0, 2.0, 3.0]}, "Incompatible shapes: [2] vs. [3]"),
    ],
)
def test_wrong_inputs(calls: Calls, inputs: dict[str, Any], words: str) -> None:
    refused(grpc.StatusCode.INVALID_ARGUMENT, words, calls.predict, "shapes", inputs, "add")


def test_wrong_ranks(calls: Calls) -> None:
    refused(
        grpc.StatusCode.INVALID_ARGUMENT, "ndims must be >= 2", calls.predict, "shapes", {"x": [1.0]}, outputs=["y"]
    )
    words = "Matrix size-incompatible: In[0]: [1,3], In[1]: [2,3]"
    refused(grpc.StatusCode.INVALID_ARGUMENT, words, calls.predict, "shapes", {"x": [[1.0, 2.0, 3.0]]})


def test_a_quantized_integer_is_not_a_plain_one(calls: Calls) -> None:
    words = "Type mismatch: actual int8 vs. expect qint8"
    refused(grpc.StatusCode.INVALID_ARGUMENT, words, calls.predict, "echo", {"x": np.ones(1, np.int8)}, "echo_qint8")


def test_malformed_tensors(calls: Calls) -> None:
    proto = tensor([1.0, 2.0])
    proto.tensor_content += b"\x00"
    refused(
        grpc.StatusCode.INVALID_ARGUMENT, "tensor parsing error: x", calls.predict, "echo", {"x": proto}, "echo_float32"
    )
    nothing = messages.TensorProto()
    refused(
        grpc.StatusCode.INVALID_ARGUMENT, "tensor parsing error: x", calls.predict, "echo", {"x": nothing}, "echo_int8"
    )


def test_unknown_and_repeated_outputs(calls: Calls) -> None:
    words = "output tensor alias not found in signature: z Outputs expected to be in the set {batch,sum,y}."
    refused(grpc.StatusCode.INVALID_ARGUMENT, words, calls.predict, "shapes", {"x": [[1.0, 2.0]]}, outputs=["y", "z"])
    words = "duplicate output tensor alias: y"
    refused(grpc.StatusCode.INVALID_ARGUMENT, words, calls.predict, "shapes", {"x": [[1.0, 2.0]]}, outputs=["y", "y"])


def test_a_message_too_long_for_a_header_is_cut(calls: Calls) -> None:
    words = "output tensor alias not found in signature: ää"
    name = "ä" * 50_000
    refused(grpc.StatusCode.INVALID_ARGUMENT, words, calls.predict, "shapes", {"x": [[1.0, 2.0]]}, outputs=[name])


def metadata(calls: Calls, model: str, fields: list[str]) -> messages.GetModelMetadataResponse:
    request = messages.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = model
    answer: messages.GetModelMetadataResponse = calls.call(
        messages.GET_MODEL_METADATA, request, messages.GetModelMetadataResponse
    )
    return answer


def test_metadata_has_the_signatures(calls: Calls) -> None:
    answer = metadata(calls, "iris-classifier", ["signature_def"])
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("iris-classifier", 1)
    signatures = messages.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    assert {"predict", "serving_default"} <= set(signatures.signature_def)
    predict = signatures.signature_def["predict"]
    assert predict.method_name == "tensorflow/serving/predict"
    measurements = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    shapes = {alias: [dim.size for dim in info.tensor_shape.dim] for alias, info in predict.inputs.items()}
    assert shapes == {name: [-1] for name in measurements}
    assert {info.dtype for info in predict.inputs.values()} == {NUMBERS["float32"]}
    assert predict.outputs["class_ids"].dtype == NUMBERS["int64"]
    assert [dim.size for dim in predict.outputs["class_ids"].tensor_shape.dim] == [-1, 1]


def test_metadata_errors(calls: Calls) -> None:
    refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        "GetModelMetadataRequest must specify at least one metadata_field",
        *(metadata, calls, "shapes", []),
    )
    words = "Metadata field signature is not supported"
    refused(grpc.StatusCode.INVALID_ARGUMENT, words, metadata, calls, "shapes", ["signature"])
    words = "Servable not found for request: Latest(none)"
    refused(grpc.StatusCode.NOT_FOUND, words, metadata, calls, "none", ["signature_def"])
