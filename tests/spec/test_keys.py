"""Every key of cortex.yaml: its default, what it accepts, what it refuses, both sides of each limit."""

from __future__ import annotations

import operator
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from cortex_cdk.spec import CountOrPercent, Quantity

MINUTE = timedelta(minutes=1)
LONG_NAME = "a" + "b" * 41


def test_the_defaults(workspace):
    api = workspace.api("""\
        - name: my-api
          predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}
        """)
    assert api.endpoint == "/my-api"
    assert api.tracker is None
    predictor = api.predictor
    assert (predictor.type, predictor.signature_key, predictor.config, predictor.python_path, predictor.env) == (
        "tensorflow",
        None,
        {},
        ".",
        {},
    )
    assert (api.compute.cpu, api.compute.gpu, api.compute.mem) == (Quantity.parse("200m"), 0, None)
    scaling = api.autoscaling
    assert (scaling.min_replicas, scaling.max_replicas, scaling.init_replicas) == (1, 100, 1)
    assert (scaling.workers_per_replica, scaling.threads_per_worker) == (1, 1)
    assert (scaling.target_replica_concurrency, scaling.max_replica_concurrency) == (1.0, 1024)
    assert (scaling.preset, scaling.window) == (None, MINUTE)
    assert (scaling.upscale_window, scaling.queue_drain_period) == (None, None)
    assert scaling.downscale_stabilization_period == 5 * MINUTE
    assert scaling.upscale_stabilization_period == timedelta(0)
    assert (scaling.max_downscale_factor, scaling.max_upscale_factor) == (0.5, 10.0)
    assert (scaling.downscale_tolerance, scaling.upscale_tolerance) == (0.1, 0.1)
    assert str(api.update_strategy.max_surge) == str(api.update_strategy.max_unavailable) == "25%"


def test_empty_sections_take_their_defaults(workspace):
    filled = workspace.api("""\
        - name: my-api
          predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}
          compute: {}
          autoscaling: {}
          update_strategy: {}
        """)
    bare = workspace.api("""\
        - name: my-api
          predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}
        """)
    assert filled == bare


def test_defaults_that_follow_from_other_keys(workspace):
    scaling = workspace.api("""\
        - name: my-api
          predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}
          autoscaling: {min_replicas: 3, workers_per_replica: 4, threads_per_worker: 5}
        """).autoscaling
    assert scaling.init_replicas == 3
    assert scaling.target_replica_concurrency == 20.0


def percent(value: int) -> CountOrPercent:
    return CountOrPercent(value, is_percent=True)


def count(value: int) -> CountOrPercent:
    return CountOrPercent(value, is_percent=False)


