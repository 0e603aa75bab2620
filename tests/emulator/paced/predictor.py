"""The iris example with a pause, so that a replica is busy without work; it also says who answers."""

import socket
import time

LABELS = ["setosa", "versicolor", "virginica"]


class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        if config.get("broken"):
            raise ValueError("this release cannot start")
        self.client = tensorflow_client
        self.release = config["release"]
        self.pause_s = config["pause_s"]

    def predict(self, payload):
        time.sleep(self.pause_s)
        class_id = int(self.client.predict(payload)["class_ids"][0])
        return {"label": LABELS[class_id], "release": self.release, "replica": socket.gethostname()}
