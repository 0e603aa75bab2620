"""The client and real models on the local model server."""

import pytest

from cortex_runtime.errors import ModelInputError, SignatureError
from cortex_runtime.tf_serving import dtypes
from tests.support.tensorflow_reference import sample

NUMBERS = {dtypes.name(number): number for number in dtypes.NUMPY}


@pytest.fixture
def connect(model_server, make_client):
    return lambda model, signature=None: make_client(model_server.address, model_name=model, signature_key=signature)


@pytest.mark.parametrize("dtype", list(NUMBERS))
def test_every_dtype_goes_through_a_model(connect, dtype):
    client = connect("echo", f"echo_{dtype}")
    assert client.input_signature == {"x": {"shape": None, "type": dtype}}
    array = sample(NUMBERS[dtype])
    found = client.predict_arrays({"x": array})["y"]
    assert found.dtype == array.dtype
    assert found.tolist() == array.tolist()
    flat = client.predict({"x": array.tolist()})["y"]
    if dtype == "string":
        assert flat == ["", "é", b"\xff\x00", "a", "bc", " "]
    else:
        plain = dtypes.WIDER.get(array.dtype, array.dtype)
        assert flat == array.astype(plain).ravel().tolist()
        assert {type(v) for v in flat} == {type(array.astype(plain).ravel().tolist()[0])}
    assert client.predict({"x": array[0, 0]})["y"] == flat[:1]
    assert client.predict({"x": array[:0]})["y"] == []


def test_shapes_that_the_graph_accepts(connect):
    assert connect("shapes", "vector").predict({"x": [1, 2]}) == {"twice": [2.0, 4.0]}
    assert connect("shapes", "vector").predict({"x": 1}) == {"twice": [2.0]}
    assert connect("shapes", "column").predict({"x": [1, 2]}) == {"twice": [2.0, 4.0]}
    assert connect("shapes", "positive").predict({"x": [-1]}) == {"y": []}
    found = connect("shapes", "serving_default").predict({"x": [[1, 2], [3, 4]]})
    assert found == {"batch": [2], "sum": [10.0], "y": [3.0] * 3 + [7.0] * 3}


def test_a_shape_that_the_graph_does_not_accept(connect):
    with pytest.raises(ModelInputError) as caught:
        connect("shapes", "serving_default").predict({"x": [[1, 2, 3]]})
    assert caught.value.details() == {"input": "x", "dtype": "float32", "shape": [-1, 2]}
    assert "was given (1, 3)" in str(caught.value)


def test_text(connect):
    found = connect("strings", "serving_default").predict({"text": ["GRÜN blau", "x"]})
    assert found["lower"] == ["grün blau", "x"]
    assert found["words"] == ["GRÜN", "blau", "x"]
    assert found["all"] == ["GRÜN blau x"]
    assert connect("strings", "decode").predict({"base64": ["_wA"]}) == {"bytes": [b"\xff\x00"]}


def test_two_signatures_need_a_choice(connect):
    with pytest.raises(SignatureError, match="first, second"):
        connect("two-signatures")
    assert connect("two-signatures", "second").predict({"x": [1]}) == {"y": [3.0]}
