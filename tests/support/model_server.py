"""A model server as a process of its own, and plain gRPC calls to one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from cortex_runtime.tf_serving import messages, tensors

PROGRAM = "cortex_cdk.local.model_server"
DEADLINE_S = 120.0  # for starts on a busy machine; nothing waits that long when all is well
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class ModelServer:
    """A model server process. Its log goes to a file, so that it never blocks and can be read at any time.

    Args:
        arguments: of the program, without ``--address``.
        log: the file for its standard error.
        address: port 0 takes a free one at the first start; a restart takes the same again.
        program: the module to run.
    """

    def __init__(
        self, arguments: Sequence[str], log: Path, *, address: str = "127.0.0.1:0", program: str = PROGRAM
    ) -> None:
        self.arguments = list(arguments)
        self.address = address
        self._program = program
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> ModelServer:
        """Start it and wait until it listens; its models may still be loading."""
        known = len(self.records())
        command = [sys.executable, "-m", self._program, *self.arguments, "--address", self.address]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--log-format", "json", "--exit-with-parent", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + DEADLINE_S
        while not (found := [r for r in self.records()[known:] if r["message"] == "listening"]):
            assert self.process.poll() is None, f"the model server has ended:\n{self._log.read_text()}"
            assert time.monotonic() < end, f"the model server does not listen:\n{self._log.read_text()}"
            time.sleep(0.02)
        self.address = found[0]["address"]
        return self

    def wait_available(self, *names: str) -> ModelServer:
        """Wait until these models are AVAILABLE."""
        with Calls(self.address) as calls:
            for name in names:
                state = calls.wait_loaded(name)
                assert state.state == 30, f"{name}: {state}\n{self._log.read_text()}"
        return self

    def model_names(self) -> list[str]:
        """The models that it was started with."""
        listening = [record for record in self.records() if record["message"] == "listening"]
        return str(listening[-1]["models"]).split(",")

    def kill(self) -> None:
        """SIGKILL: the end without a farewell."""
        self._end(signal.SIGKILL)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop and return its exit status."""
        return self._end(number)

    def _end(self, number: int) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def records(self) -> list[dict[str, Any]]:
        """The log's records so far."""
        if not self._log.exists():
            return []
        lines = self._log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def output(self) -> str:
        """All that the process has written."""
        return self._log.read_text(errors="replace")


class Calls:
    """Calls to a model server at ``address``, with deadlines, raising ``grpc.RpcError``."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address, UNLIMITED)

    def __enter__(self) -> Calls:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()

    def call(self, method: str, request: Any, answer: type[Any], timeout: float = DEADLINE_S) -> Any:
        """One unary call; waits for the server to be reachable."""
        rpc = self.channel.unary_unary(
            method, request_serializer=lambda m: m.SerializeToString(), response_deserializer=answer.FromString
        )
        return rpc(request, timeout=timeout, wait_for_ready=True)

    def predict(
        self,
        model: str,
        inputs: Mapping[str, tuple[Any, int] | Any],
        signature: str = "",
        outputs: Sequence[str] = (),
        version: int | None = None,
    ) -> messages.PredictResponse:
        """Predict. An input is a TensorProto or an array of a dtype that says which tensor it is."""
        request = messages.PredictRequest(output_filter=outputs)
        request.model_spec.name = model
        request.model_spec.signature_name = signature
        if version is not None:
            request.model_spec.version.value = version
        for alias, value in inputs.items():
            request.inputs[alias].CopyFrom(value if isinstance(value, messages.TensorProto) else tensor(value))
        return self.call(messages.PREDICT, request, messages.PredictResponse)

    def arrays(self, model: str, inputs: Mapping[str, Any], signature: str = "", **more: Any) -> dict[str, Any]:
        """Predict, with the outputs as arrays."""
        response = self.predict(model, inputs, signature, **more)
        return {alias: tensors.to_numpy(proto) for alias, proto in response.outputs.items()}

    def status(self, model: str, version: int | None = None) -> messages.ModelVersionStatus:
        """GetModelStatus: the one entry of the answer."""
        request = messages.GetModelStatusRequest()
        request.model_spec.name = model
        if version is not None:
            request.model_spec.version.value = version
        answer = self.call(messages.GET_MODEL_STATUS, request, messages.GetModelStatusResponse)
        (entry,) = answer.model_version_status
        return entry

    def wait_loaded(self, model: str) -> messages.ModelVersionStatus:
        """The status once the model is AVAILABLE or has failed (END)."""
        end = time.monotonic() + DEADLINE_S
        while (entry := self.status(model)).state < 30:
            assert time.monotonic() < end, f"{model} does not load: {entry}"
            time.sleep(0.02)
        return entry


def tensor(value: Any) -> messages.TensorProto:
    """A TensorProto of ``value``, whose dtype is numpy's for it (lists of Python floats are float32)."""
    array = np.asarray(value)
    if array.dtype == np.float64 and not isinstance(value, np.ndarray):
        array = array.astype(np.float32)
    if array.dtype.kind in "OSU":
        return tensors.to_tensor_proto(array.astype(object), messages.DataType.Value("DT_STRING"))
    names = {"float32": "DT_FLOAT", "float64": "DT_DOUBLE", "float16": "DT_HALF"}
    name = names.get(array.dtype.name, f"DT_{array.dtype.name.upper()}")
    return tensors.to_tensor_proto(array, messages.DataType.Value(name))
