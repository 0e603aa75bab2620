"""Replicas for tests that do them harm, and how their recovery is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.load_generator import Load
from tests.support.replica import Replica, running
from tests.support.scripted_model_process import ScriptedModelProcess
from tests.support.unharmed import options


@pytest.fixture(scope="session")
def model() -> Iterator[ScriptedModelProcess]:
    """The model server of all replicas that need none of their own. Do not stop it."""
    process = ScriptedModelProcess().start()
    yield process
    process.end()


@pytest.fixture
def own_model() -> Iterator[ScriptedModelProcess]:
    """A model server that a test may end."""
    process = ScriptedModelProcess().start()
    yield process
    process.end()


@pytest.fixture
def start_replica(model: ScriptedModelProcess, tmp_path: Path) -> Iterator[Callable[..., Replica]]:
    """Starts replicas of the test's own, ready: ``start_replica(address=..., http=...)``."""
    with contextlib.ExitStack() as stack:

        def start(address: str | None = None, **changed: Any) -> Replica:
            return stack.enter_context(running(tmp_path, address or model.address, **options(**changed)))

        yield start


@pytest.fixture(scope="session")
def replica(model: ScriptedModelProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A replica that tests share: each leaves it as it was."""
    with running(tmp_path_factory.mktemp("faults"), model.address, **options()) as replica:
        yield replica


@pytest.fixture
def recovery(record_property: Callable[[str, Any], None]) -> Callable[..., None]:
    """Has a line of what was lost and how long recovery took printed at the end of the run.

    ``recovery("SIGKILL of a worker", load, since, ready_again=1.2)``: times in seconds.
    """

    def note(fault: str, load: Load, since: float, **times: float) -> None:
        lost = ", ".join(f"{count} x {kind}" for kind, count in load.lost().items()) or "nothing"
        known = {"no right answer": load.gap_s(since)} | times
        seconds = ", ".join(f"{what.replace('_', ' ')} {s:.2f} s" for what, s in known.items())
        record_property("recovery", f"{fault}: lost {lost} of {len(load.outcomes)}; {seconds}")

    return note
