"""Which signature of a model is used, and what is known of its inputs."""

import pytest

from cortex_runtime.errors import SignatureError
from cortex_runtime.tf_serving import signature
from tests.support.scripted_model_server import signature_def


def signatures(*keys):
    return signature.read({key: signature_def({"x": (1, (-1,))}, {"y": (1, (-1,))}) for key in keys})


def test_the_only_one_is_chosen():
    assert signature.choose(signatures("serving_default")).key == "serving_default"


def test_of_several_predict_is_chosen():
    assert signature.choose(signatures("classify", "predict", "serving_default")).key == "predict"


def test_of_several_without_predict_one_must_be_configured():
    with pytest.raises(SignatureError, match="set signature_key to one of them: classify, serving_default"):
        signature.choose(signatures("serving_default", "classify"))


def test_the_configured_one_is_chosen():
    assert signature.choose(signatures("a", "predict"), "a").key == "a"


def test_a_configured_key_must_be_there():
    with pytest.raises(SignatureError, match="signature_key is 'b', but the model's signatures are: a, predict"):
        signature.choose(signatures("a", "predict"), "b")


def test_the_initialization_of_tensorflow_2_does_not_count():
    found = signatures("__saved_model_init_op", "serving_default")
    assert list(found) == ["serving_default"]
    assert signature.choose(found).key == "serving_default"
    with pytest.raises(SignatureError, match="the model's signatures are: serving_default"):
        signature.choose(found, "__saved_model_init_op")


@pytest.mark.parametrize("keys", [(), ("__saved_model_init_op",)])
def test_a_model_without_signatures(keys):
    with pytest.raises(SignatureError, match="the model has no signatures"):
        signature.choose(signatures(*keys))


def test_inputs_and_outputs():
    proto = signature_def(
        {"b": (7, ()), "a": (1, (-1, 4)), "any": (10, None), "variable": (101, (2,))},
        {"y": (9, (-1,))},
        defaults=["b"],
    )
    found = signature.read({"predict": proto})["predict"]
    assert found.method_name == "tensorflow/serving/predict"
    assert [(i.name, i.dtype_name, i.shape, i.optional) for i in found.inputs.values()] == [
        ("a", "float32", (-1, 4), False),
        ("any", "bool", None, False),
        ("b", "string", (), True),
        ("variable", "float32", (2,), False),
    ]
    assert list(found.outputs) == ["y"]
    assert str(found.inputs["a"]) == '"a" (float32, shape (-1, 4))'
    assert str(found.inputs["any"]) == '"any" (bool, any shape)'
