"""One emulator for all tests here, and what they have deployed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require
from tests.emulator.harness import cdk, emulator, machine, projects

SWITCH = "CORTEX_EMULATOR"


@pytest.fixture(scope="session")
def cloud() -> Iterator[None]:
    """An empty account, bootstrapped, with the examples' models in S3."""
    if not os.environ.get(SWITCH):
        pytest.skip(f"the emulated deployment is tested by `make test-emulated`, or with {SWITCH} set")
    reasons = machine.missing()
    require(not reasons, f"nothing can be deployed here: {'; '.join(reasons)}")
    emulator.up()
    try:
        cdk.bootstrap()
        projects.upload_iris()
        yield
    finally:
        emulator.down()


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for projects."""
    return tmp_path_factory.mktemp("projects")
