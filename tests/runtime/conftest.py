"""Replicas for the tests of the runtime, and the model server that they ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cortex_runtime.tf_serving import messages
from tests.support.replica import Replica, running
from tests.support.scripted_model_server import ScriptedModelServer, signature_def

FLOAT, STRING = messages.DataType.Value("DT_FLOAT"), messages.DataType.Value("DT_STRING")


def make_model() -> ScriptedModelServer:
    """A model server, not started yet, whose model answers with its inputs."""
    tensors = {"x": (FLOAT, (-1, 2)), "name": (STRING, (-1,))}
    return ScriptedModelServer("127.0.0.1:0", {"predict": signature_def(tensors, {"y": (FLOAT, None)})})


@pytest.fixture(scope="session")
def model() -> Iterator[ScriptedModelServer]:
    """The model server of all replicas that need none of their own. Do not change it."""
    server = make_model().start()
    yield server
    server.stop()


@pytest.fixture
def own_model() -> Iterator[ScriptedModelServer]:
    """A model server that a test may change and stop."""
    server = make_model().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared(model: ScriptedModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A ready replica with the evaluator, for tests that leave it as it was: 2 workers, small bodies."""
    folder = tmp_path_factory.mktemp("shared")
    with running(
        folder, model.address, concurrency={"workers": 2, "max_in_flight": 100}, http={"max_body_bytes": 100_000}
    ) as replica:
        yield replica


@pytest.fixture
def start_replica(model: ScriptedModelServer, tmp_path: Path) -> Iterator[Callable[..., Replica]]:
    """Starts replicas of the test's own: ``start_replica(predictor=..., concurrency=..., ready=True)``."""
    started: list[Replica] = []

    def start(*, ready: bool = True, address: str | None = None, **options: object) -> Replica:
        (folder := tmp_path / f"replica-{len(started)}").mkdir()
        replica = Replica(folder, address or model.address, **options)
        started.append(replica)
        replica.start()
        return replica.wait_ready() if ready else replica

    yield start
    for replica in started:
        replica.kill()
