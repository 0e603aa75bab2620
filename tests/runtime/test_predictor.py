"""What a predictor finds around it, and predictors that are wrong."""

import json
import signal

import pytest

from cortex_runtime.worker import PredictorError, load_predictor_class
from tests.support.replica import is_running, running, wait_until

ENVIRONMENT = {"MY_COLOUR": "red", "MY_ÄÖ": "ü\n"}
SURROUNDINGS = """
import collections, json, logging, os, sys, types
import frames, helpers.words, settings, worker

with open("vocabulary.txt") as file:
    vocabulary = file.read().split()


class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.config = config

    def predict(self, payload):
        if payload == "size":
            return {key: len(value) for key, value in self.config.items()}
        return {
            "cwd": os.getcwd(),
            "vocabulary": vocabulary,
            "modules": [m.WHERE for m in (frames, helpers.words, settings, worker)],
            "standard": [m.__file__ for m in (json, logging, types, collections)],
            "environment": {k: v for k, v in os.environ.items() if k.startswith(("MY_", "CORTEX_", "OUTER"))},
            "config": self.config,
            "module": __name__,
            "tensorflow": [name for name in sys.modules if name.split(".")[0] == "tensorflow"],
        }
"""


@pytest.fixture(scope="module")
def surroundings(model, tmp_path_factory):
    """A project whose modules have names of modules of the runtime, of the standard library and of gRPC."""
    own = ["settings.py", "frames.py", "worker.py", "helpers/__init__.py", "helpers/words.py"]
    theirs = ["logging.py", "types.py", "collections.py", "json.py", "grpc.py", "numpy.py", "google/__init__.py"]
    files = {f"source/{name}": "WHERE = 'mine'\n" for name in own} | {f"source/{name}": "1 / 0\n" for name in theirs}
    with running(
        tmp_path_factory.mktemp("surroundings"),
        model.address,
        predictor="",
        files=files | {"source/predictor.py": SURROUNDINGS, "vocabulary.txt": "one two"},
        environment={"OUTER": "inherited", "MY_COLOUR": "overridden"},
        predictor_settings={"path": "source/predictor.py", "python_path": "source", "env": ENVIRONMENT},
    ) as replica:
        yield replica


def test_the_project_folder_is_the_working_folder(surroundings):
    found = surroundings.post(None).json()
    assert found["cwd"] == str(surroundings.project)
    assert found["vocabulary"] == ["one", "two"]


def test_the_python_path_is_importable_and_breaks_nothing(surroundings):
    found = surroundings.post(None).json()
    assert found["modules"] == ["mine"] * 4
    assert all("source" not in path for path in found["standard"])


def test_the_environment_is_the_replicas_with_the_predictors_own(surroundings):
    assert surroundings.post(None).json()["environment"] == ENVIRONMENT | {"OUTER": "inherited"}


def test_config_is_an_empty_dict_unless_given(surroundings):
    assert surroundings.post(None).json()["config"] == {}


def test_the_runtime_imports_no_tensorflow(surroundings):
    assert surroundings.post(None).json()["tensorflow"] == []


def test_a_large_config_reaches_the_predictor(start_replica):
    config = {"words": ["word"] * 150_000, "nested": {"a": [1, None, 2.5, "ü"]}}
    assert len(json.dumps(config)) > 1_000_000
    replica = start_replica(predictor_settings={"config": config})
    assert replica.evaluate("[len(self.config['words']), self.config['nested']]").json() == [150_000, config["nested"]]


GOOD = """
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config): ...
    def predict(self, payload): ...
"""


@pytest.mark.parametrize(
    "source",
    [
        GOOD,
        GOOD.replace("config", "config: dict[str, str] = None").replace(
            "payload", "payload: dict, *more, key=1, **rest"
        ),
        f"class Base:{GOOD.partition(':')[2]}\nclass TensorFlowPredictor(Base):\n    pass",
        GOOD.replace("    def predict", "    @some_decorator\n    def predict").replace(
            "\nclass",
            "import functools\ndef some_decorator(f):\n    return functools.wraps(f)(lambda *a: f(*a))\nclass",
        ),
    ],
)
def test_good_predictors(tmp_path, source):
    (tmp_path / "predictor.py").write_text(source)
    found = load_predictor_class(tmp_path, "predictor.py")
    assert found.__name__ == "TensorFlowPredictor"
    assert found.__module__ == "cortex_predictor"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "no class TensorFlowPredictor"),
        ("TensorFlowPredictor = 3", "no class TensorFlowPredictor"),
        ("class PythonPredictor: ...", "no class TensorFlowPredictor"),
        ("class TensorFlowPredictor: ...", r"must define `def __init__\(self, tensorflow_client, config\)`"),
        (GOOD.partition("    def predict")[0], r"must define `def predict\(self, payload\)`"),
        (GOOD.replace("tensorflow_client, config", "config"), r"`def __init__\(self, tensorflow_client, config\)`"),
        (GOOD.replace("tensorflow_client, config", "config, tensorflow_client"), "def __init__"),
        (GOOD.replace("payload", "sample"), r"`def predict\(self, payload\)`, but is `def predict\(self, sample\)`"),
        (GOOD.replace("payload", "payload, headers"), "def predict"),
        (GOOD.replace("payload", "payload, *, headers"), "def predict"),
        (GOOD.replace("def predict", "async def predict"), "must not be async"),
    ],
)
def test_wrong_predictors(tmp_path, source, words):
    (tmp_path / "predictor.py").write_text(source)
    with pytest.raises(PredictorError, match=words):
        load_predictor_class(tmp_path, "predictor.py")


