"""One emulator for all tests here, and what they have deployed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require
from tests.emulator.harness import cdk, emulator, machine, projects


@pytest.fixture(scope="package")
def cloud() -> Iterator[None]:
    """An empty account, bootstrapped, with the examples' models in S3."""
    reasons = machine.missing()
    require(not reasons, f"an emulated deployment cannot be made here: {'; '.join(reasons)}")
    require(not emulator.running(), "an emulated deployment is there already: `make destroy-emulated` removes it")
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
