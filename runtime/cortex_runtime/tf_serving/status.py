"""What a model server says about a model: whether it can answer, and its signatures."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from cortex_runtime.errors import ModelServerError
from cortex_runtime.tf_serving import messages, signature
from cortex_runtime.tf_serving.channel import Channel
from cortex_runtime.tf_serving.signature import Signature

AVAILABLE = "AVAILABLE"
UNREACHABLE = "UNREACHABLE"


@dataclass(frozen=True, slots=True)
class ModelState:
    """The state of a model.

    Attributes:
        state: ``START``, ``LOADING``, ``AVAILABLE``, ``UNLOADING`` or ``END`` as the server says;
            ``NOT_FOUND`` when it does not (yet) know the model; ``UNREACHABLE`` when there is no answer.
        version: the version that is meant, when there is one.
        message: the reason in the server's or the connection's words; empty when all is well.
    """

    state: str
    version: int | None = None
    message: str = ""

    @property
    def available(self) -> bool:
        """Whether the model can answer."""
        return self.state == AVAILABLE

    def __str__(self) -> str:
        return f"{self.state}: {self.message}" if self.message else self.state


def model_state(channel: Channel, model_name: str = "model", timeout_s: float = 5.0) -> ModelState:
    """Ask for the state of a model. Never raises: a server that does not answer is a state too.

    With several versions, it is that of the highest version that is available, else of the highest.
    """
    request = messages.GetModelStatusRequest()
    request.model_spec.name = model_name
    try:
        answer = channel.call(messages.GET_MODEL_STATUS, request.SerializeToString(), timeout_s=timeout_s)
        versions = messages.GetModelStatusResponse.FromString(answer).model_version_status
    except ModelServerError as error:
        return ModelState("NOT_FOUND" if error.code == "NOT_FOUND" else UNREACHABLE, message=str(error))
    except DecodeError:
        return ModelState(UNREACHABLE, message="the answer is not one of TensorFlow Serving")
    if not versions:
        return ModelState("NOT_FOUND", message="the server has no version of the model")
    available = messages.ModelVersionStatus.AVAILABLE
    chosen = max(versions, key=lambda version: (version.state == available, version.version))
    return ModelState(
        state=messages.ModelVersionStatus.State.Name(chosen.state),
        version=chosen.version,
        message=chosen.status.error_message,
    )


def read_signatures(channel: Channel, model_name: str = "model", timeout_s: float = 10.0) -> dict[str, Signature]:
    """Ask for the signatures of a model that is available.

    Raises:
        ModelServerError: the server cannot be reached, does not know the model, or its answer cannot be read.
    """
    request = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = model_name
    answer = channel.call(messages.GET_MODEL_METADATA, request.SerializeToString(), timeout_s=timeout_s)
    signatures = messages.SignatureDefMap()
    try:
        metadata = messages.GetModelMetadataResponse.FromString(answer).metadata
        if not metadata["signature_def"].Unpack(signatures):
            raise ModelServerError("the model server sent no signatures", "INTERNAL")
    except DecodeError as error:
        raise ModelServerError("the model server's answer cannot be read", "INTERNAL") from error
    return signature.read(signatures.signature_def)