ACCEPTED: list[tuple[str, str, Any]] = [
    ("name", "a", "a"),
    ("name", "a-1", "a-1"),
    ("name", LONG_NAME, LONG_NAME),
    ("endpoint", "/v1/my_api.x-y", "/v1/my_api.x-y"),
    ("endpoint", "v1", "/v1"),
    ("endpoint", "/v1/", "/v1"),
    ("endpoint", "/livez/x", "/livez/x"),
    ("endpoint", "/livez2", "/livez2"),
    ("predictor.path", "./predictor.py", "predictor.py"),
    ("predictor.signature_key", "serving_default", "serving_default"),
    ("predictor.config", "{}", {}),
    ("predictor.config", "{a: null, b: [1, 2.5, {c: yes}]}", {"a": None, "b": [1, 2.5, {"c": True}]}),
    ("predictor.python_path", "src", "src"),
    ("predictor.python_path", "./src/", "src"),
    ("predictor.env", "{A: b, empty: ''}", {"A": "b", "empty": ""}),
    ("predictor.env", "{MY_CORTEX_X: b, cortex_x: c}", {"MY_CORTEX_X": "b", "cortex_x": "c"}),
    ("tracker.key", "label", "label"),
    ("tracker.model_type", "classification", "classification"),
    ("tracker.model_type", "regression", "regression"),
    ("compute.cpu", "20m", Quantity.parse("0.02")),
    ("compute.cpu", "1", Quantity.parse("1000m")),
    ("compute.cpu", "0.5", Quantity.parse("500m")),
    ("compute.cpu", '"2"', Quantity.parse("2")),
    ("compute.cpu", "0.02", Quantity.parse("20m")),
    ("compute.gpu", "0", 0),
    ("compute.gpu", "8", 8),
    ("compute.mem", "20Mi", Quantity.parse("20Mi")),
    ("compute.mem", "8G", Quantity.parse("8000000000")),
    ("compute.mem", '"20971520"', Quantity.parse("20Mi")),
    *[
        ("compute.mem", f"100000000{unit}", Quantity.parse(f"100000000{unit}"))
        for unit in ("Ki", "Mi", "Gi", "K", "M", "G")
    ],
    ("compute.mem", "1T", Quantity.parse("1000G")),
    ("compute.mem", "1Ti", Quantity.parse("1024Gi")),
    ("autoscaling.min_replicas", "1", 1),
    ("autoscaling.max_replicas", "1", 1),
    ("autoscaling.max_replicas", "1_000", 1000),
    ("autoscaling.init_replicas", "1", 1),
    ("autoscaling.init_replicas", "100", 100),
    ("autoscaling.workers_per_replica", "100", 100),
    ("autoscaling.threads_per_worker", "1024", 1024),
    ("autoscaling.target_replica_concurrency", "0.001", 0.001),
    ("autoscaling.target_replica_concurrency", "1024", 1024.0),
    ("autoscaling.max_replica_concurrency", "1", 1),
    ("autoscaling.max_replica_concurrency", "65535", 65535),
    ("autoscaling.window", "10s", timedelta(seconds=10)),
    ("autoscaling.window", "1m30s", timedelta(seconds=90)),
    ("autoscaling.window", "1.5h", timedelta(minutes=90)),
    ("autoscaling.window", "20000ms", timedelta(seconds=20)),
    ("autoscaling.downscale_stabilization_period", "0s", timedelta(0)),
    ("autoscaling.downscale_stabilization_period", "300ms", timedelta(milliseconds=300)),
    ("autoscaling.downscale_stabilization_period", "5µs", timedelta(microseconds=5)),
    ("autoscaling.upscale_stabilization_period", "0m", timedelta(0)),
    ("autoscaling.upscale_stabilization_period", "1h", timedelta(hours=1)),
    ("autoscaling.max_downscale_factor", "0", 0.0),
    ("autoscaling.max_downscale_factor", "0.999", 0.999),
    ("autoscaling.max_upscale_factor", "1.001", 1.001),
    ("autoscaling.max_upscale_factor", "1e2", 100.0),
    ("autoscaling.downscale_tolerance", "0", 0.0),
    ("autoscaling.downscale_tolerance", "0.999", 0.999),
    ("autoscaling.upscale_tolerance", "0", 0.0),
    ("autoscaling.upscale_tolerance", "7", 7.0),
    ("update_strategy.max_surge", "0%", percent(0)),
    ("update_strategy.max_surge", "100%", percent(100)),
    ("update_strategy.max_surge", "0", count(0)),
    ("update_strategy.max_surge", "5", count(5)),
    ("update_strategy.max_surge", '"5"', count(5)),
    ("update_strategy.max_unavailable", "0%", percent(0)),
    ("update_strategy.max_unavailable", "100%", percent(100)),
    ("update_strategy.max_unavailable", "7", count(7)),
]


@pytest.mark.parametrize(("key", "written", "value"), ACCEPTED)
def test_accepted(workspace, key, written, value):
    api = workspace.api(workspace.with_key(key, written))
    found = operator.attrgetter(key)(api)
    assert found == value
    assert type(found) is type(value)


