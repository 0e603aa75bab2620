"""A model on TensorFlow Serving, called with grpcio and, to save CPU, without TensorFlow's helpers."""

from collections.abc import Mapping

import grpc
from predictors import FEATURES, LABELS
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto
from tensorflow.core.framework.types_pb2 import DT_FLOAT, DT_INT64, DT_STRING
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

VALUES = {DT_FLOAT: "float_val", DT_INT64: "int64_val", DT_STRING: "string_val"}
ONE = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])


class Model:
    def __init__(self, address: str, name: str) -> None:
        self._stub = PredictionServiceStub(grpc.insecure_channel(address))
        self._name = name

    def predict(self, payload: Mapping[str, float]) -> str:
        request = PredictRequest()
        request.model_spec.name = self._name
        request.model_spec.signature_name = "predict"
        for name in FEATURES:
            request.inputs[name].CopyFrom(TensorProto(dtype=DT_FLOAT, tensor_shape=ONE, float_val=[payload[name]]))
        answer = self._stub.Predict(request, 60).outputs
        outputs = {name: list(getattr(tensor, VALUES[tensor.dtype])) for name, tensor in answer.items()}
        return LABELS[outputs["class_ids"][0]]
