import importlib.util
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from cortex_runtime.tf_serving.client import TensorFlowClient
from tests.support.http2_server import Http2Server
from tests.support.scripted_model_server import ScriptedModelServer, signature_def
from tests.support.tensorflow_reference import Reference

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tensorflow_reference(tmp_path_factory):
    """What TensorFlow itself reads and writes, see ``tests.support.tensorflow_reference``."""
    if importlib.util.find_spec("tensorflow_serving") is None:
        reason = "tensorflow-serving-api is not installed: the descriptors cannot be compared with its own"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    output = tmp_path_factory.mktemp("reference") / "reference.pickle"
    command = [sys.executable, "-m", "tests.support.tensorflow_reference", str(output)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Reference(**pickle.loads(output.read_bytes()))


@pytest.fixture(params=["tcp", "unix"])
def address(request, tmp_path):
    return "127.0.0.1:0" if request.param == "tcp" else f"unix:{tmp_path}/model.sock"


@pytest.fixture
def serve(tmp_path):
    """Starts servers: ``serve(lambda stream, body: bytes)``."""
    servers = []

    def start(answer):
        servers.append(Http2Server(tmp_path / f"{len(servers)}.sock", answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def make_server(tmp_path):
    """Makes started servers: ``make_server({name: (dtype, shape)})`` echoes these inputs."""
    servers = []

    def make(inputs=None, *, signatures=None, address=None, **options):
        tensors = inputs or {"x": (1, (-1,))}
        signatures = signatures or {"predict": signature_def(tensors, tensors)}
        server = ScriptedModelServer(address or f"unix:{tmp_path}/{len(servers)}.sock", signatures, **options)
        servers.append(server)
        return server.start()

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def make_client():
    clients = []

    def make(server, **options):
        address = server if isinstance(server, str) else server.address
        clients.append(TensorFlowClient(address, **({"wait_timeout_s": 30.0} | options)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
