"""A gRPC server that answers as TensorFlow Serving does, with whatever a test wants it to answer.

It speaks over real sockets, with the runtime's own messages. Run as a program, it is a process that can be killed:

    python -m tests.support.scripted_model_server ADDRESS SECONDS_PER_PREDICTION

and it prints a line whenever a prediction begins.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, MutableSequence
from concurrent.futures import ThreadPoolExecutor

import grpc

from cortex_runtime.tf_serving import messages

AVAILABLE = messages.ModelVersionStatus.AVAILABLE
Predict = Callable[[messages.PredictRequest, grpc.ServicerContext], messages.PredictResponse | bytes]


def signature_def(inputs, outputs, defaults=()) -> messages.SignatureDef:
    """A signature from ``{name: (dtype number, shape or None)}`` for its inputs and outputs."""
    signature = messages.SignatureDef(method_name="tensorflow/serving/predict")
    for infos, tensors in ((signature.inputs, inputs), (signature.outputs, outputs)):
        for name, (dtype, shape) in tensors.items():
            infos[name].dtype = dtype
            infos[name].name = f"{name}:0"
            if shape is None:
                infos[name].tensor_shape.unknown_rank = True
            for size in shape or ():
                infos[name].tensor_shape.dim.add(size=size)
    for name in defaults:
        signature.defaults[name].SetInParent()
    return signature


def echo(request: messages.PredictRequest, context: grpc.ServicerContext) -> messages.PredictResponse:
    """Answer with the inputs."""
    return messages.PredictResponse(model_spec=request.model_spec, outputs=request.inputs)


class ScriptedModelServer:
    """A model server with one model.

    Attributes:
        address: where it listens.
        state: the model's state, or None for a server that does not know it.
        error: the message that goes with the state.
        signatures: what GetModelMetadata answers.
        predict: what Predict answers; bytes are sent as they are. While the state is not AVAILABLE, it is NOT_FOUND.
        requests: the requests of Predict so far.
    """

    def __init__(
        self, address: str, signatures: dict[str, messages.SignatureDef], *, model_name: str = "model"
    ) -> None:
        self.address = address
        self.signatures = signatures
        self.model_name = model_name
        self.state: int | None = AVAILABLE
        self.error = ""
        self.predict: Predict = echo
        self.requests: MutableSequence[messages.PredictRequest] = []
        self._server: grpc.Server | None = None

    def start(self) -> "ScriptedModelServer":
        methods = {
            messages.PREDICT: self._predict,
            messages.GET_MODEL_METADATA: self._metadata,
            messages.GET_MODEL_STATUS: self._status,
        }
        self._server = grpc.server(
            ThreadPoolExecutor(16),
            options=[
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
        )
        for path, method in methods.items():
            _, service, name = path.split("/")
            handler = grpc.unary_unary_rpc_method_handler(method)
            self._server.add_registered_method_handlers(service, {name: handler})
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: handler}),))
        port = self._server.add_insecure_port(self.address)
        if self.address.endswith(":0"):
            self.address = self.address.removesuffix("0") + str(port)
        self._server.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection at once."""
        if self._server:
            self._server.stop(grace=None).wait()
            self._server = None

    def _predict(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        request = messages.PredictRequest.FromString(data)
        self.requests.append(request)
        if self.state != AVAILABLE or request.model_spec.name != self.model_name:
            context.abort(
                grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Latest({request.model_spec.name})"
            )
        answer = self.predict(request, context)
        return answer if isinstance(answer, bytes) else answer.SerializeToString()

    def _metadata(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        request = messages.GetModelMetadataRequest.FromString(data)
        if self.state != AVAILABLE or request.model_spec.name != self.model_name:
            context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found for request")
        assert list(request.metadata_field) == ["signature_def"]
        response = messages.GetModelMetadataResponse(model_spec=request.model_spec)
        response.metadata["signature_def"].Pack(messages.SignatureDefMap(signature_def=self.signatures))
        return response.SerializeToString()

    def _status(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        request = messages.GetModelStatusRequest.FromString(data)
        if self.state is None or request.model_spec.name != self.model_name:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {request.model_spec.name}")
        response = messages.GetModelStatusResponse()
        status = response.model_version_status.add(version=1, state=self.state)
        status.status.error_message = self.error
        return response.SerializeToString()


def main(address: str, seconds: float) -> None:
    def slow(request: messages.PredictRequest, context: grpc.ServicerContext) -> messages.PredictResponse:
        print("predicting", flush=True)
        time.sleep(seconds)
        return echo(request, context)

    server = ScriptedModelServer(address, {"predict": signature_def({"x": (1, (-1,))}, {"x": (1, (-1,))})})
    server.predict = slow
    server.requests = deque(maxlen=0)  # it may run for long
    server.start()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
