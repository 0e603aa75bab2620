"""The predictor's client against a server on real sockets."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest

from cortex_runtime.errors import ModelInputError, ModelServerError, SignatureError
from cortex_runtime.tf_serving import dtypes, messages, tensors
from tests.support.scripted_model_server import AVAILABLE, signature_def

ROOT = Path(__file__).parents[2]
LOADING = messages.ModelVersionStatus.LOADING
END = messages.ModelVersionStatus.END
FLOAT, INT32, STRING, INT64, BOOL = 1, 3, 7, 9, 10


def answer_with(**arrays):
    """A Predict method that answers with ``name=(array, dtype)``."""

    def predict(request, context):
        response = messages.PredictResponse()
        for name, (array, dtype) in arrays.items():
            tensors.write(array, dtype, response.outputs[name])
        return response

    return predict


def refuse_with(code, words):
    def predict(request, context):
        context.abort(code, words)

    return predict


# Predictions


def test_a_prediction_over_tcp_and_unix_sockets(make_server, make_client, address):
    server = make_server({"a": (FLOAT, (-1, 2)), "b": (STRING, (-1,))}, address=address)
    client = make_client(server)
    assert client.predict({"a": [[1, 2], [3, 4.5]], "b": ["x", "é"]}) == {"a": [1.0, 2.0, 3.0, 4.5], "b": ["x", "é"]}
    (request,) = server.requests
    assert request.model_spec.name == "model"
    assert request.model_spec.signature_name == "predict"
    assert request.inputs["a"].tensor_shape.dim[1].size == 2
    assert request.inputs["a"].tensor_content


def test_what_the_signature_says(make_server, make_client):
    server = make_server({"a": (FLOAT, (-1, 2)), "b": (STRING, None)})
    client = make_client(server)
    assert client.signature_key == "predict"
    assert client.input_signature == {
        "a": {"shape": [-1, 2], "type": "float32"},
        "b": {"shape": None, "type": "string"},
    }
    assert client.output_signature == client.input_signature


def test_outputs_are_flat_lists_of_python_values(make_server, make_client):
    server = make_server()
    server.predict = answer_with(
        class_ids=(np.array([[2], [3]]), INT64),
        probabilities=(np.array([[0.25, 0.5]], np.float32), FLOAT),
        scalar=(np.array(7, np.int32), INT32),
        flag=(np.array([True]), BOOL),
        text=(np.array([["a", "é"]], object), STRING),
        blob=(np.array([b"\xff\x00", b"ok"], object), STRING),
        half=(np.array([1.5], np.float16), 19),
        bfloat=(np.array([1.5]).astype(dtypes.NUMPY[14]), 14),
        tiny=(np.array([-3]).astype(dtypes.NUMPY[29]), 29),
        wave=(np.array([1 + 2j], np.complex64), 8),
        unsigned=(np.array([2**64 - 1], np.uint64), 23),
        empty=(np.empty((0, 3), np.float32), FLOAT),
        no_text=(np.empty(0, object), STRING),
    )
    found = make_client(server).predict({"x": [1.0]})
    assert found == {
        "class_ids": [2, 3],
        "probabilities": [0.25, 0.5],
        "scalar": [7],
        "flag": [True],
        "text": ["a", "é"],
        "blob": [b"\xff\x00", "ok"],
        "half": [1.5],
        "bfloat": [1.5],
        "tiny": [-3],
        "wave": [1 + 2j],
        "unsigned": [2**64 - 1],
        "empty": [],
        "no_text": [],
    }
    types = {name: type(values[0]) for name, values in found.items() if values}
    assert types == {
        "class_ids": int, "probabilities": float, "scalar": int, "flag": bool, "text": str, "blob": bytes,
        "half": float, "bfloat": float, "tiny": int, "wave": complex, "unsigned": int,
    }  # fmt: skip


def test_arrays_keep_their_shapes_and_are_views_of_the_message(make_server, make_client):
    server = make_server({"x": (FLOAT, None), "s": (STRING, None)})
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    found = make_client(server).predict_arrays({"x": image, "s": [["a", "b"]]})
    assert found["x"].dtype == np.float32
    np.testing.assert_array_equal(found["x"], image)
    assert not found["x"].flags.owndata
    assert not found["x"].flags.writeable
    assert found["s"].tolist() == [[b"a", b"b"]]


def test_shapes_are_the_models_affair(make_server, make_client):
    server = make_server({"x": (FLOAT, (-1,)), "column": (FLOAT, (-1, 1))})
    make_client(server).predict({"x": 1.0, "column": [1.0, 2.0]})
    (request,) = server.requests
    assert not request.inputs["x"].tensor_shape.dim
    assert [dimension.size for dimension in request.inputs["column"].tensor_shape.dim] == [2]


def test_messages_larger_than_any_default_pass_both_ways(make_server, make_client):
    server = make_server({"x": (FLOAT, None)})
    large = np.arange(30_000_000, dtype=np.float32)  # 120 MB; gRPC's default limit is 4 MB
    found = make_client(server).predict_arrays({"x": large})
    np.testing.assert_array_equal(found["x"], large)


def test_threads_share_a_client(make_server, make_client):
    server = make_server({"x": (INT64, (-1,))})
    client = make_client(server)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda i: client.predict({"x": [i]})["x"], range(200)))
    assert found == [[i] for i in range(200)]


def test_an_input_with_a_default_may_be_left_out(make_server, make_client):
    inputs = {"x": (FLOAT, (-1,)), "temperature": (FLOAT, ())}
    server = make_server(signatures={"predict": signature_def(inputs, inputs, defaults=["temperature"])})
    client = make_client(server)
    assert client.predict({"x": [1]}) == {"x": [1.0]}
    assert client.predict({"x": [1], "temperature": 2}) == {"x": [1.0], "temperature": [2.0]}


# Signatures


def test_the_signature_is_chosen_and_sent(make_server, make_client):
    x = {"x": (FLOAT, (-1,))}
    server = make_server(signatures={"a": signature_def(x, x), "b": signature_def({"y": (FLOAT, ())}, {})})
    with pytest.raises(SignatureError, match="set signature_key to one of them: a, b"):
        make_client(server)
    with pytest.raises(SignatureError, match="signature_key is 'c', but the model's signatures are: a, b"):
        make_client(server, signature_key="c")
    client = make_client(server, signature_key="a")
    assert client.predict({"x": [1]}) == {"x": [1.0]}
    assert server.requests[0].model_spec.signature_name == "a"


def test_another_model_name(make_server, make_client):
    server = make_server(model_name="iris")
    assert make_client(server, model_name="iris").predict({"x": [1]}) == {"x": [1.0]}


# Inputs that do not fit


@pytest.mark.parametrize(
    ("model_input", "words", "details"),
    [
        (
            [1, 2],
            'must be a dict with a value for each of "n" (int32, shape (-1,)), "x" (float32, shape (-1, 4)), found',
            {},
        ),
        (None, "found NoneType: None", {}),
        ("x", "found str: 'x'", {}),
        (
            {"n": [1]},
            "lacks \"x\" (float32, shape (-1, 4)); found ['n']",
            {"input": "x", "dtype": "float32", "shape": [-1, 4]},
        ),
        ({}, 'lacks "n" (int32, shape (-1,)), "x"', {"input": "n", "dtype": "int32", "shape": [-1]}),
        ({"n": 1, "x": 1, "z": 1}, "has ['z'], which the signature 'predict' does not have; its inputs are \"n\"", {}),
        ({"n": [2**31], "x": 1}, "2147483648 at [0] is out of range", {"input": "n", "dtype": "int32", "shape": [-1]}),
        ({"n": 1, "x": None}, "found None", {"input": "x", "dtype": "float32", "shape": [-1, 4]}),
    ],
)
def test_an_input_that_does_not_fit_is_not_sent(make_server, make_client, model_input, words, details):
    server = make_server({"x": (FLOAT, (-1, 4)), "n": (INT32, (-1,))})
    with pytest.raises(ModelInputError) as caught:
        make_client(server).predict(model_input)
    assert words in str(caught.value)
    assert caught.value.details() == details
    assert not server.requests


def test_an_input_too_large_for_a_message(make_server, make_client):
    server = make_server({"x": (4, None)})
    with pytest.raises(ModelInputError, match="larger than 2 GiB"):
        make_client(server).predict({"x": np.broadcast_to(np.uint8(0), (2**31,))})


def test_the_model_refuses_its_only_input(make_server, make_client):
    server = make_server({"x": (FLOAT, (-1, 4))})
    server.predict = refuse_with(grpc.StatusCode.INVALID_ARGUMENT, "Matrix size-incompatible: In[0]: [1,3]")
    with pytest.raises(ModelInputError) as caught:
        make_client(server).predict({"x": [[1, 2, 3]]})
    assert "Matrix size-incompatible: In[0]: [1,3]" in str(caught.value)
    assert '"x" (float32, shape (-1, 4)) was given (1, 3)' in str(caught.value)
    assert caught.value.details() == {"input": "x", "dtype": "float32", "shape": [-1, 4]}


@pytest.mark.parametrize(
    ("words", "input_name"),
    [
        ("input size does not match for petal_length, expected 2", "petal_length"),
        ("something about petal_lengths", None),
        ("petal_length and petal_width do not match", None),
        ("some op failed", None),
    ],
)
def test_the_model_refuses_one_of_several_inputs(make_server, make_client, words, input_name):
    server = make_server({"petal_length": (FLOAT, (-1,)), "petal_width": (FLOAT, (-1,))})
    server.predict = refuse_with(grpc.StatusCode.INVALID_ARGUMENT, words)
    with pytest.raises(ModelInputError) as caught:
        make_client(server).predict({"petal_length": [1], "petal_width": [1, 2]})
    assert caught.value.input_name == input_name
    assert '"petal_length" (float32, shape (-1,)) was given (1,)' in str(caught.value)
    assert '"petal_width" (float32, shape (-1,)) was given (2,)' in str(caught.value)


# A server that fails


@pytest.mark.parametrize(
    ("code", "words"),
    [(grpc.StatusCode.INTERNAL, "out of memory"), (grpc.StatusCode.RESOURCE_EXHAUSTED, "the queue is full")],
)
def test_errors_of_the_server_keep_code_and_words(make_server, make_client, code, words):
    server = make_server()
    server.predict = refuse_with(code, words)
    with pytest.raises(ModelServerError, match=words) as caught:
        make_client(server).predict({"x": [1]})
    assert caught.value.code == code.name
    assert server.address in str(caught.value)


def test_a_call_has_a_deadline(make_server, make_client):
    server = make_server()
    over = threading.Event()
    server.predict = lambda request, context: over.wait(60) and messages.PredictResponse()
    client = make_client(server, timeout_s=0.3)
    try:
        with pytest.raises(ModelServerError, match=r"no answer within 0\.3 s") as caught:
            client.predict({"x": [1]})
    finally:
        over.set()
    assert caught.value.code == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize(
    "answer",
    [
        b"\xff\xff garbage",
        messages.PredictResponse(outputs={"x": messages.TensorProto(dtype=20)}).SerializeToString(),
    ],
    ids=["no message", "no array"],
)
def test_an_answer_that_cannot_be_read(make_server, make_client, answer):
    server = make_server()
    server.predict = lambda request, context: answer
    with pytest.raises(ModelServerError, match="cannot be read") as caught:
        make_client(server).predict({"x": [1]})
    assert caught.value.code == "INTERNAL"


def test_a_closed_client(make_server, make_client):
    client = make_client(make_server())
    client.close()
    with pytest.raises(ModelServerError) as caught:
        client.predict({"x": [1]})
    assert caught.value.code == "CANCELLED"


# A server that restarts


def test_calls_wait_for_a_server_that_restarts(make_server, make_client, address):
    server = make_server(address=address)
    client = make_client(server)
    client.predict({"x": [1]})
    server.stop()
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(client.predict, {"x": [i]}) for i in range(4)]
        time.sleep(0.5)
        assert not any(call.done() for call in calls)
        server.start()
        assert [call.result() for call in calls] == [{"x": [float(i)]} for i in range(4)]
    assert client.predict({"x": [5]}) == {"x": [5.0]}


def test_calls_wait_for_a_model_that_loads_again(make_server, make_client):
    server = make_server()
    client = make_client(server)
    server.state = LOADING
    with ThreadPoolExecutor() as threads:
        call = threads.submit(client.predict, {"x": [1]})
        deadline = time.monotonic() + 30
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not call.done()
        server.state = AVAILABLE
        assert call.result() == {"x": [1.0]}
    assert len(server.requests) == 2


def test_waiting_for_the_model_ends_with_the_deadline(make_server, make_client):
    server = make_server()
    client = make_client(server, timeout_s=0.5)
    server.state = LOADING
    with pytest.raises(ModelServerError, match="the model is not available: LOADING") as caught:
        client.predict({"x": [1]})
    assert caught.value.code == "DEADLINE_EXCEEDED"


def test_a_model_that_cannot_be_loaded_again_fails_at_once(make_server, make_client):
    server = make_server()
    client = make_client(server, timeout_s=300)
    server.state, server.error = END, "the file is damaged"
    with pytest.raises(ModelServerError, match="the file is damaged") as caught:
        client.predict({"x": [1]})
    assert caught.value.code == "UNAVAILABLE"


def test_not_found_by_a_model_that_is_available_is_asked_once_more_only(make_server, make_client):
    server = make_server()
    server.predict = refuse_with(grpc.StatusCode.NOT_FOUND, "Resource localhost/table does not exist")
    with pytest.raises(ModelServerError, match="Resource localhost/table") as caught:
        make_client(server).predict({"x": [1]})
    assert caught.value.code == "NOT_FOUND"
    assert len(server.requests) == 2


def test_a_server_that_stays_away(make_server, make_client):
    server = make_server()
    client = make_client(server, timeout_s=0.5)
    server.stop()
    with pytest.raises(ModelServerError, match=r"no answer within 0\.5 s") as caught:
        client.predict({"x": [1]})
    assert caught.value.code == "DEADLINE_EXCEEDED"


def test_only_the_running_call_is_lost_when_the_server_is_killed(make_client, tmp_path):
    address = f"unix:{tmp_path}/model.sock"

    def start(seconds):
        command = [sys.executable, "-m", "tests.support.scripted_model_server", address, str(seconds)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)

    slow = start(600)
    try:
        client = make_client(address, timeout_s=120, wait_timeout_s=120)
        with ThreadPoolExecutor() as threads:
            call = threads.submit(client.predict, {"x": [1]})
            assert slow.stdout.readline() == b"predicting\n"
            slow.kill()
            with pytest.raises(ModelServerError) as caught:
                call.result()
        assert caught.value.code == "UNAVAILABLE"
        slow.wait()  # until then, it may still take connections
        with ThreadPoolExecutor() as threads:
            call = threads.submit(client.predict, {"x": [2]})
            quick = start(0)
            try:
                assert call.result() == {"x": [2.0]}
            finally:
                quick.kill()
                quick.communicate()
    finally:
        slow.kill()
        slow.communicate()


def test_an_output_that_is_not_there_is_an_error_with_those_that_are(make_server, make_client):
    client = make_client(make_server({"x": (1, (-1,)), "y": (9, None)}))
    for predict in (client.predict, client.predict_arrays):
        outputs = predict({"x": [1.5], "y": [2]})
        assert list(outputs) == ["x", "y"]
        with pytest.raises(
            KeyError, match=r'the model has no output "price"; its outputs are "x" \(float32.*"y" \(int64'
        ):
            outputs["price"]
        assert outputs.get("price") is None
