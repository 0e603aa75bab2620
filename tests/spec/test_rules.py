"""Rules between keys and between APIs, also beside other errors."""

from __future__ import annotations

import pytest

from cortex_cdk.spec.document import FORMAT
from cortex_cdk.spec.hints import OTHER_VERSIONS, unknown_key


def section(name: str, **keys: str) -> str:
    inner = ", ".join(f"{key}: {value}" for key, value in keys.items())
    return f"""\
- name: my-api
  predictor: {{type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}}
  {name}: {{{inner}}}
"""


@pytest.mark.parametrize(
    ("keys", "at_fault", "words"),
    [
        ({"min_replicas": "3", "max_replicas": "2"}, "min_replicas", "(3) is greater than max_replicas (2)"),
        ({"min_replicas": "101"}, "min_replicas", "(101) is greater than max_replicas (100 by default)"),
        ({"min_replicas": "2", "init_replicas": "1"}, "init_replicas", "(2) is greater than init_replicas (1)"),
        ({"init_replicas": "101"}, "init_replicas", "(101) is greater than max_replicas (100 by default)"),
        ({"max_replicas": "4", "init_replicas": "5"}, "init_replicas", "(5) is greater than max_replicas (4)"),
        (
            {"target_replica_concurrency": "1024.5"},
            "target_replica_concurrency",
            "(1024.5) is greater than max_replica_concurrency (1024 by default)",
        ),
        (
            {"target_replica_concurrency": "3", "max_replica_concurrency": "2"},
            "target_replica_concurrency",
            "(3) is greater than max_replica_concurrency (2)",
        ),
        (
            {"workers_per_replica": "2", "threads_per_worker": "3", "max_replica_concurrency": "5"},
            "max_replica_concurrency",
            "(6) by default, which is greater than max_replica_concurrency (5)",
        ),
        ({"threads_per_worker": "1025"}, "threads_per_worker", "(1025) by default"),
    ],
)
def test_autoscaling(workspace, keys, at_fault, words):
    problem = workspace.problem(section("autoscaling", **keys))
    assert problem.key == f"autoscaling.{at_fault}"
    assert words in problem.message
    assert problem.line == 3
    assert problem.value == pytest.approx(float(keys[at_fault]))


@pytest.mark.parametrize(
    "keys",
    [
        {"min_replicas": "2", "max_replicas": "2", "init_replicas": "2"},
        {"min_replicas": "100"},
        {"max_replicas": "5", "init_replicas": "5"},
        {"target_replica_concurrency": "5", "max_replica_concurrency": "5"},
        {"workers_per_replica": "2", "threads_per_worker": "3", "max_replica_concurrency": "6"},
        {"workers_per_replica": "9", "target_replica_concurrency": "1", "max_replica_concurrency": "2"},
    ],
)
def test_autoscaling_at_the_limits(workspace, keys):
    workspace.api(section("autoscaling", **keys))


@pytest.mark.parametrize("surge", ["0", "0%", '"0"', "00%"])
@pytest.mark.parametrize("unavailable", ["0", "0%"])
def test_an_update_needs_room(workspace, surge, unavailable):
    problem = workspace.problem(section("update_strategy", max_unavailable=unavailable, max_surge=surge))
    assert problem.key == "update_strategy.max_surge"
    assert "both zero" in problem.message


@pytest.mark.parametrize("keys", [{"max_surge": "0"}, {"max_unavailable": "0%"}, {"max_surge": "1%"}])
def test_room_on_one_side_is_enough(workspace, keys):
    workspace.api(section("update_strategy", **keys))


def test_a_rule_is_reported_beside_other_errors(workspace):
    problems = workspace.problems("""\
        - name: My_Api
          unknown: 1
          predictor: {type: tensorflow, path: absent.py, model: s3://my-bucket/my-model}
          autoscaling:
            min_replicas: 3
            max_replicas: 2
            window: 1s
            unknown: 1
          update_strategy: {max_surge: 0, max_unavailable: 0}
        """)
    assert [problem.key for problem in problems] == [
        "name",
        "unknown",
        "predictor.path",
        "autoscaling.min_replicas",
        "autoscaling.window",
        "autoscaling.unknown",
        "update_strategy.max_surge",
    ]


@pytest.mark.parametrize(
    ("keys", "at_fault"),
    [
        ({"min_replicas": "x", "init_replicas": "101"}, ["min_replicas", "init_replicas"]),
        ({"min_replicas": "5", "max_replicas": "x", "init_replicas": "2"}, ["max_replicas", "init_replicas"]),
        ({"target_replica_concurrency": "x", "threads_per_worker": "2000"}, ["target_replica_concurrency"]),
        ({"target_replica_concurrency": ".inf", "threads_per_worker": "2000"}, ["target_replica_concurrency"]),
        ({"threads_per_worker": "2000", "max_replica_concurrency": "x"}, ["max_replica_concurrency"]),
        ({"min_replicas": "200", "max_replicas": ".nan"}, ["max_replicas"]),
    ],
)
def test_a_rule_reads_valid_keys_only(workspace, keys, at_fault):
    problems = workspace.problems(section("autoscaling", **keys))
    assert [problem.key for problem in problems] == [f"autoscaling.{key}" for key in at_fault]