REFUSED: list[tuple[str, str]] = [
    *[("name", name) for name in ["A", "my_api", "1a", "-a", "a-", "a.b", '""', LONG_NAME + "c", "1", "on", "[a]"]],
    *[("name", '"a\\n"'), ("endpoint", '"/a\\n"'), ("autoscaling.window", '"60s\\n"'), ("compute.mem", '"8G\\n"')],
    *[("endpoint", path) for path in ["/", "//", "/a//b", "a//", '""', "/a b", "/a?b", "/ä", "/a/*", "1", "{}"]],
    *[("endpoint", path) for path in ["/livez", "readyz", "/metrics/", "/_console"]],
    *[("endpoint", path) for path in ["/a/../b", "/.", "..", "/a/."]],
    *[("predictor.type", kind) for kind in ["python", "onnx", "tensorfow", "1", "[]"]],
    *[("predictor.path", path) for path in ['""', "1", "[predictor.py]"]],
    *[("predictor.model", path) for path in ['""', "1", "{}"]],
    *[("predictor.signature_key", key) for key in ['""', "1", "true"]],
    *[
        ("predictor.config", config)
        for config in ["[]", "a", "1", "{a: .nan}", "{a: [.inf]}", "{1: a}", "{a: {on: b}}"]
    ],
    *[("predictor.config", config) for config in ["{a: 123456789012345678901}", "{a: !!binary aGk=}", "{a: 010}"]],
    *[("predictor.python_path", path) for path in ['""', "1", "[src]"]],
    *[("predictor.env", env) for env in ["[]", "a", "{A: 1}", "{A: yes}", "{A: null}", "{A: {}}", "{CORTEX_A: b}"]],
    *[("predictor.env", env) for env in ["{CORTEX_: b}", '{"": b}', "{A=B: c}", "{1: b}", '{A: "\\0"}', '{"A\\0": b}']],
    *[("tracker.key", key) for key in ['""', "1"]],
    *[("tracker.model_type", kind) for kind in ["clasification", '""', "Regression", "1", "[regression]"]],
    *[("compute.cpu", cpu) for cpu in ["19m", "0", "-1", "0.019", '""', "1 core", "true", ".inf", "1e400", "[1]"]],
    *[("compute.cpu", cpu) for cpu in ["10E", "1e99", "1x", '"1e999999999"']],
    *[("compute.gpu", gpu) for gpu in ["-1", "0.5", "1.0", '"1"', "true", "3000000000"]],
    *[("compute.mem", mem) for mem in ["19Mi", "20971519m", "512m", "1073741824", "8GB", "8 G", "-1Gi", "8gi", '""']],
    *[
        (f"autoscaling.{key}", value)
        for key in ["min_replicas", "max_replicas", "init_replicas", "workers_per_replica", "threads_per_worker"]
        for value in ["0", "-1", "1.0", '"1"', "true", "3000000000", "010", "[1]", "{}", ".nan", "1:30"]
    ],
    ("autoscaling.workers_per_replica", "101"),
    *[("autoscaling.target_replica_concurrency", value) for value in ["0", "-1", ".inf", ".nan", '"1"', "true", "[]"]],
    *[("autoscaling.max_replica_concurrency", value) for value in ["0", "65536", "1.0", '"1"', "true"]],
    *[("autoscaling.window", value) for value in ["0s", "9s", "9.999999999s", "15s", "10500ms", "60", "1:00", "-60s"]],
    *[("autoscaling.window", value) for value in ["60 s", "1d", "true", '""', "3000000h", "[60s]", "s", "60S"]],
    *[
        (f"autoscaling.{key}", value)
        for key in ["downscale_stabilization_period", "upscale_stabilization_period"]
        for value in ["-1s", "-1ns", "0", "5", "1.5", "5 m", "five", "true", "999999999999h"]
    ],
    *[("autoscaling.max_downscale_factor", value) for value in ["-0.1", "1", "1.5", '"0.5"', "true", ".nan"]],
    *[("autoscaling.max_upscale_factor", value) for value in ["1", "0.5", "-2", ".inf", "2x"]],
    *[("autoscaling.downscale_tolerance", value) for value in ["-0.1", "1", "true", "10%"]],
    *[("autoscaling.upscale_tolerance", value) for value in ["-0.1", ".inf", "false", "10%"]],
    *[
        (f"update_strategy.{key}", value)
        for key in ["max_surge", "max_unavailable"]
        for value in [
            "-1",
            "-1%",
            "101%",
            "25.5%",
            "0.5",
            "25 %",
            '"%"',
            '""',
            "true",
            "[5]",
            "3000000000",
            '"9999999999"',
        ]
    ],
]
# What JSON Schema cannot say, or what is seen by the YAML reader before.
BEYOND_THE_SCHEMA = {
    *[("name", '"a\\n"'), ("endpoint", '"/a\\n"'), ("autoscaling.window", '"60s\\n"'), ("compute.mem", '"8G\\n"')],
    # a number without a fraction is an integer to JSON Schema, however it is written
    *[
        (f"autoscaling.{key}", "1.0")
        for key in ["min_replicas", "max_replicas", "init_replicas", "workers_per_replica", "threads_per_worker"]
    ],
    *[("compute.gpu", "1.0"), ("autoscaling.max_replica_concurrency", "1.0")],
    *[("compute.cpu", cpu) for cpu in ["19m", "10E", "1e99"]],
    *[("compute.mem", mem) for mem in ["19Mi", "20971519m", "512m"]],
    *[("autoscaling.window", window) for window in ["0s", "9s", "9.999999999s", "15s", "10500ms", "3000000h"]],
    *[
        (f"autoscaling.{key}", value)
        for key in ["downscale_stabilization_period", "upscale_stabilization_period"]
        for value in ["-1s", "-1ns", "999999999999h"]
    ],
    *[("update_strategy.max_surge", '"9999999999"'), ("update_strategy.max_unavailable", '"9999999999"')],
}


