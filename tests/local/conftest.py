"""Fixtures for serving on this machine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.serve import Serve


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Serve]]:
    """Starts ``cortex-cdk serve``: ``serve(project, "--reload", ..., environment={})``."""
    started: list[Serve] = []

    def start(project: Path, *arguments: str, environment: dict[str, str] | None = None) -> Serve:
        started.append(Serve(project, tmp_path / f"serve-{len(started)}.log", arguments, environment))
        return started[-1]

    yield start
    for run in started:
        run.clean_up()
