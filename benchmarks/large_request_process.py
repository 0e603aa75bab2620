"""The processes of ``large_request``: for each line of input, time ``CALLS`` requests and print the medians."""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

MODEL, INPUT, SHAPE = "picture", "image", (1, 224, 224, 3)
CALLS = 21
"""In each round."""


class Times(Struct):
    """Medians in milliseconds, of the whole and of its parts; a digest of the tensor's bytes."""

    whole_ms: float
    loads_ms: float
    cast_ms: float
    encode_ms: float
    digest: str


Step = Callable[[Any], Any]


def ours(address: str) -> tuple[Step, Step, Step]:
    """What a worker does with a payload that its predictor passes on."""
    from cortex_runtime.serialization import loads
    from cortex_runtime.tf_serving.client import TensorFlowClient
    from cortex_runtime.worker import quiet_garbage_collector

    import_module("tensorflow")  # as many predictors do, after the worker has imported its client
    client = TensorFlowClient(address, model_name=MODEL)
    quiet_garbage_collector()
    return loads, client._cast, client._encode


def naive(address: str) -> tuple[Step, Step, Step]:
    """What TensorFlow's own documentation leads to."""
    import tensorflow as tf
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    def encode(payload: dict[str, Any]) -> bytes:
        request = PredictRequest()
        request.model_spec.name = MODEL
        request.model_spec.signature_name = "serving_default"
        request.inputs[INPUT].CopyFrom(tf.make_tensor_proto(payload[INPUT], dtype=tf.float32))
        serialized: bytes = request.SerializeToString()
        return serialized

    return json.loads, lambda payload: payload, encode


def measure(steps: tuple[Step, Step, Step], body: bytes) -> Times:
    """Time the steps, one after the other, ``CALLS`` times; the last result is digested."""
    times = []
    for _ in range(CALLS):
        value: Any = body
        clock = [time.perf_counter()]
        for step in steps:
            value = step(value)
            clock.append(time.perf_counter())
        times.append([1000 * (b - a) for a, b in pairwise(clock)])
    whole = statistics.median(map(sum, times))
    return Times(whole, *(statistics.median(part) for part in zip(*times, strict=True)), digest=_digest(value))


def _digest(request: bytes) -> str:
    from cortex_runtime.tf_serving.messages import PredictRequest

    return hashlib.sha256(PredictRequest.FromString(request).inputs[INPUT].tensor_content).hexdigest()


def export(folder: str) -> None:
    """Write a model that takes the picture and answers its mean."""
    import tensorflow as tf

    module = tf.Module()
    module.mean = tf.function(
        lambda image: {"mean": tf.reduce_mean(image, axis=[1, 2, 3])},
        input_signature=[tf.TensorSpec((None, *SHAPE[1:]), tf.float32, INPUT)],
    )
    tf.saved_model.save(module, folder, signatures={"serving_default": module.mean})


def main(arguments: list[str]) -> None:
    """``export FOLDER``, or ``ours|naive BODY ADDRESS`` of a model server."""
    if arguments[0] == "export":
        export(arguments[1])
        return
    way, file, address = arguments
    body = Path(file).read_bytes()
    steps = (ours if way == "ours" else naive)(address)
    for _ in sys.stdin:
        sys.stdout.write(msgspec.json.encode(measure(steps, body)).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
