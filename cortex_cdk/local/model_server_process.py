"""Which model server serves the local models, and how it is started.

``tensorflow_model_server`` where it is on PATH; else our own, which needs TensorFlow in this Python.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from cortex_cdk.local.model_store import ModelStore

BINARY = "tensorflow_model_server"


class NoModelServerError(Exception):
    """There is no model server on this machine; the message says how to get one."""


@dataclass(frozen=True)
class ModelServerCommand:
    """How to start a model server: its name for people, its command, and the address it will listen on."""

    title: str
    command: list[str]
    address: str


def model_server_command(store: ModelStore, apis: list[str], folder: Path, log_format: str) -> ModelServerCommand:
    """The command for a model server that serves the models of ``apis``.

    Args:
        store: where the models are.
        apis: names of APIs, which are also the names of their models.
        folder: for the server's own files: its socket or its configuration.
        log_format: ``text`` or ``json``.

    Raises:
        NoModelServerError: when there is neither the binary nor TensorFlow.
    """
    binary = shutil.which(BINARY)
    if binary is not None:
        configuration = folder / "models.config"
        configuration.write_text(model_config(store, apis))
        port = free_port()
        command = [binary, f"--port={port}", "--rest_api_port=0", f"--model_config_file={configuration}"]
        return ModelServerCommand(BINARY, command, f"127.0.0.1:{port}")
    if importlib.util.find_spec("tensorflow") is None:
        raise NoModelServerError(
            f"there is no model server here: neither {BINARY} on PATH nor TensorFlow in this Python.\n"
            "Install TensorFlow with `pip install 'cortex-cdk[local]'`, or name a running server with"
            " --model-server HOST:PORT."
        )
    sock = str(folder / "model-server.sock")
    # Some systems take no longer path for a socket, and gRPC would read others as an escaped URI.
    address = f"unix:{sock}" if re.fullmatch(r"[A-Za-z0-9._/-]{1,100}", sock) else f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-P", "-m", "cortex_cdk.local.model_server", "--address", address]
    command += ["--log-format", log_format, "--exit-with-parent", str(os.getpid())]
    for api in apis:
        command += ["--model", f"{api}={store.path(api)}"]
    return ModelServerCommand("TensorFlow of this Python", command, address)


def model_config(store: ModelStore, apis: list[str]) -> str:
    """TensorFlow Serving's ``--model_config_file`` (a ``ModelServerConfig`` in protobuf's text format)."""
    entries = "".join(
        f'  config {{ name: "{api}" base_path: "{_escaped(store.path(api))}" model_platform: "tensorflow" }}\n'
        for api in apis
    )
    return f"model_config_list {{\n{entries}}}\n"


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
