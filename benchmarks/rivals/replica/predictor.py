"""The functions of ``common`` as a predictor."""

from predictors import chosen


class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self._function = chosen()

    def predict(self, payload):
        return self._function(payload)
