"""``client.stub`` serves predictors that bring messages of their own."""

from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

import cortex_runtime.tf_serving
from cortex_runtime.tf_serving import messages

DESCRIPTORS = Path(cortex_runtime.tf_serving.__file__).parent / "descriptors.binpb"


@pytest.fixture(scope="module")
def foreign():
    """Message classes of another pool, as those of ``tensorflow_serving.apis`` are."""
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file:
        pool.Add(file)
    return lambda name: GetMessageClass(pool.FindMessageTypeByName(f"tensorflow.serving.{name}"))


def fill(request):
    request.model_spec.name = "model"
    request.model_spec.signature_name = "predict"
    request.inputs["x"].dtype = 1
    request.inputs["x"].float_val.append(1.5)
    return request


def test_the_answer_is_of_the_requests_origin(make_server, make_client, foreign):
    stub = make_client(make_server()).stub
    for request_class, response_class in [
        (foreign("PredictRequest"), foreign("PredictResponse")),
        (messages.PredictRequest, messages.PredictResponse),
    ]:
        response = stub.Predict(fill(request_class()), timeout=10.0)
        assert type(response) is response_class
        assert response.outputs["x"].float_val == [1.5]
        assert stub.Predict(fill(request_class()), 10.0) == response
        assert stub.Predict.future(fill(request_class()), timeout=10.0).result() == response
        found, call = stub.Predict.with_call(fill(request_class()), timeout=10.0)
        assert found == response
        assert call.code() == grpc.StatusCode.OK


def test_the_name_that_models_had_in_cortex(make_server, make_client, foreign):
    server = make_server(model_name="my-api")
    stub = make_client(server, model_name="my-api").stub
    request = fill(foreign("PredictRequest")())
    assert stub.Predict(request, timeout=10.0).model_spec.name == "my-api"
    assert request.model_spec.name == "model"  # the caller's own message is left alone


def test_the_signatures(make_server, make_client, foreign):
    request = foreign("GetModelMetadataRequest")(metadata_field=["signature_def"])
    request.model_spec.name = "model"
    response = make_client(make_server()).stub.GetModelMetadata(request, timeout=10.0)
    assert type(response) is foreign("GetModelMetadataResponse")
    assert "signature_def" in response.metadata


@pytest.mark.parametrize(
    ("method", "request_name"), [("Classify", "ClassificationRequest"), ("Regress", "RegressionRequest")]
)
def test_errors_are_those_of_grpc(make_server, make_client, foreign, method, request_name):
    stub = make_client(make_server()).stub
    with pytest.raises(grpc.RpcError) as caught:
        getattr(stub, method)(foreign(request_name)(), timeout=10.0)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
