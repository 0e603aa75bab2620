"""`preset` replaces defaults of the section `autoscaling`, and every key of the file still counts."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest

from cortex_cdk.autoscaling import Policy
from cortex_cdk.spec import AutoscalingSpec, duration
from cortex_cdk.spec.presets import PRESETS

OTHER_VALUES = {
    "window": "70s",
    "upscale_window": "20s",
    "queue_drain_period": "12s",
    "target_replica_concurrency": 3.5,
    "downscale_stabilization_period": "77s",
    "upscale_stabilization_period": "11s",
    "max_downscale_factor": 0.25,
    "max_upscale_factor": 7.0,
    "downscale_tolerance": 0.33,
    "upscale_tolerance": 0.44,
}


def scaling(workspace, **keys: object) -> AutoscalingSpec:
    inner = ", ".join(f"{key}: {value}" for key, value in keys.items())
    return workspace.api(f"""\
- name: my-api
  predictor: {{type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}}
  autoscaling: {{{inner}}}
""").autoscaling


def read_back(value: object) -> object:
    return duration.parse(value) if isinstance(value, str) else value


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_the_same_as_its_values_written_out(workspace, name):
    preset = PRESETS[name]
    short = scaling(workspace, preset=name, workers_per_replica=4)
    long = scaling(
        workspace,
        workers_per_replica=4,
        target_replica_concurrency=4 * preset.utilization,
        **preset.values,
    )
    assert short.preset == name
    assert {**asdict(short), "preset": None} == asdict(long)
    assert short.policy() == long.policy()
    assert short.policy() != scaling(workspace, workers_per_replica=4).policy()


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("key", OTHER_VALUES)
def test_a_key_of_the_file_counts_all_the_same(workspace, name, key):
    plain = asdict(scaling(workspace, preset=name))
    changed = asdict(scaling(workspace, preset=name, **{key: OTHER_VALUES[key]}))
    assert {other for other in plain if plain[other] != changed[other]} == {key}
    assert changed[key] == read_back(OTHER_VALUES[key])


def test_the_present_names(workspace):
    problem = workspace.problem(workspace.with_key("autoscaling.preset", "fast"))
    assert problem.allowed == " or ".join(PRESETS)


@pytest.mark.parametrize("written", ["[responsive]", "{responsive: 1}", "1", "true"])
def test_other_types_than_a_name(workspace, written):
    assert workspace.problem(workspace.with_key("autoscaling.preset", written)).key == "autoscaling.preset"


def test_an_error_beside_a_preset_is_reported_once(workspace):
    problems = workspace.problems("""\
- name: my-api
  predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}
  autoscaling: {preset: responsive, min_replicas: 0, window: 15s}
""")
    assert [problem.key for problem in problems] == ["autoscaling.min_replicas", "autoscaling.window"]


@pytest.mark.parametrize(("window", "upscale_window"), [("30s", "40s"), ("60s", "1m10s")])
def test_the_upscale_window_is_the_shorter_one(workspace, window, upscale_window):
    problem = workspace.problem(f"""\
- name: my-api
  predictor: {{type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}}
  autoscaling: {{window: {window}, upscale_window: {upscale_window}}}
""")
    assert problem.key == "autoscaling.upscale_window"
    assert f"({upscale_window}) is longer than window ({'1m' if window == '60s' else window})" in problem.message


def test_both_windows_may_be_the_same(workspace):
    spec = scaling(workspace, window="20s", upscale_window="20s")
    assert spec.upscale_window == spec.window == timedelta(seconds=20)


def test_the_default_target_of_a_preset_may_be_what_keeps_it_below_the_limit(workspace):
    """70 % of 1400 slots are fewer than 1024 requests; without the preset the target would be beyond the limit."""
    assert scaling(workspace, preset="responsive", threads_per_worker=1400).target_replica_concurrency == pytest.approx(
        980
    )


def test_the_policy_holds_each_value_in_seconds(workspace):
    spec = scaling(workspace, min_replicas=2, init_replicas=3, max_replicas=9, **OTHER_VALUES)
    assert spec.policy() == Policy(
        min_replicas=2,
        init_replicas=3,
        max_replicas=9,
        target_replica_concurrency=3.5,
        window_s=70,
        upscale_window_s=20,
        queue_drain_period_s=12,
        downscale_stabilization_period_s=77,
        upscale_stabilization_period_s=11,
        max_downscale_factor=0.25,
        max_upscale_factor=7,
        downscale_tolerance=0.33,
        upscale_tolerance=0.44,
    )


def test_the_default_policy_is_that_of_the_core(workspace):
    assert scaling(workspace, min_replicas=1).policy() == Policy()