def apis(*lines: str) -> str:
    predictor = "  predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}"
    return "\n".join(f"- {line}\n{predictor}" for line in lines)


def test_names_are_unique(workspace):
    problem = workspace.problem(apis("name: a", "name: b", "name: a"))
    assert (problem.api, problem.key, problem.line, problem.column) == ("a", "name", 5, 9)
    assert problem.message == "API 1 of the file has this name, too"


def test_endpoints_are_unique_as_they_are_normalised(workspace):
    problem = workspace.problem(apis("name: a\n  endpoint: /x/", "name: b\n  endpoint: x"))
    assert (problem.api, problem.key) == ("b", "endpoint")
    assert problem.message == "API 1 of the file (a) has this endpoint, too"


def test_an_endpoint_by_default_counts(workspace):
    predictor = "predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}"
    problem = workspace.problem(f"- {{name: a, endpoint: /b, {predictor}}}\n- {{name: b, {predictor}}}\n")
    assert (problem.api, problem.key, problem.line) == ("b", "name", 2)
    assert "(a) has the endpoint /b" in problem.message
    problem = workspace.problem(f"- {{name: b, {predictor}}}\n- {{name: a, endpoint: b/, {predictor}}}\n")
    assert (problem.api, problem.key, problem.line) == ("a", "endpoint", 2)


def test_same_name_but_own_endpoints(workspace):
    predictor = "predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}"
    problem = workspace.problem(f"- {{name: a, endpoint: /x, {predictor}}}\n- {{name: a, endpoint: /y, {predictor}}}\n")
    assert problem.key == "name"


@pytest.mark.parametrize("name", ["livez", "readyz", "metrics"])
def test_a_name_whose_endpoint_is_reserved(workspace, name):
    problem = workspace.problem(apis(f"name: {name}"))
    assert problem.key == "name"
    assert f"/{name} is reserved" in problem.message
    assert problem.hint == "set `endpoint`"
    assert workspace.api(apis(f"name: {name}\n  endpoint: /x")).endpoint == "/x"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("endpiont", "did you mean `endpoint`?"),
        ("predicter", "did you mean `predictor`?"),
        ("Name", "did you mean `name`?"),
        ("updateStrategy", "did you mean `update_strategy`?"),
        ("min_replicas", "it belongs in `autoscaling`; check the indentation"),
        ("monitoring", "here it is called `tracker`"),
        ("networking", "set `endpoint` on the API itself"),
        ("zzz", None),
        ("predictor.modle", "did you mean `model`?"),
        ("predictor.models", "one model for each API is supported: write `model: s3://bucket/key`"),
        ("predictor.model_path", "here it is called `model`"),
        ("predictor.processes_per_replica", "here it is `workers_per_replica` in `autoscaling`"),
        ("predictor.image", "packages for the predictor's image go into requirements.txt beside cortex.yaml"),
        ("predictor.endpoint", "it belongs in the API itself; check the indentation"),
        ("predictor.cpu", "it belongs in `compute`; check the indentation"),
        ("compute.inf", "later versions of Cortex had it; it does not exist here"),
        ("compute.memory", "did you mean `mem`?"),
        ("compute.GPU", "did you mean `gpu`?"),
        ("autoscaling.minReplicas", "did you mean `min_replicas`?"),
        ("autoscaling.max-replicas", "did you mean `max_replicas`?"),
        ("autoscaling.target_in_flight", "here it is called `target_replica_concurrency`"),
        ("update_strategy.max_surges", "did you mean `max_surge`?"),
        ("tracker.model_typ", "did you mean `model_type`?"),
    ],
)
def test_an_unknown_key(workspace, path, hint):
    text = workspace.with_key(path, "1")
    problem = workspace.problem(text)
    assert (problem.key, problem.message, problem.hint) == (path, "unknown key", hint)
    key = path.rpartition(".")[2]
    assert problem.allowed is not None
    assert key not in problem.allowed.split(", ")
    line = text.splitlines()[(problem.line or 0) - 1]
    assert line[(problem.column or 0) - 1 :].startswith(f"{key}:")
    assert not workspace.accepted_by_schema(text)


def test_a_hint_never_names_a_key_that_does_not_exist():
    keys = {"": ("name",), "a": ("first",), "b": ("first", "second")}
    assert unknown_key("a", "second", keys) == "it belongs in `b`; check the indentation"
    assert unknown_key("b", "frist", keys) == "did you mean `first`?"
    assert unknown_key("", "x" * 1000, keys) is None


def test_hints_about_other_versions_are_about_keys_that_are_not_here():
    for section, hints in OTHER_VERSIONS.items():
        assert not set(hints) & set(FORMAT.keys[section])
