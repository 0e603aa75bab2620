"""The runtime that ``serve.py`` has MLServer serve, with the requests of the Open Inference Protocol."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from predictors import FEATURES, chosen


class Iris(MLModel):
    async def load(self) -> bool:
        self._function = chosen()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        flower = NumpyCodec.decode_input(payload.inputs[0])[0]
        label = self._function(dict(zip(FEATURES, flower.tolist(), strict=True)))
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("label", [label])])
