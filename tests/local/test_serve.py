"""``cortex-cdk serve`` as people use it: real processes, a real model, and what happens when parts of it die."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import require
from tests.support.replica import wait_until
from tests.support.serve import COMMAND, FLOWER, IRIS, Serve, iris_project

SLOW_PREDICTOR = """
import os, time

class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.client = tensorflow_client

    def predict(self, payload):
        time.sleep(payload.pop("sleep", 0))
        class_id = int(self.client.predict(payload)["class_ids"][0])
        return {"class": class_id, "pid": os.getpid()}
"""


class Load:
    """Requests from several threads, one after the other in each, until told to stop."""

    def __init__(self, url: str, threads: int = 8) -> None:
        self.answers: list[tuple[int, str]] = []
        self._stop = threading.Event()
        self._url = url
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def _run(self) -> None:
        with httpx.Client(timeout=120) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(self._url, json={**FLOWER, "sleep": 0.02})
                    self.answers.append((answer.status_code, answer.text))
                except httpx.TransportError as error:
                    self.answers.append((0, repr(error)))

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    @property
    def codes(self) -> Counter[int]:
        return Counter(code for code, _ in self.answers)

    def wait_for_more(self, count: int = 30) -> None:
        """Until so many further requests have been answered well."""
        had = self.codes[200]
        wait_until(lambda: self.codes[200] >= had + count, f"{count} more answers; so far {self.codes}")


def test_all_of_it_for_real(serve, tensorflow_installed: None, tmp_path: Path):
    """Own model server, kills under load, and an end that leaves nothing: with two workers in one replica."""
    project = iris_project(tmp_path / "project")
    (project / "predictor.py").write_text(SLOW_PREDICTOR)
    with (project / "cortex.yaml").open("a") as spec:
        spec.write("  autoscaling:\n    workers_per_replica: 2\n")
    run: Serve = serve(project).wait_ready()
    first = run.post("/iris-classifier", FLOWER)
    assert (first.status_code, first.json()["class"]) == (200, 0)
    assert run.post("/iris-classifier", {"sepal_length": 1.0}).status_code == 400

    with Load(run.url + "/iris-classifier") as load:
        load.wait_for_more()

        os.kill(first.json()["pid"], signal.SIGKILL)  # a worker
        load.wait_for_more()
        wait_until(run.is_ready, "the worker has been replaced")
        lost = [text for code, text in load.answers if code != 200]
        assert len(lost) <= 1, lost  # the one request that it ran
        assert all(code in (200, 502) for code, _ in load.answers)
        assert all("request_id" in json.loads(text) for text in lost)

        load.wait_for_more()
        server = run.pid("cortex_cdk.local.model_server")
        os.kill(server, signal.SIGKILL)
        wait_until(lambda: not run.is_ready(), "readiness notices that the model server is gone")
        wait_until(run.is_ready, "the model server has been replaced")
        load.wait_for_more()
        lost = [text for code, text in load.answers if code != 200]
        assert len(lost) <= 1 + 2, lost  # those that ran on it: one in each worker
        assert set(load.codes) <= {200, 500, 502}

        front = run.pid("cortex_runtime.worker")  # its parent is the front
        import psutil

        old = psutil.Process(front).parent()
        assert old is not None
        workers = old.children()
        old.kill()
        psutil.wait_procs([old, *workers], timeout=30)
        assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in workers)
        wait_until(run.is_ready, "another front has taken its place")
        load.wait_for_more()

    metrics = httpx.get(run.url + "/metrics").text
    assert "cortex_in_flight 0.0" in metrics
    assert run.stop(signal.SIGINT) == 0
    output = run.output()
    assert "iris-classifier is ready" in output
    assert f"curl http://localhost:{run.port}/iris-classifier -H" in output
    assert "was ended by SIGKILL; starting it again" in output
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", run.port)) != 0


@pytest.fixture
def two_apis(tmp_path: Path) -> Path:
    """A project with two APIs of the same model: ``iris-classifier`` and ``second`` at ``/v2/second``."""
    project = iris_project(tmp_path / "project")
    (project / "second.py").write_text((project / "predictor.py").read_text().replace("labels[", "'second ' + labels["))
    (project / "cortex.yaml").write_text(
        "- name: iris-classifier\n"
        "  predictor: {type: tensorflow, path: predictor.py, model: model}\n"
        "- name: second\n"
        "  endpoint: v2/second\n"
        "  predictor: {type: tensorflow, path: second.py, model: model}\n"
    )
    return project


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The iris model as versions 9 and 10 below ``s3://models/iris``, of which 9 is no model at all."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    for file in (IRIS / "model" / "1").rglob("*"):
        if file.is_file():
            client.upload_file(str(file), "models", f"iris/10/{file.relative_to(IRIS / 'model' / '1')}")
    client.put_object(Bucket="models", Key="iris/9/saved_model.pb", Body=b"junk")
    yield
    server.stop()


def test_two_apis_behind_one_port(serve, tensorflow_installed: None, two_apis: Path, s3: None):
    """One has its model in a local folder, where a new version appears; the other in S3."""
    spec = two_apis / "cortex.yaml"
    spec.write_text(
        spec.read_text().replace("path: second.py, model: model", "path: second.py, model: s3://models/iris")
    )
    run = serve(two_apis, "--json-logs", "--reload").wait_ready()
    assert "downloading s3://models/iris" in run.output()
    assert httpx.get(f"{run.url}/v2/second").json()["model"]["version"] == 10
    assert run.post("/iris-classifier", FLOWER).json() == "setosa"
    assert run.post("/v2/second", FLOWER).json() == "second setosa"
    assert httpx.get(f"{run.url}/v2/second").json()["inputs"]["petal_width"] == {"dtype": "float32", "shape": [-1]}
    assert run.post("/nope", FLOWER).status_code == 404
    assert run.post("/second", FLOWER).status_code == 404
    bad = run.post("/v2/second", None, headers={"x-request-id": "mine"})
    assert bad.status_code == 400
    assert bad.headers["x-request-id"] == "mine"

    def serves_version_2() -> bool:
        try:
            return httpx.get(f"{run.url}/iris-classifier").json()["model"]["version"] == 2 and run.is_ready()
        except (httpx.TransportError, KeyError):
            return False

    shutil.copytree(two_apis / "model" / "1", two_apis / "model" / "2")
    try:
        wait_until(serves_version_2, "the new version of the model is served")
    except AssertionError as error:
        pytest.fail(f"{error}; it printed:\n{run.output()}")
    assert run.post("/iris-classifier", FLOWER).json() == "setosa"
    assert run.stop(signal.SIGTERM) == 0
    records = [json.loads(line) for line in run.output().splitlines() if line.startswith("{")]
    assert {"mine"} == {r["request_id"] for r in records if r.get("status") == 400}


def test_a_model_that_cannot_be_loaded_ends_it(serve, tensorflow_installed: None, tmp_path: Path):
    project = iris_project(tmp_path / "project")
    shutil.rmtree(project / "model" / "1" / "variables")  # it has some; only the loader can tell
    run = serve(project)
    assert run.process.wait(120) == 1
    assert "END" in run.output()
    assert "iris-classifier cannot be served" in run.output()
    assert "Traceback" not in run.output()


# From here on the model server is the session's: only replicas are started.


@pytest.fixture
def shared(serve, model_server):
    """Starts ``serve`` with the session's model server."""
    return lambda project, *arguments, **options: serve(
        project, "--model-server", model_server.address, *arguments, **options
    )


