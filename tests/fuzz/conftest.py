"""The replica that is sent bad input."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cortex_runtime.tf_serving import messages
from tests.fuzz.target import PREDICTOR, SECRET, Target
from tests.support.replica import running
from tests.support.scripted_model_server import ScriptedModelServer, signature_def

FLOAT = messages.DataType.Value("DT_FLOAT")


@pytest.fixture(scope="session")
def model() -> Iterator[ScriptedModelServer]:
    """The model server of the replica."""
    signature = signature_def({"x": (FLOAT, (-1,))}, {"y": (FLOAT, None)})
    server = ScriptedModelServer("127.0.0.1:0", {"predict": signature}).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def target(model: ScriptedModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A ready replica whose predictor never fails by itself: 2 workers, bodies of up to 2 MB."""
    folder = tmp_path_factory.mktemp("target")
    options = {
        "concurrency": {"workers": 2, "max_in_flight": 100},
        "http": {"max_body_bytes": 2_000_000},
        "environment": {"SECRET_OF_THE_ENVIRONMENT": SECRET},
    }
    with running(folder, model.address, predictor=PREDICTOR, **options) as replica:
        yield Target(replica)
