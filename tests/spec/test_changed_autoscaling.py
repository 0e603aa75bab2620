"""Keys of `autoscaling` written anew beside a file: the rules and the words of the file hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cortex_cdk.spec import Problem, SpecError, autoscaling_of
from cortex_cdk.spec.changed_autoscaling import changed_autoscaling

API = """\
- name: my-api
  predictor: {{type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}}
  autoscaling: {{{inner}}}
"""


def problems(section: dict[str, Any], **changes: str) -> list[Problem]:
    with pytest.raises(SpecError) as found:
        changed_autoscaling(section, changes, file="cortex.yaml")
    return list(found.value.problems)


def test_the_changed_values_count_and_the_others_stay():
    section = {"min_replicas": 3, "window": "30s"}
    written, spec = changed_autoscaling(section, {"window": "20s", "max_upscale_factor": "4"})
    assert written == {"min_replicas": 3, "window": "20s", "max_upscale_factor": 4}
    assert spec == autoscaling_of(**written)
    assert (spec.min_replicas, spec.window, spec.max_upscale_factor) == (3, timedelta(seconds=20), 4.0)
    assert section == {"min_replicas": 3, "window": "30s"}


def test_keys_that_follow_from_others_follow_from_the_changed_ones():
    changes = {"min_replicas": "5", "workers_per_replica": "4", "preset": "responsive"}
    spec = changed_autoscaling({"threads_per_worker": 2}, changes)[1]
    assert (spec.init_replicas, spec.slots) == (5, 8)
    assert spec.target_replica_concurrency == pytest.approx(0.7 * 8)
    assert spec.window == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("window", "15s"),
        ("window", "30"),
        ("window", "null"),
        ("window", "[1]"),
        ("min_replicas", "0"),
        ("min_replicas", "010"),
        ("min_replicas", '"3"'),
        ("max_downscale_factor", "1"),
        ("preset", "respnsive"),
        ("windw", "30s"),
        ("target_in_flight", "3"),
        ("cpu", "1"),
        ("threads_per_worker", "2000"),
        ("upscale_window", "90s"),
        ("init_replicas", "101"),
    ],
)
def test_a_problem_is_worded_as_that_of_a_file(workspace, key, value):
    in_file = workspace.problem(API.format(inner=f"{key}: {value}"))
    (changed,) = problems({}, **{key: value})
    assert (changed.file, changed.line, changed.column, changed.api) == (f"--set {key}={value}", None, None, None)
    assert (changed.key, changed.message, changed.allowed) == (in_file.key, in_file.message, in_file.allowed)
    assert changed.hint == in_file.hint


def test_all_problems_at_once():
    found = problems({}, window="15s", min_replicas="0", upscale_window="[")
    assert {problem.file for problem in found} == {"--set window=15s", "--set min_replicas=0", "--set upscale_window=["}


def test_a_value_that_is_at_odds_with_the_file():
    (of_option,) = problems({"max_replicas": 3}, min_replicas="5")
    assert str(of_option) == (
        "--set min_replicas=5: autoscaling.min_replicas: min_replicas (5) is greater than max_replicas (3)"
    )
    (of_file,) = problems({"min_replicas": 3}, max_replicas="2")
    assert str(of_file) == (
        "cortex.yaml with --set max_replicas=2: autoscaling.min_replicas: min_replicas (3) is greater than "
        "max_replicas (2)"
    )


def test_no_value():
    (problem,) = problems({}, window=" ")
    assert str(problem) == "--set window= : autoscaling.window: there is no value (write it after the =)"


@pytest.mark.parametrize("text", ["30s\nmin_replicas: 7", "{a: 1, a: 2}", "3: 4", "*x", "!!python/object:os.system 1"])
def test_a_value_cannot_bring_other_keys(text):
    assert all(problem.key is not None and problem.key.startswith("autoscaling.window") for problem in
               problems({}, window=text))  # fmt: skip
