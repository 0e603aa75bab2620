"""The settings of a replica on this machine are those that the runtime reads."""

import os
import subprocess
import sys
from pathlib import Path

from cortex_cdk.local.replica_process import environment, replica_settings
from cortex_cdk.spec import load
from cortex_runtime import settings as runtime_settings
from tests.support.serve import iris_project

KEYS = """
    python_path: lib
    signature_key: predict
    env: {MODE: fast}
  autoscaling: {workers_per_replica: 2, threads_per_worker: 3, max_replica_concurrency: 12}
"""


def read_back(folder: Path, config: str) -> runtime_settings.Settings:
    project_folder = iris_project(folder / "project", model=False)
    (project_folder / "lib").mkdir()
    file = project_folder / "cortex.yaml"
    spec = file.read_text().replace("    model: model\n", f"    model: model\n    config: {config}{KEYS}")
    file.write_text(spec.replace("model_type: classification", "model_type: classification\n    key: label"))
    project = load(file)
    document = replica_settings(project, project.apis[0], host="127.0.0.1", port=8080, model_server="unix:/s")
    variables = environment(document, folder / "settings.json")
    subprocess.run([sys.executable, "-c", ""], env=os.environ | variables, check=True)
    return runtime_settings.load(variables)


def test_every_key_arrives(tmp_path: Path):
    found = read_back(tmp_path, "{labels: [a, 1, 2.5, null, {b: true}]}")
    assert found.api == runtime_settings.Api(name="iris-classifier", endpoint="/iris-classifier")
    assert found.predictor == runtime_settings.Predictor(
        project_dir=str(tmp_path / "project"),
        path="predictor.py",
        python_path="lib",
        config={"labels": ["a", 1, 2.5, None, {"b": True}]},
        env={"MODE": "fast"},
        timeout_s=60.0,
    )
    assert found.model_server.timeout_s == 57.0  # given up first, so that the log names what hangs
    assert found.model_server.address == "unix:/s"
    assert found.model_server.model_name == "iris-classifier"
    assert found.model_server.signature_key == "predict"
    assert found.tracker == runtime_settings.Tracker(model_type="classification", key="label")
    assert found.concurrency == runtime_settings.Concurrency(workers=2, threads_per_worker=3, max_in_flight=12)
    assert found.http.port == 8080
    assert found.parent_pid == os.getpid()


def test_a_config_larger_than_an_environment_variable_can_be(tmp_path: Path):
    words = "word " * 150_000
    assert read_back(tmp_path, f'{{words: "{words}"}}').predictor.config == {"words": words}


def test_exit_statuses_are_the_runtimes():
    """They are written twice, since importing the server takes long."""
    from cortex_cdk.local import replica_process
    from cortex_runtime import server

    assert replica_process.PREDICTOR_FAILED == server.PREDICTOR_FAILED
