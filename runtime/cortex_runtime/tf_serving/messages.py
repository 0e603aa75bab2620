"""The messages and methods of TensorFlow Serving's gRPC API, without TensorFlow.

The classes come from a private descriptor pool, filled from ``descriptors.binpb``. So nothing here clashes with a
TensorFlow that the predictor imports, whatever its version, and a worker saves the time and memory of importing one.
Classes of different pools do not mix: exchange messages with another pool as bytes (``SerializeToString``,
``FromString``).

``messages.pyi`` and ``descriptors.binpb`` are written by ``scripts/generate_descriptors.py``; run it after adding a
class here. The messages are documented in TensorFlow's and TensorFlow Serving's ``.proto`` files.
"""

from __future__ import annotations

from pathlib import Path as _Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet as _FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool as _DescriptorPool
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper as _EnumTypeWrapper
from google.protobuf.message_factory import GetMessageClass as _GetMessageClass

# Full names of the gRPC methods.
PREDICT = "/tensorflow.serving.PredictionService/Predict"
CLASSIFY = "/tensorflow.serving.PredictionService/Classify"
REGRESS = "/tensorflow.serving.PredictionService/Regress"
GET_MODEL_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
GET_MODEL_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"


def _load_pool():
    pool = _DescriptorPool()
    for file in _FileDescriptorSet.FromString((_Path(__file__).parent / "descriptors.binpb").read_bytes()).file:
        pool.Add(file)
    return pool


_pool = _load_pool()


def _message(name):
    return _GetMessageClass(_pool.FindMessageTypeByName(name))


# Tensors
DataType = _EnumTypeWrapper(_pool.FindEnumTypeByName("tensorflow.DataType"))
TensorShapeProto = _message("tensorflow.TensorShapeProto")
TensorProto = _message("tensorflow.TensorProto")

# Examples, which Classify and Regress take
BytesList = _message("tensorflow.BytesList")
FloatList = _message("tensorflow.FloatList")
Int64List = _message("tensorflow.Int64List")
Feature = _message("tensorflow.Feature")
Features = _message("tensorflow.Features")
Example = _message("tensorflow.Example")
ExampleList = _message("tensorflow.serving.ExampleList")
ExampleListWithContext = _message("tensorflow.serving.ExampleListWithContext")
Input = _message("tensorflow.serving.Input")

# Models
TensorInfo = _message("tensorflow.TensorInfo")
SignatureDef = _message("tensorflow.SignatureDef")
MetaInfoDef = _message("tensorflow.MetaGraphDef.MetaInfoDef")
MetaGraphDef = _message("tensorflow.MetaGraphDef")
SavedModel = _message("tensorflow.SavedModel")

# PredictionService
ModelSpec = _message("tensorflow.serving.ModelSpec")
PredictRequest = _message("tensorflow.serving.PredictRequest")
PredictResponse = _message("tensorflow.serving.PredictResponse")
Class = _message("tensorflow.serving.Class")
Classifications = _message("tensorflow.serving.Classifications")
ClassificationResult = _message("tensorflow.serving.ClassificationResult")
ClassificationRequest = _message("tensorflow.serving.ClassificationRequest")
ClassificationResponse = _message("tensorflow.serving.ClassificationResponse")
Regression = _message("tensorflow.serving.Regression")
RegressionResult = _message("tensorflow.serving.RegressionResult")
RegressionRequest = _message("tensorflow.serving.RegressionRequest")
RegressionResponse = _message("tensorflow.serving.RegressionResponse")
SignatureDefMap = _message("tensorflow.serving.SignatureDefMap")
GetModelMetadataRequest = _message("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _message("tensorflow.serving.GetModelMetadataResponse")

# ModelService
StatusProto = _message("tensorflow.serving.StatusProto")
ModelVersionStatus = _message("tensorflow.serving.ModelVersionStatus")
GetModelStatusRequest = _message("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _message("tensorflow.serving.GetModelStatusResponse")
