"""Whose settings ``cortex-cdk simulate`` takes: those of an API, of the command line, and of the policies beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cortex_cdk.simulation import Platform, pattern
from tests.support.cli import call
from tests.support.simulate_command import STEP, answer, by_policy, error_of, library

PREDICTOR = """\
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config): ...
    def predict(self, payload): ...
"""


def api(name: str, **autoscaling: object) -> str:
    keys = ", ".join(f"{key}: {value}" for key, value in autoscaling.items())
    predictor = "{type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}"
    return f"- name: {name}\n  predictor: {predictor}\n  autoscaling: {{{keys}}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "predictor.py").write_text(PREDICTOR)
    return tmp_path


def test_the_settings_of_the_api(project: Path) -> None:
    (project / "cortex.yaml").write_text(
        api("one") + api("two", min_replicas=2, workers_per_replica=2, threads_per_worker=2, window="20s")
    )
    (found,) = answer(project, "--api", "two", "--set", "max_replica_concurrency=900")["runs"]
    assert (found["policy"], found["settings"]["platform"]["slots"]) == ("custom", 4)
    assert found["settings"]["platform"]["max_replica_concurrency"] == 900
    assert found["summary"] == library(
        ["cortex"],
        pattern("step:1..8@60s", 240.0),
        platform=Platform(task_startup_s=20.0, slots=4),
        min_replicas=2,
        workers_per_replica=2,
        threads_per_worker=2,
        window="20s",
    )["runs"][0]["summary"]  # fmt: skip
    result = call("simulate", "cortex.yaml", "--api", "two", *STEP, cwd=project)
    assert "API: two of cortex.yaml\n" in result.out
    assert "replicas: 4 requests at once" in result.out


def test_which_api(project: Path) -> None:
    (project / "cortex.yaml").write_text(api("one") + api("two"))
    assert error_of(project, *STEP) == "error: cortex.yaml has several APIs; say which: --api one or --api two\n"
    assert error_of(project, *STEP, "--api", "three") == "error: cortex.yaml has no API three; it has one, two\n"
    (project / "cortex.yaml").write_text(api("one"))
    assert "API: one of cortex.yaml" in call("simulate", *STEP, cwd=project).out
    (project / "cortex.yaml").write_text(api("one", windw="3s"))
    assert "cortex.yaml:3:17: one: autoscaling.windw: unknown key" in error_of(project, *STEP)
    (project / "cortex.yaml").unlink()
    assert "there is no cortex.yaml here" in error_of(project, *STEP, "--api", "one")
    assert "gone.yaml: cannot be read" in error_of(project, "gone.yaml", *STEP)


def test_a_setting_on_the_command_line_is_as_in_the_file(project: Path) -> None:
    (project / "cortex.yaml").write_text(api("one", window="30s", max_replicas=6))
    by_option = answer(project, "--set", "window=20s", "--set", "workers_per_replica=2", "--set", "min_replicas = 2")
    (project / "cortex.yaml").write_text(
        api("one", window="20s", max_replicas=6, workers_per_replica=2, min_replicas=2)
    )
    assert by_option == answer(project)
    assert by_option["runs"][0]["settings"]["platform"]["slots"] == 2
    (project / "cortex.yaml").unlink()
    result = call("simulate", *STEP, "--set", "autoscaling.window=20s", cwd=project)
    assert "API: none with autoscaling.window=20s\n" in result.out


def test_problems_of_settings_are_those_of_the_file(project: Path) -> None:
    (project / "cortex.yaml").write_text(api("one", max_replicas=3))
    assert error_of(project, *STEP, "--set", "window=15s", "--set", "min_replicas=5") == (
        'error: --set window=15s: autoscaling.window: found "15s"; allowed: a duration such as 60s, 5m, 1m30s or '
        "1.5h, at least 10s and a multiple of 10s\n"
        "error: --set min_replicas=5: autoscaling.min_replicas: min_replicas (5) is greater than max_replicas (3)\n"
        "2 problems found\n"
    )
    for setting in ("window", "=30s", "a b=3"):
        assert f"--set {setting}: write it as key=value" in error_of(project, *STEP, "--set", setting)
    assert "window is given twice" in error_of(project, *STEP, "--set", "window=30s", "--set", "window=20s")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "cortex"),
        ({"min_replicas": 2, "threads_per_worker": 3}, "cortex"),
        ({"preset": "responsive"}, "responsive"),
        ({"preset": "responsive", "max_replicas": 9}, "responsive"),
        ({"preset": "responsive", "window": "60s"}, "custom"),
        ({"window": "30s"}, "custom"),
        ({"window": "60s"}, "cortex"),
    ],
)
def test_the_apis_own_row_is_named_for_what_it_is(project: Path, settings: dict[str, Any], name: str) -> None:
    (project / "cortex.yaml").write_text(api("one", **settings))
    assert [one["policy"] for one in answer(project)["runs"]] == [name]
    with_both = answer(project, "--compare", "cortex,responsive")
    assert list(by_policy(with_both)) == list(dict.fromkeys([name, "cortex", "responsive"]))


def test_all_policies(project: Path) -> None:
    rivals = ["knative", "ray", "hpa", "ecs", "ecs-60s", "fixed", "oracle"]
    found = by_policy(answer(project, "--compare", "all"))
    assert list(found) == ["cortex", "responsive", *rivals]
    assert found["cortex"] != found["responsive"]
    custom = list(by_policy(answer(project, "--set", "window=20s", "--compare", "fixed:2,all,knative,fixed:2")))
    assert custom == ["custom", "fixed:2", "cortex", "responsive", *rivals]


def test_the_named_settings_have_the_apis_bounds_and_slots(project: Path) -> None:
    (project / "cortex.yaml").write_text(
        api("one", window="20s", min_replicas=2, max_replicas=3, workers_per_replica=2, downscale_tolerance=0.3)
    )
    found = by_policy(answer(project, "--compare", "cortex,responsive"))
    (project / "cortex.yaml").write_text(api("one", min_replicas=2, max_replicas=3, workers_per_replica=2))
    assert by_policy(answer(project))["cortex"] == found["cortex"]
    assert by_policy(answer(project, "--set", "preset=responsive"))["responsive"] == found["responsive"]


def test_compared_settings_are_written_as_in_the_file(project: Path) -> None:
    compared = (
        "cortex:window=20s,downscale_stabilization_period=30s,cortex:window_s=20,downscale_stabilization_period_s=30"
    )
    found = by_policy(answer(project, "--compare", f"{compared},fixed:2"))
    names = list(found)
    assert names == [
        "cortex",
        "cortex:window=20s,downscale_stabilization_period=30s",
        "cortex:window_s=20,downscale_stabilization_period_s=30",
        "fixed:2",
    ]
    by_set = by_policy(answer(project, "--set", "window=20s", "--set", "downscale_stabilization_period=30s"))
    assert found[names[1]] == found[names[2]] == by_set["custom"] != found["cortex"]
    custom = by_policy(answer(project, "--set", "window=20s", "--compare", "custom:downscale_stabilization_period=30s"))
    assert custom["custom:downscale_stabilization_period=30s"] == by_set["custom"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("nope", "there is no policy 'nope'; there are cortex, responsive, knative"),
        ("knative:nope=1", "there is no setting 'nope'; there are"),
        ("oracle:3", "the oracle has no settings"),
        ("fixed:0", "'0' must be a number of replicas, at least 1"),
        ("cortex:", "--compare cortex:: nothing follows the colon"),
        ("custom", "the API's settings are those of cortex"),
        ("cortex:windw=20s", "--compare cortex: windw=20s: autoscaling.windw: unknown key"),
        ("cortex:window=15s,max_upscale_factor=3", '--compare cortex: window=15s: autoscaling.window: found "15s"'),
        ("responsive:window_s=5", "window_s is 5.0, must be at least 10"),
        (
            "cortex:workers_per_replica=2",
            "workers_per_replica is the same for all policies; change it for all with --set",
        ),
        ("cortex:20s", "write it as key=value"),
        ("window=20s", "there is no policy 'window=20s'"),
    ],
)
def test_wrong_policies(tmp_path: Path, names: str, message: str) -> None:
    assert message in error_of(tmp_path, *STEP, "--compare", names)
