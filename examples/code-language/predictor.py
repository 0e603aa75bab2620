import json
from pathlib import Path


class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.client = tensorflow_client
        self.top = config.get("top", 3)
        # The model's classes are file extensions.
        extensions = json.loads(Path("languages.json").read_text())
        self.languages = {extension: language for language, extension in extensions.items()}

    def predict(self, payload):
        prediction = self.client.predict({"content": [payload["text"]]})
        scores = dict(zip(prediction["all_classes"], prediction["probabilities"], strict=True))
        ranked = sorted(scores, key=scores.get, reverse=True)
        top = [{"language": self.languages[name], "probability": scores[name]} for name in ranked[: self.top]]
        return {**top[0], "top": top}
