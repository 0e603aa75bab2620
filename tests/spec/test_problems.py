"""All problems of a file at once: their order, places, texts and JSON."""

from __future__ import annotations

import json

import pytest

from cortex_cdk.spec import Problem, SpecError, check, load

BROKEN = """\
- name: first
  endpoint: /a//b
  predictor:
    type: python
    path: predictor.py
    config: {limit: .inf}
  compute: {cpu: 1m}
- predictor:
    type: tensorflow
    path: ../predictor.py
    modle: s3://my-bucket/my-model
    env: {CORTEX_X: on}
- name: on
  predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}
"""


def test_all_at_once_in_the_order_of_the_file(workspace):
    problems = workspace.problems(BROKEN)
    assert [(p.line, p.column, p.api, p.key) for p in problems] == [
        (2, 13, "first", "endpoint"),
        (4, 11, "first", "predictor.type"),
        (6, 21, "first", "predictor.config.limit"),
        (7, 18, "first", "compute.cpu"),
        (8, 3, "#2", "name"),
        (8, 3, "#2", "predictor.model"),
        (10, 11, "#2", "predictor.path"),
        (11, 5, "#2", "predictor.modle"),
        (12, 11, "#2", "predictor.env.CORTEX_X"),
        (12, 21, "#2", "predictor.env.CORTEX_X"),
        (13, 9, "#3", "name"),
    ]


def test_the_text_says_where_what_was_found_and_what_is_allowed(workspace, monkeypatch):
    workspace.write("cortex.yaml", BROKEN)
    monkeypatch.chdir(workspace.folder)
    lines = [str(problem) for problem in check("cortex.yaml")[1]]
    assert lines[1] == (
        "cortex.yaml:4:11: first: predictor.type: `python` is not supported; only TensorFlow APIs are; "
        "allowed: tensorflow"
    )
    assert lines[3] == (
        'cortex.yaml:7:18: first: compute.cpu: found "1m"; allowed: a number or a Kubernetes quantity such as '
        "200m, 0.5 or 2, at least 20m"
    )
    assert lines[-1].startswith("cortex.yaml:13:9: #3: name: found true (written `on`); allowed: lower-case letters")
    assert lines[-1].endswith('(write it in quotes: "on")')
    assert all("\n" not in line for line in lines)


def test_as_json(workspace):
    problems = workspace.problems(BROKEN)
    as_json = json.loads(json.dumps([problem.to_dict() for problem in problems], allow_nan=False))
    assert as_json[3] == {
        "file": str(workspace.folder / "cortex.yaml"),
        "line": 7,
        "column": 18,
        "api": "first",
        "key": "compute.cpu",
        "value": "1m",
        "message": 'found "1m"',
        "allowed": "a number or a Kubernetes quantity such as 200m, 0.5 or 2, at least 20m",
        "hint": None,
    }
    assert "value" not in as_json[4], "what is absent has no value"
    assert as_json[-1]["value"] is True


def test_load_raises_with_all_of_them(workspace):
    path = workspace.write("cortex.yaml", BROKEN)
    with pytest.raises(SpecError) as raised:
        load(path)
    assert list(raised.value.problems) == check(path)[1]
    assert str(raised.value).count("\n") == len(raised.value.problems) - 1


def test_load_answers_with_the_project(workspace, monkeypatch):
    workspace.write("cortex.yaml", workspace.with_key("endpoint", "x"))
    monkeypatch.chdir(workspace.folder)
    project = load("cortex.yaml")
    assert project.folder == workspace.folder
    assert project.path == workspace.folder / "cortex.yaml"
    assert [api.name for api in project.apis] == ["my-api"]


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("autoscaling.window: 60", "write 60s for seconds"),
        ("autoscaling.window: 5 min", "write 5m"),
        ("autoscaling.window: 2d", "write 48h"),
        ('autoscaling.window: "90"', "write 90s"),
        ("autoscaling.min_replicas: 2.0", "write 2"),
        ('autoscaling.min_replicas: "2"', "write 2"),
        ('autoscaling.max_upscale_factor: "1.5"', "write 1.5, without quotes"),
        ("compute.mem: 8GB", "did you mean 8G?"),
        ("compute.mem: 8 gib", "did you mean 8Gi?"),
        ("compute.mem: 512m", "did you mean 512M?"),
        ("compute.mem: 512", "write it with a unit, such as 512Mi, 4Gi or 8G, or in quotes"),
        ("update_strategy.max_surge: 25 %", "write 25%"),
        ("predictor.env.X: 12", 'write it in quotes: "12"'),
        ("predictor.env.X: no", 'write it in quotes: "no"'),
        ("name: 12", 'write it in quotes: "12"'),
        ("predictor.config.on: 1", 'write it in quotes: "on"'),
    ],
)
def test_what_to_do_about_it(workspace, written, hint):
    path, _, value = written.partition(": ")
    text = workspace.with_key(path, value).replace("'on':", "on:")
    assert workspace.problem(text).hint == hint


def test_a_key_path_that_needs_quotes_and_indexes(workspace):
    problem = workspace.problem(workspace.with_key("predictor.config", '{"a b": [0, {x: .nan}]}'))
    assert problem.key == 'predictor.config["a b"][1].x'


def test_long_values_are_shortened_in_the_text(workspace):
    problem = workspace.problem(workspace.with_key("name", "a" * 5000))
    assert len(str(problem)) < 5000
    assert problem.value == "a" * 5000


def test_a_problem_about_the_whole_file():
    assert str(Problem("cortex.yaml", "cannot be read")) == "cortex.yaml: cannot be read"
    assert Problem("cortex.yaml", "x").to_dict()["line"] is None
