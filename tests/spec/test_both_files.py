"""cortex.yaml and cluster.yaml together: what one says of the other, with all problems of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortex_cdk.spec import SpecError
from cortex_cdk.spec.both_files import check, load

API = "- {name: %s, predictor: {type: tensorflow, path: predictor.py, model: %s}}\n"
ALARMS = "alarms: {apis: {iris: {latency: {threshold: 3}}}}\n"
UNKNOWN = "alarms.apis.iris"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The ``cortex.yaml`` of a folder with a predictor."""
    (tmp_path / "predictor.py").write_text(
        "class TensorFlowPredictor:\n"
        "    def __init__(self, tensorflow_client, config): ...\n"
        "    def predict(self, payload): ...\n"
    )
    return tmp_path / "cortex.yaml"


def written(project: Path, cortex: str, cluster: str | None) -> Path:
    project.write_text(cortex)
    if cluster is not None:
        project.with_name("cluster.yaml").write_text(cluster)
    return project


def test_both_are_valid(project):
    found, home = load(written(project, API % ("iris", "s3://models/a") + API % ("text", "s3://models/a"), ALARMS))
    assert [api.name for api in found.apis] == ["iris", "text"]
    assert home.alarms.of_api("iris")["latency"].threshold == 3


def test_without_a_cluster_yaml(project):
    found, home, problems = check(written(project, API % ("iris", "s3://models/a"), None))
    assert (len(found.apis), home.cluster_name, problems) == (1, "cortex", [])


def test_an_api_that_is_not_there(project):
    found, home, (problem,) = check(written(project, API % ("text", "s3://models/a"), ALARMS))
    assert found is not None
    assert home is None
    assert (problem.key, problem.hint, Path(problem.file).name) == (UNKNOWN, "there are: text", "cluster.yaml")
    with pytest.raises(SpecError, match="no API of this name"):
        load(project)


def test_all_problems_of_both(project):
    text = (API % ("text", "model")).replace("}}", "}, a: 1}")
    found, home, problems = check(written(project, text, ALARMS + "regoin: a\n"), allow_local_models=False)
    assert (found, home) == (None, None)
    assert [problem.key for problem in problems] == ["predictor.model", "a", UNKNOWN, "regoin"]
    with pytest.raises(SpecError) as raised:
        load(project, allow_local_models=False)
    assert [*raised.value.problems] == problems


@pytest.mark.parametrize(
    "cortex", ["", "[]", "a: [", "{}", "- 3\n", "- {}\n", API % ("text", "s3://models/a") + "- {}\n"]
)
def test_names_that_are_not_known_are_not_missed(project, cortex):
    found, home, problems = check(written(project, cortex, ALARMS))
    assert found is None
    assert problems
    assert home is not None


def test_local_models(project):
    written(project, API % ("iris", "model"), ALARMS)
    assert check(project)[2] == []
    assert [problem.key for problem in check(project, allow_local_models=False)[2]] == ["predictor.model"]