def test_a_change_is_served_with_reload(shared, tmp_path: Path):
    project = iris_project(tmp_path / "project", model=False)
    run = shared(project, "--reload").wait_ready()
    predictor = project / "predictor.py"
    good = predictor.read_text()
    assert run.post("/iris-classifier", FLOWER).json() == "setosa"

    def answers(expected: object, path: str = "/iris-classifier") -> bool:
        try:
            answer = run.post(path, FLOWER)
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and answer.json() == expected

    predictor.write_text(good.replace("setosa", "changed"))
    wait_until(lambda: answers("changed"), "the changed predictor answers")

    predictor.write_text("def broken(:\n")  # what was good is served on
    wait_until(lambda: "predictor.py:1" in run.output(), "the error is shown")
    assert answers("changed")

    predictor.write_text("raise RuntimeError('at import')\n" + good)  # seen only when it runs: waits to be mended
    wait_until(lambda: "giving up" in run.output(), "the broken predictor is given up")
    predictor.write_text(good)
    wait_until(lambda: answers("setosa"), "the mended predictor answers")

    spec = project / "cortex.yaml"
    spec.write_text(spec.read_text().replace("- name: iris-classifier", "- name: iris-classifier\n  endpoint: /moved"))
    wait_until(lambda: answers("setosa", "/moved"), "the new endpoint answers")
    assert run.stop() == 0


