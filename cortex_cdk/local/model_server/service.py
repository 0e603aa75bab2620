"""The gRPC services PredictionService and ModelService over a registry of models."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from cortex_cdk.local.model_server import examples
from cortex_cdk.local.model_server.errors import ServingError, invalid_argument, shortened
from cortex_cdk.local.model_server.predict import predict
from cortex_cdk.local.model_server.registry import Registry
from cortex_runtime.logs import Writer
from cortex_runtime.tf_serving import messages

SIGNATURE_DEF = "signature_def"  # the one metadata field there is

# A call holds its thread while the model computes, and status calls must not queue behind slow ones: replicas have at
# most 100 workers, so this is more than a machine that runs TensorFlow will see. Threads appear as they are needed.
_THREADS = 64 + 32 * (os.cpu_count() or 1)

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),  # with it, a second server would share the port in silence
]


class Service:
    """The calls, each from a request message to a response message; errors are ``ServingError``.

    Args:
        registry: the models.
        tensor_content: Predict answers with the tensors' bytes instead of typed fields.
    """

    def __init__(self, registry: Registry, *, tensor_content: bool = False) -> None:
        self._registry = registry
        self._tensor_content = tensor_content

    def predict(self, request: messages.PredictRequest) -> messages.PredictResponse:
        """PredictionService.Predict."""
        servable = self._registry.servable(request.model_spec)
        return predict(servable, request, tensor_content=self._tensor_content)

    def classify(self, request: messages.ClassificationRequest) -> messages.ClassificationResponse:
        """PredictionService.Classify."""
        return examples.classify(self._registry.servable(request.model_spec), request)

    def regress(self, request: messages.RegressionRequest) -> messages.RegressionResponse:
        """PredictionService.Regress."""
        return examples.regress(self._registry.servable(request.model_spec), request)

    def get_model_metadata(self, request: messages.GetModelMetadataRequest) -> messages.GetModelMetadataResponse:
        """PredictionService.GetModelMetadata: the signatures."""
        if not request.metadata_field:
            raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != SIGNATURE_DEF:
                raise invalid_argument(f"Metadata field {field} is not supported")
        servable = self._registry.servable(request.model_spec)
        signatures = messages.SignatureDefMap(signature_def=servable.signatures)
        response = messages.GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = servable.version
        response.metadata[SIGNATURE_DEF].Pack(signatures)
        return response

    def get_model_status(self, request: messages.GetModelStatusRequest) -> messages.GetModelStatusResponse:
        """ModelService.GetModelStatus: the state of the version that is or will be served."""
        status = self._registry.status(request.model_spec)
        response = messages.GetModelStatusResponse()
        entry = response.model_version_status.add(version=status.version or 0, state=status.state)
        entry.status.error_code = status.error.number if status.error else 0
        entry.status.error_message = str(status.error) if status.error else ""
        return response


def build_server(service: Service, log: Writer) -> grpc.Server:
    """A gRPC server for ``service``, without a port yet. Messages may have any size that protobuf allows (2 GiB)."""
    server = grpc.server(ThreadPoolExecutor(_THREADS, thread_name_prefix="rpc"), options=_OPTIONS)
    methods: list[tuple[str, Callable[[Any], Any], type[Any]]] = [
        (messages.PREDICT, service.predict, messages.PredictRequest),
        (messages.CLASSIFY, service.classify, messages.ClassificationRequest),
        (messages.REGRESS, service.regress, messages.RegressionRequest),
        (messages.GET_MODEL_METADATA, service.get_model_metadata, messages.GetModelMetadataRequest),
        (messages.GET_MODEL_STATUS, service.get_model_status, messages.GetModelStatusRequest),
    ]
    by_service: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {}
    for path, call, request in methods:
        _, service_name, method = path.split("/")
        by_service.setdefault(service_name, {})[method] = _handler(path, call, request, log)
    handlers = [grpc.method_handlers_generic_handler(name, handlers) for name, handlers in by_service.items()]
    server.add_generic_rpc_handlers(tuple(handlers))
    return server


def _handler(
    path: str, call: Callable[[Any], Any], request_class: type[Any], log: Writer
) -> grpc.RpcMethodHandler[Any, Any]:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            if not request.HasField("model_spec"):
                raise invalid_argument("Missing ModelSpec")
            return call(request)
        except ServingError as error:
            context.abort(error.code, error.details)
        except MemoryError:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "the model server has no memory left for this call")
        except Exception as error:
            log.write("error", "call failed", method=path, traceback=traceback.format_exc())
            summary = f"{type(error).__name__}: {error}; the model server's log has the traceback"
            context.abort(grpc.StatusCode.INTERNAL, shortened(summary))

    return grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=request_class.FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )
