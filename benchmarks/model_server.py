"""A model on a model server of its own, for the time of a benchmark: the iris example's unless told otherwise."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cortex_runtime.tf_serving.client import TensorFlowClient

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "iris-classifier"
MODEL_NAME = "iris"
SAMPLE = {"sepal_length": 5.2, "sepal_width": 3.6, "petal_length": 1.4, "petal_width": 0.3}
LABEL = "setosa"
"""What the predictor answers to ``SAMPLE``."""


@dataclass(frozen=True)
class ModelServer:
    """A model server that runs. ``address`` is for gRPC: ``unix:PATH``."""

    address: str
    pid: int


@contextlib.contextmanager
def model_server(name: str = MODEL_NAME, model: Path = EXAMPLE / "model") -> Iterator[ModelServer]:
    """Run a model server with one model; the block begins once that is available."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/model-server.sock"
        command = [sys.executable, "-m", "cortex_cdk.local.model_server", "--address", address]
        process = subprocess.Popen(
            [*command, "--model", f"{name}={model}", "--exit-with-parent"], stderr=subprocess.DEVNULL
        )
        try:
            TensorFlowClient(address, model_name=name, wait_timeout_s=120).close()
            yield ModelServer(address, process.pid)
        finally:
            process.terminate()
            process.wait(30)
