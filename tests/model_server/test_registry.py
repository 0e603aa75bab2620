"""How models come up: state by state, each in its own time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from cortex_cdk.local.model_server.errors import ServingError
from cortex_cdk.local.model_server.registry import Registry, State
from cortex_cdk.local.model_server.servable import Servable
from cortex_runtime.logs import Writer
from cortex_runtime.settings import Log
from cortex_runtime.tf_serving import messages


class Loader:
    """Loads a model when told to, so that the states in between can be seen."""

    def __init__(self) -> None:
        self.gates: dict[str, threading.Event] = {}
        self.began: list[str] = []

    def __call__(self, path: Path, version: int) -> Servable:
        self.began.append(path.name)
        assert self.gates[path.name].wait(60)
        if path.name == "bad":
            raise ServingError(grpc.StatusCode.DATA_LOSS, "bad data")
        return Servable(version, None, {})


@pytest.fixture
def loader() -> Iterator[Loader]:
    loader = Loader()
    yield loader
    for gate in loader.gates.values():
        gate.set()


@pytest.fixture
def make(tmp_path: Path, loader: Loader) -> Iterator[Callable[..., Registry]]:
    made: list[Registry] = []

    def make(*names: str, threads: int | None = None) -> Registry:
        paths = {}
        for name in names:
            paths[name] = tmp_path / name
            paths[name].mkdir()
            (paths[name] / "saved_model.pb").touch()
            loader.gates[name] = threading.Event()
        log = Writer(Log(), {}, fd=os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT))
        made.append(Registry(paths, log, load_model=loader, threads=threads))
        return made[-1]

    yield make
    for registry in made:
        registry.close()


def spec(name: str) -> messages.ModelSpec:
    return messages.ModelSpec(name=name)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_start_loading_available(make: Callable[..., Registry], loader: Loader) -> None:
    registry = make("a")
    assert registry.status(spec("a")).state is State.START
    registry.start()
    wait_for(lambda: loader.began == ["a"])
    status = registry.status(spec("a"))
    assert (status.state, status.version) == (State.LOADING, 1)
    with pytest.raises(ServingError, match=r"Servable not found for request: Latest\(a\)"):
        registry.servable(spec("a"))
    loader.gates["a"].set()
    wait_for(lambda: registry.status(spec("a")).state is State.AVAILABLE)
    assert registry.servable(spec("a")).version == 1


def test_a_model_that_fails_ends_and_others_load(make: Callable[..., Registry], loader: Loader) -> None:
    registry = make("bad", "good", "slow")
    registry.start()
    loader.gates["bad"].set()
    loader.gates["good"].set()
    wait_for(lambda: registry.status(spec("bad")).state is State.END)
    wait_for(lambda: registry.status(spec("good")).state is State.AVAILABLE)
    error = registry.status(spec("bad")).error
    assert error is not None
    assert (error.number, str(error)) == (15, "bad data")
    assert registry.status(spec("slow")).state < State.AVAILABLE


def test_models_beyond_the_number_that_load_at_once_wait(make: Callable[..., Registry], loader: Loader) -> None:
    registry = make("a", "b", threads=1)
    registry.start()
    wait_for(lambda: len(loader.began) == 1)
    first, second = (loader.began[0], "b" if loader.began[0] == "a" else "a")
    assert registry.status(spec(second)).state is State.START
    loader.gates[first].set()
    wait_for(lambda: loader.began == [first, second])
    assert registry.status(spec(first)).state is State.AVAILABLE


def test_a_path_without_an_export(make: Callable[..., Registry], tmp_path: Path) -> None:
    registry = make("a")
    (tmp_path / "a" / "saved_model.pb").unlink()
    registry.start()
    wait_for(lambda: registry.status(spec("a")).state is State.END)
    error = registry.status(spec("a")).error
    assert error is not None
    assert error.code is grpc.StatusCode.NOT_FOUND
    assert "no TensorFlow export here" in str(error)
