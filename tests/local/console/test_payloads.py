"""What the form begins with: the project's sample, or one made from the model's inputs."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.local.console.payloads import MOST_BYTES, MOST_ELEMENTS, example_of, sample_of
from cortex_cdk.spec import check
from cortex_cdk.spec.model import Project

PREDICTOR = """
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        pass

    def predict(self, payload):
        return payload
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two APIs: ``a``, whose predictor is in a folder of its own, and ``b``, whose is not."""
    for path in ("apis/a/predictor.py", "predictor.py"):
        (file := tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        file.write_text(PREDICTOR)
    (tmp_path / "cortex.yaml").write_text(
        "- name: a\n  predictor: {type: tensorflow, path: apis/a/predictor.py, model: s3://bucket/a}\n"
        "- name: b\n  predictor: {type: tensorflow, path: predictor.py, model: s3://bucket/b}\n"
    )
    found, problems = check(tmp_path / "cortex.yaml")
    assert not problems
    assert found is not None
    return found


def samples(project: Project) -> list[tuple[str, str] | None]:
    return [sample_of(project, api) for api in project.apis]


def test_the_nearest_sample(project: Project):
    assert samples(project) == [None, None]
    (project.folder / "sample.json").write_text('{"of": "all"}')
    assert samples(project) == [('{"of": "all"}', "sample.json")] * 2
    (project.folder / "apis/a/sample.json").write_text('{"of": "a"}')
    assert samples(project) == [('{"of": "a"}', "apis/a/sample.json"), ('{"of": "all"}', "sample.json")]


@pytest.mark.parametrize("content", [b"\xff\xfe", b" " * (MOST_BYTES + 1)])
def test_a_sample_that_no_form_can_hold(project: Project, content: bytes):
    (project.folder / "sample.json").write_bytes(b'"good"')
    (project.folder / "apis/a/sample.json").write_bytes(content)
    assert samples(project) == [('"good"', "sample.json")] * 2


def test_the_largest_sample(project: Project):
    (project.folder / "sample.json").write_bytes(b" " * MOST_BYTES)
    assert samples(project) == [(" " * MOST_BYTES, "sample.json")] * 2


def test_a_folder_is_no_sample(project: Project):
    (project.folder / "sample.json").mkdir()
    assert samples(project) == [None, None]


def shape_of(value: Any) -> list[int]:
    return [len(value), *(shape_of(value[0]) if value else [])] if isinstance(value, list) else []


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["float32", "bfloat16", "int64", "uint8", "bool", "string"]),
                "shape": st.none() | st.lists(st.sampled_from([-1, 1, 2, 3, 10]), max_size=4),
            }
        ),
        min_size=1,
        max_size=3,
    )
)
def test_an_example_has_every_input_in_its_shape(inputs: dict[str, dict[str, Any]]):
    shapes = {name: [1 if size < 0 else size for size in tensor["shape"] or []] for name, tensor in inputs.items()}
    text = example_of(inputs)
    if max(math.prod(shape) for shape in shapes.values()) > MOST_ELEMENTS:
        assert text is None
        return
    assert text is not None
    payload = json.loads(text)
    assert {name: shape_of(value) for name, value in payload.items()} == shapes
    for name, value in payload.items():
        while isinstance(value, list):
            value = value[0]
        kind = {"string": str, "bool": bool, "int64": int, "uint8": int}.get(inputs[name]["dtype"], float)
        assert type(value) is kind


@pytest.mark.parametrize("inputs", [None, {}])
def test_there_is_none_of_unknown_inputs(inputs: dict[str, Any] | None):
    assert example_of(inputs) is None