@pytest.mark.parametrize(("key", "written"), REFUSED)
def test_refused(workspace, key, written):
    text = workspace.with_key(key, written)
    problems = workspace.problems(text)
    last = key.rpartition(".")[2]
    lines = text.splitlines()
    for problem in problems:
        assert problem.api is not None
        assert problem.key is not None
        assert problem.key.startswith(key)
        assert problem.line is not None
        assert problem.column is not None
        assert f"{last}:" in lines[problem.line - 1]
        assert problem.allowed or problem.hint
    flaws_only = any(word in written for word in (".nan", ".inf", "{1:", "{on:", "!!", "010", "1e400"))
    flaws_only = flaws_only or "123456789012345678901" in written
    if (key, written) not in BEYOND_THE_SCHEMA and not flaws_only:
        assert not workspace.accepted_by_schema(text), "the schema could tell, too"


def test_what_the_schema_cannot_say_is_what_it_accepts(workspace):
    refused = set(REFUSED)
    for key, written in BEYOND_THE_SCHEMA:
        assert (key, written) in refused
        if "\\n" not in written:  # whether `$` matches before a newline depends on the validator
            assert workspace.accepted_by_schema(workspace.with_key(key, written)), (key, written)


SECTIONS = ["predictor", "tracker", "compute", "autoscaling", "update_strategy"]
KEYS = [
    *["name", "endpoint", *SECTIONS],
    *[f"predictor.{key}" for key in ["type", "path", "model", "signature_key", "config", "python_path", "env"]],
    *["tracker.key", "tracker.model_type", "compute.cpu", "compute.gpu", "compute.mem"],
    *[f"autoscaling.{key}" for key in ["min_replicas", "max_replicas", "init_replicas", "workers_per_replica"]],
    *[f"autoscaling.{key}" for key in ["threads_per_worker", "target_replica_concurrency", "max_replica_concurrency"]],
    *[f"autoscaling.{key}" for key in ["window", "downscale_stabilization_period", "upscale_stabilization_period"]],
    *[f"autoscaling.{key}" for key in ["max_downscale_factor", "max_upscale_factor"]],
    *[
        f"autoscaling.{key}"
        for key in ["downscale_tolerance", "upscale_tolerance", "upscale_window", "queue_drain_period"]
    ],
    "autoscaling.preset",
    *["update_strategy.max_surge", "update_strategy.max_unavailable"],
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("written", ["null", "", "~"])
def test_null_is_refused_everywhere(workspace, key, written):
    text = workspace.with_key(key, written)
    problem = workspace.problem(text)
    assert problem.key == key
    assert problem.message == "null is not allowed"
    assert problem.value is None
    assert problem.allowed
    assert problem.hint == "remove the key or give it a value"
    assert not workspace.accepted_by_schema(text)


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("written", ["[]", "a", "1", "true"])
def test_a_section_is_a_map(workspace, section, written):
    text = workspace.with_key(section, written)
    problem = workspace.problem(text)
    assert (problem.key, problem.allowed) == (section, "a map")
    assert not workspace.accepted_by_schema(text)


@pytest.mark.parametrize("key", ["name", "predictor", "predictor.type", "predictor.path", "predictor.model"])
def test_required(workspace, key):
    lines = {
        "name": "  name: my-api",
        "predictor": "  predictor:",
        "predictor.type": "    type: tensorflow",
        "predictor.path": "    path: predictor.py",
        "predictor.model": "    model: s3://my-bucket/my-model",
    }
    left = [line for name, line in lines.items() if not name.startswith(key)]
    problem = workspace.problem("\n".join(["-", "  compute: {cpu: 1}", *left]))
    assert problem.key == key
    assert problem.message == "required, but not there"
    assert problem.allowed
    named = "predictor" if "." in key else "compute"  # where the map begins that lacks it
    assert (problem.line, problem.column) == (2 if named == "compute" else 4, 3)


def test_required_in_tracker(workspace):
    problem = workspace.problem("""\
        - name: my-api
          predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}
          tracker:
            key: label
        """)
    assert (problem.key, problem.line, problem.column) == ("tracker.model_type", 3, 3)
    assert problem.allowed == "classification or regression"


def test_cpu_and_memory_in_the_units_of_the_cloud(workspace):
    compute = workspace.api("""\
        - name: my-api
          predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}
          compute: {cpu: 0.2, mem: 1.5Gi}
        """).compute
    assert compute.cpu.milli == 200
    assert compute.mem is not None
    assert compute.mem.whole == 1536 * 1024**2
    assert compute.mem.value == Fraction(3, 2) * 2**30