def test_a_predictor_may_use_tensorflow_and_messages_of_its_own(shared, tensorflow_installed: None, tmp_path: Path):
    """As some of Cortex's time do. TensorFlow in the worker does not clash with the client's messages."""
    require(importlib.util.find_spec("tensorflow_serving") is not None, "tensorflow-serving-api is not installed")
    project = iris_project(tmp_path / "project", model=False)
    (project / "predictor.py").write_text(
        "import tensorflow as tf\n"
        "from tensorflow_serving.apis import predict_pb2\n\n\n"
        "class TensorFlowPredictor:\n"
        "    def __init__(self, tensorflow_client, config):\n"
        "        self.client = tensorflow_client\n\n"
        "    def predict(self, payload):\n"
        "        tensors = {name: tf.constant([value], tf.float32) for name, value in payload.items()}\n"
        "        request = predict_pb2.PredictRequest()\n"
        "        request.model_spec.name = 'model'\n"
        "        request.model_spec.signature_name = 'predict'\n"
        "        for name, tensor in tensors.items():\n"
        "            request.inputs[name].CopyFrom(tf.make_tensor_proto(tensor))\n"
        "        response = self.client.stub.Predict(request, timeout=30.0)\n"
        "        return {\n"
        "            'stub': list(response.outputs['class_ids'].int64_val),\n"
        "            'client': self.client.predict(tensors)['class_ids'],\n"
        "            'inputs': self.client.input_signature['petal_width'],\n"
        "        }\n"
    )
    run = shared(project).wait_ready()
    assert run.post("/iris-classifier", FLOWER).json() == {
        "stub": [0],
        "client": [0],
        "inputs": {"shape": [-1], "type": "float32"},
    }
    assert run.stop() == 0


def test_a_predictor_that_cannot_be_built_ends_it(shared, tmp_path: Path):
    project = iris_project(tmp_path / "project", model=False)
    (project / "predictor.py").write_text(
        "class TensorFlowPredictor:\n"
        "    def __init__(self, tensorflow_client, config):\n        raise RuntimeError('no vocabulary')\n"
        "    def predict(self, payload):\n        return 1\n"
    )
    run = shared(project)
    assert run.process.wait(120) == 1
    assert "no vocabulary" in run.output()
    assert "iris-classifier cannot be served" in run.output()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_and_what_runs_is_answered(shared, tmp_path: Path, number: int):
    project = iris_project(tmp_path / "project", model=False)
    (project / "predictor.py").write_text(SLOW_PREDICTOR)
    run = shared(project).wait_ready()
    answers: list[httpx.Response] = []
    slow = threading.Thread(target=lambda: answers.append(run.post("/iris-classifier", {**FLOWER, "sleep": 1.0})))
    slow.start()
    wait_until(lambda: "cortex_slots_busy 1.0" in httpx.get(run.url + "/metrics").text, "the request runs")
    assert run.stop(number) == 0
    slow.join(30)
    assert answers[0].status_code == 200


def test_a_predictor_that_hangs_does_not_keep_it(shared, tmp_path: Path):
    project = iris_project(tmp_path / "project", model=False)
    (project / "predictor.py").write_text(SLOW_PREDICTOR)
    run = shared(project).wait_ready()
    answers: list[httpx.Response] = []
    hanging = threading.Thread(target=lambda: answers.append(run.post("/iris-classifier", {"sleep": 600})))
    hanging.start()
    wait_until(lambda: "cortex_slots_busy 1.0" in httpx.get(run.url + "/metrics").text, "the request runs")
    began = time.monotonic()
    run.stop()
    # The promise is 10 s; the machine may be busy, so only an end that waits for the predictor would be noticed.
    assert time.monotonic() - began < 60
    hanging.join(30)
    assert answers[0].status_code == 503
    assert "has stopped" in answers[0].json()["error"]


def test_when_it_is_killed_nothing_is_left(shared, tmp_path: Path):
    run = shared(iris_project(tmp_path / "project", model=False)).wait_ready()
    run.stop(signal.SIGKILL)  # checks that its processes end


def test_a_port_that_is_taken(shared, tmp_path: Path):
    project = iris_project(tmp_path / "project", model=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = shared(project, "--port", str(taken.getsockname()[1]))
        assert run.process.wait(60) == 1
    assert "choose another port with --port" in run.output()


def test_problems_of_the_project_are_all_shown(serve, tmp_path: Path):
    project = iris_project(tmp_path / "project")
    spec = project / "cortex.yaml"
    spec.write_text(spec.read_text() + "  compute:\n    gpu: many\n")
    (project / "predictor.py").write_text("class TensorFlowPredictor:\n    pass\n")
    shutil.rmtree(project / "model")
    run = serve(project)
    assert run.process.wait(60) == 1
    for part in ("compute.gpu", "predictor.model", "def predict(self, payload)"):
        assert part in run.output()
    assert "Traceback" not in run.output()


@pytest.mark.parametrize(
    ("argument", "words"), [("nope=model", "iris-classifier"), ("model", "API=PATH"), ("iris-classifier=nope", "nope")]
)
def test_wrong_model_arguments(serve, tmp_path: Path, argument: str, words: str):
    run = serve(iris_project(tmp_path / "project", model=False), "--model", argument)
    assert run.process.wait(60) in (1, 2)
    assert words in run.output()
    assert "Traceback" not in run.output()


def test_without_a_file(serve, tmp_path: Path):
    run = serve(tmp_path)
    assert run.process.wait(60) == 1
    assert "cortex.yaml" in run.output()


def test_the_command_is_installed():
    assert Path(COMMAND[0]).is_file()
