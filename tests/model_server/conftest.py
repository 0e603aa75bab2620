"""Fixtures of the model server's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.model_server import Calls, ModelServer


@pytest.fixture(scope="session")
def calls(model_server: ModelServer) -> Iterator[Calls]:
    """Calls to the session's model server."""
    with Calls(model_server.address) as calls:
        yield calls