@pytest.mark.parametrize("name", ["predictor.txt", "predictor", "my.predictor.v2.py", "my-predictor.py"])
def test_the_file_may_have_any_name(tmp_path, name):
    (tmp_path / name).write_text(GOOD)
    assert load_predictor_class(tmp_path, name).__module__ == "cortex_predictor"


@pytest.mark.parametrize("source", [GOOD + "    predict = 3\n", GOOD.replace("def predict", "async def predict")])
def test_predict_must_be_a_plain_function(tmp_path, source):
    (tmp_path / "predictor.py").write_text(source)
    with pytest.raises(PredictorError, match=r"TensorFlowPredictor\.predict (is no function|must not be async)"):
        load_predictor_class(tmp_path, "predictor.py")


def test_an_exception_while_building_ends_the_replica_with_3(start_replica):
    """Even though the predictor has left a thread behind; a request that waits meanwhile is told."""
    source = """
import threading, time
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        threading.Thread(target=time.sleep, args=(1000,)).start()
        print("no end of line", end="")
        while not open("go").read(): time.sleep(0.01)
        raise RuntimeError("the weights ü are missing" * 300)
    def predict(self, payload): ...
"""
    replica = start_replica(ready=False, predictor=source, files={"go": ""}).wait_listening()
    with replica.clients(1) as submit:
        early = submit(replica.post, 1)
        replica.wait_metric("cortex_queued", 1)
        pids = replica.pids()
        (replica.project / "go").write_text("go")
        assert early.result().status == 503
        assert "the weights ü are missing" in early.result().json()["error"]
        assert int(early.result().headers["retry-after"]) >= 1
    assert replica.wait_exit() == 3
    tracebacks = [r["traceback"] for r in replica.log_records() if "traceback" in r]
    assert len(tracebacks) == 1  # and not again for each attempt
    assert "RuntimeError: the weights" in tracebacks[0]
    assert "in __init__" in tracebacks[0]
    assert len([r for r in replica.log_records() if "could not be built again: RuntimeError" in r["message"]]) == 2
    assert not [r for r in replica.log_records() if r.get("logger", "").startswith("gunicorn")]
    assert len([r for r in replica.log_records() if r["message"] == "no end of line"]) == 3
    assert "the weights ü are missing" in replica.wait_log("giving up")["message"]
    wait_until(lambda: not any(map(is_running, pids)), "every process is gone")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("class Wrong: ...", "no class TensorFlowPredictor"),
        ("import os\nos._exit(9)", "exited with code 9"),
        ("import no_such_module", "no_such_module"),
    ],
)
def test_a_predictor_that_cannot_be_built_ends_the_replica_with_3(start_replica, source, words):
    replica = start_replica(ready=False, predictor=source)
    assert replica.wait_exit() == 3
    assert words in replica.wait_log("giving up")["message"]


def test_a_replica_can_be_stopped_between_two_attempts(start_replica):
    replica = start_replica(ready=False, predictor="class Wrong: ...", concurrency={"workers": 3}).wait_listening()
    replica.wait_log("could not be built")
    pids = replica.pids()
    replica.signal(signal.SIGTERM)
    assert replica.wait_exit() in (0, 3)
    wait_until(lambda: not any(map(is_running, pids)), "every process is gone")


def test_a_replacement_that_cannot_be_built_does_not_end_the_replica(start_replica):
    replica = start_replica(concurrency={"workers": 2})
    source = (replica.project / "predictor.py").read_text()
    (replica.project / "predictor.py").write_text("1 / 0")
    assert replica.evaluate("os._exit(1)").status == 502
    reason = replica.wait_not_ready()
    wait_until(lambda: "ZeroDivisionError" in replica.wait_not_ready(), f"the reason is told, not {reason}")
    assert [replica.evaluate("1").status for _ in range(5)] == [200] * 5  # by the other worker
    (replica.project / "predictor.py").write_text(source)
    replica.wait_ready()
