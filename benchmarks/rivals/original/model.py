"""Cortex's client of TensorFlow Serving, rebuilt: ``make_tensor_proto`` for each input, the answer by way of JSON.

Source: https://github.com/cortexlabs/cortex, ``pkg/workloads/cortex/lib/client/tensorflow.py``
"""

from collections.abc import Mapping
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf import json_format
from predictors import FEATURES, LABELS
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

VALUES = {"DT_FLOAT": "floatVal", "DT_INT64": "int64Val", "DT_STRING": "stringVal"}


class Model:
    def __init__(self, address: str, name: str) -> None:
        self._stub = PredictionServiceStub(grpc.insecure_channel(address))
        self._name = name

    def predict(self, payload: Mapping[str, float]) -> str:
        request = PredictRequest()
        request.model_spec.name = self._name
        request.model_spec.signature_name = "predict"
        for name in FEATURES:
            request.inputs[name].CopyFrom(tf.compat.v1.make_tensor_proto([payload[name]], dtype=tf.float32, shape=[1]))
        answer: dict[str, Any] = json_format.MessageToDict(self._stub.Predict(request, 60))
        outputs = {name: tensor[VALUES[tensor["dtype"]]] for name, tensor in answer["outputs"].items()}
        return LABELS[int(outputs["class_ids"][0])]
