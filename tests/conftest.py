"""Fixtures that several folders of tests share."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from cortex_cdk.local.model_server.tensorflow_import import is_installed
from tests.support.model_server import Calls, ModelServer
from tests.support.scheduler import LONGEST, ByFile

ROOT = Path(__file__).parents[1]

# The CDK's own check of templates takes longer than all else that an app does. It is done in constructs/test_wheel.py,
# and other linters look at templates in constructs/test_linters.py.
os.environ.setdefault("CDK_VALIDATION", "false")

# No test measures time. `pytest --hypothesis-profile=thorough` looks longer for what breaks a rule, `make fuzz` longer
# still. With CI set the same examples are tried each time.
settings.register_profile("quick", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.register_profile(
    "fuzz", deadline=None, max_examples=int(os.environ.get("FUZZ_EXAMPLES", "20000")), print_blob=True
)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile("quick")


def pytest_configure() -> None:
    """Ctrl-C ends what tests start, also where a shell runs them in the background and has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """For runs with several processes."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no process is left waiting for it in the end."""
    items.sort(
        key=lambda item: next((i for i, part in enumerate(LONGEST) if item.nodeid.startswith(part)), len(LONGEST))
    )


def guesslang_model() -> Path | None:
    """Where the package ``guesslang``, which cannot be imported here, has its model."""
    package = importlib.util.find_spec("guesslang")
    return Path(package.submodule_search_locations[0]) / "data/model" if package else None


def require(condition: bool, reason: str) -> None:
    """Skip, saying why, unless ``condition`` holds; where tests may not be skipped (``CI`` is set), fail."""
    if not condition:
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def tensorflow_installed() -> None:
    """For tests that need TensorFlow in some process."""
    require(is_installed(), "TensorFlow is not installed: pip install 'cortex-cdk[local]'")


@pytest.fixture(scope="session")
def code_language_model() -> Path:
    """The model folder inside the installed package ``guesslang``."""
    path = guesslang_model()
    require(path is not None, "guesslang is not installed: pip install --no-deps guesslang==2.2.1")
    assert path is not None
    return path


@pytest.fixture(scope="session")
def sample_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sample models (``tests/support/sample_models.py``), which ``model_server`` fills."""
    return tmp_path_factory.mktemp("sample-models")


@pytest.fixture(scope="session")
def model_server(
    tensorflow_installed: None, sample_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModelServer]:
    """The session's model server with all sample models and the examples' models. Do not stop it.

    It is the one TensorFlow process that most tests need.
    """
    log = tmp_path_factory.mktemp("model-server") / "log"
    examples = [f"--model=iris-classifier={ROOT / 'examples/iris-classifier/model'}"]
    if (path := guesslang_model()) is not None:
        examples.append(f"--model=code-language={path}")
    server = ModelServer([str(sample_models), *examples], log, program="tests.support.serve_samples")
    server.start()
    with Calls(server.address) as calls:
        for name in server.model_names():
            calls.wait_loaded(name)
    yield server
    server.stop()


@pytest.fixture
def start_model_server(tensorflow_installed: None, tmp_path: Path) -> Iterator[Callable[..., ModelServer]]:
    """Starts model servers of the test's own, which it may stop, kill and start again.

    ``start("--model=NAME=PATH", ...)`` returns when the server listens; its models may still be loading.
    """
    started: list[ModelServer] = []

    def start(*arguments: str, address: str = "127.0.0.1:0") -> ModelServer:
        server = ModelServer(arguments, tmp_path / f"model-server-{len(started)}.log", address=address)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.kill()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests under faults have measured: nothing asserts times."""
    lines = [
        f"{text} ({report.nodeid.partition('::')[2]})"
        for report in terminalreporter.getreports("passed")
        for name, text in report.user_properties
        if name == "recovery" and report.when == "call"
    ]
    if lines:
        terminalreporter.section("recovery from faults")
        for line in lines:
            terminalreporter.write_line(line)
