"""The stub of PredictionService that predictors written for Cortex may call with messages of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from cortex_runtime.tf_serving import messages

if TYPE_CHECKING:
    import grpc


class PredictionServiceStub:
    """Takes requests of any class of the service's request messages, be it from ``tensorflow_serving.apis`` or from
    ``messages``, and answers with the response class of the same origin. Methods are used as those of a stub that gRPC
    generates: ``stub.Predict(request, timeout=10.0)``; errors are ``grpc.RpcError``.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        self.Predict = Method(channel, messages.PREDICT, "PredictResponse")
        self.Classify = Method(channel, messages.CLASSIFY, "ClassificationResponse")
        self.Regress = Method(channel, messages.REGRESS, "RegressionResponse")
        self.GetModelMetadata = Method(channel, messages.GET_MODEL_METADATA, "GetModelMetadataResponse")


class Method:
    """One method, called with positional and keyword arguments as ``grpc.UnaryUnaryMultiCallable`` is."""

    def __init__(self, channel: grpc.Channel, path: str, response: str) -> None:
        self._channel = channel
        self._path = path
        self._response = f"tensorflow.serving.{response}"

    def __call__(self, request: Message, *args: Any, **kwargs: Any) -> Any:
        """Call and wait for the response."""
        return self._callable(type(request))(request, *args, **kwargs)

    def with_call(self, request: Message, *args: Any, **kwargs: Any) -> Any:
        """Call and wait for the response and the ``grpc.Call``."""
        return self._callable(type(request)).with_call(request, *args, **kwargs)

    def future(self, request: Message, *args: Any, **kwargs: Any) -> Any:
        """Call and return a future of the response."""
        return self._callable(type(request)).future(request, *args, **kwargs)

    def _callable(self, request_class: type[Message]) -> Any:
        pool: Any = request_class.DESCRIPTOR.file.pool
        response_class = GetMessageClass(pool.FindMessageTypeByName(self._response))
        return self._channel.unary_unary(
            self._path,
            request_serializer=request_class.SerializeToString,
            response_deserializer=response_class.FromString,
        )
