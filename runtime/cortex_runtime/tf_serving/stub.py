"""The stub of PredictionService that predictors written for Cortex may call with messages of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from cortex_runtime.tf_serving import messages

if TYPE_CHECKING:
    import grpc

CORTEX_MODEL_NAME = "model"
"""What every model was called in Cortex; predictors written for it put the name into their requests."""

_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A model server that comes back is found within a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A peer that vanished without closing is noticed. Servers cut off clients that ping more often than every 5 min.
    ("grpc.keepalive_time_ms", 310_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # The model server is next door: a proxy in the environment is for the predictor's own requests.
    ("grpc.enable_http_proxy", 0),
    # Every channel has its own connection, so that close() ends it.
    ("grpc.use_local_subchannel_pool", 1),
]


class PredictionServiceStub:
    """Takes requests of any class of the service's request messages, be it from ``tensorflow_serving.apis`` or from
    ``messages``, and answers with the response class of the same origin. Methods are used as those of a stub that gRPC
    generates: ``stub.Predict(request, timeout=10.0)``; errors are ``grpc.RpcError``.

    Args:
        address: of the model server.
        model_name: the name of the API's model there. Requests for ``CORTEX_MODEL_NAME`` are sent for this one.
    """

    def __init__(self, address: str, model_name: str = CORTEX_MODEL_NAME) -> None:
        import grpc  # few predictors use the stub, and it takes time and memory

        self._channel = channel = grpc.insecure_channel(address, options=_OPTIONS)
        self.Predict = Method(channel, messages.PREDICT, "PredictResponse", model_name)
        self.Classify = Method(channel, messages.CLASSIFY, "ClassificationResponse", model_name)
        self.Regress = Method(channel, messages.REGRESS, "RegressionResponse", model_name)
        self.GetModelMetadata = Method(channel, messages.GET_MODEL_METADATA, "GetModelMetadataResponse", model_name)

    def close(self) -> None:
        """Hang up; calls that are running fail."""
        self._channel.close()


class Method:
    """One method, called with positional and keyword arguments as ``grpc.UnaryUnaryMultiCallable`` is."""

    def __init__(self, channel: grpc.Channel, path: str, response: str, model_name: str) -> None:
        self._model_name = model_name
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
            request_serializer=self._serialize,
            response_deserializer=response_class.FromString,
        )

    def _serialize(self, request: Any) -> bytes:
        if request.model_spec.name == CORTEX_MODEL_NAME != self._model_name:
            renamed = type(request)()
            renamed.CopyFrom(request)
            renamed.model_spec.name = self._model_name
            request = renamed
        serialized: bytes = request.SerializeToString()
        return serialized
