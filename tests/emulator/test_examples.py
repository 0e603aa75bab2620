"""The examples, as they are, each deployed as a project of its own to one cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.harness import cdk, machine, projects
from tests.emulator.harness.cloud import Api
from tests.emulator.harness.cloud import stacks as deployed

pytestmark = pytest.mark.timeout(1500)

EXAMPLES = machine.ROOT / "examples"


def test_both_examples(cloud: None, work: Path, code_language_model: Path) -> None:
    """The version of the first one's model is found at synth, that of the other by the deployment."""
    iris = projects.iris(work / "iris")
    language = projects.code_language(work / "language", code_language_model)
    cdk.deploy(iris)
    printed = cdk.deploy(language, credentials_at_synth=False)
    assert "Custom::CortexModelVersion" in printed
    assert printed.count("(no changes)") == 1, "an API more changes nothing of its cluster"
    assert predict("iris-classifier") == "setosa"
    assert predict("code-language")["language"] == "Python"

    cdk.destroy(language, "cortex-code-language")
    assert deployed() == {"cortex", "cortex-iris-classifier"}
    assert predict("iris-classifier") == "setosa"
    cdk.destroy(iris)
    assert deployed() == set()


def predict(name: str) -> Any:
    """The answer to an example's sample."""
    api = Api(name)
    api.wait_running(1)
    answer = api.predict(json.loads((EXAMPLES / name / "sample.json").read_text()))
    assert answer.status_code == 200, answer.text
    return answer.json()
