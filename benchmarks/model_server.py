"""The iris example's model on a model server of its own, for the time of a benchmark."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cortex_runtime.tf_serving.client import TensorFlowClient

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "iris-classifier"
MODEL_NAME = "iris"
SAMPLE = {"sepal_length": 5.2, "sepal_width": 3.6, "petal_length": 1.4, "petal_width": 0.3}


@contextlib.contextmanager
def model_server() -> Iterator[str]:
    """Run a model server; yields its address once the model is available."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"unix:{folder}/model-server.sock"
        command = [sys.executable, "-m", "cortex_cdk.local.model_server", "--address", address]
        process = subprocess.Popen(
            [*command, "--model", f"{MODEL_NAME}={EXAMPLE / 'model'}", "--exit-with-parent"], stderr=subprocess.DEVNULL
        )
        try:
            TensorFlowClient(address, model_name=MODEL_NAME, wait_timeout_s=120).close()
            yield address
        finally:
            process.terminate()
            process.wait(30)
