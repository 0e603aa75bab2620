"""``cortex-cdk simulate``: the library's figures, files that are what they say, and mistakes told at once."""

from __future__ import annotations

import json
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pexpect
import pytest

from cortex_cdk.simulation import Platform, parse_service_time, pattern, read_trace
from cortex_cdk.simulation.compare import compare, lower_bound
from cortex_cdk.simulation.decision_log import FILE, read
from cortex_cdk.simulation.policies import PolicyContext
from cortex_cdk.simulation.report.json import document
from cortex_cdk.simulation.trace import Trace
from cortex_cdk.spec import autoscaling_of
from tests.support.cli import PROGRAM, Result, call, run

STEP = ("--pattern", "step:1..8@60s", "--duration", "4m", "--service-time", "exp:200ms", "--startup", "20s")
COUNTS = "period,count\n" + "".join(f"2026-05-31 13:{minute:02d}:00,{120 + minute * 10}\n" for minute in range(5))
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


def library(
    names: list[str], trace: Trace, *, objective_s: float | None = None, platform: Platform, seed: int = 0, **keys: Any
) -> dict[str, Any]:
    """What the command should print as JSON, from the library."""
    service_time = parse_service_time("exp:200ms")
    spec = autoscaling_of(**keys)
    context = PolicyContext(
        policy=spec.policy(),
        responsive=autoscaling_of(preset="responsive").policy(),
        platform=platform,
        trace=trace,
        service_time=service_time,
        seed=seed,
    )
    runs = compare(names, trace, service_time, context, objective_s=objective_s)
    least = lower_bound(trace, service_time, context, objective_s=objective_s)
    found: dict[str, Any] = json.loads(json.dumps(document(runs, least_replica_hours=least)))
    return found


def figures(result: Result) -> dict[str, Any]:
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def answer(project: Path, *arguments: str) -> dict[str, Any]:
    return figures(call("simulate", *STEP, "--json", *arguments, cwd=project))


def by_policy(found: dict[str, Any]) -> dict[str, Any]:
    return {one["policy"]: one["summary"] for one in found["runs"]}


def error_of(project: Path, *arguments: str) -> str:
    result = call("simulate", *arguments, cwd=project)
    assert (result.code, result.raw) == (1, b""), result
    return result.err


# Figures


def test_the_figures_are_those_of_the_library(tmp_path: Path) -> None:
    arguments = [*STEP, "--compare", "responsive,knative,ray,hpa,ecs,ecs-60s,fixed,oracle", "--objective", "3s"]
    platform = ["--node-startup", "30s", "--replicas-per-node", "2", "--max-nodes", "4", "--price", "0.5"]
    result = run("simulate", *arguments, *platform, "--seed", "3", "--json", cwd=tmp_path)
    assert result.err == ""
    assert figures(result) == library(
        ["cortex", "responsive", "knative", "ray", "hpa", "ecs", "ecs-60s", "fixed", "oracle"],
        pattern("step:1..8@60s", 240.0),
        objective_s=3.0,
        platform=Platform(
            task_startup_s=20.0, node_startup_s=30.0, replicas_per_node=2, max_nodes=4, node_price_per_hour=0.5
        ),
        seed=3,
    )


def test_the_table(tmp_path: Path) -> None:
    result = run("simulate", *STEP, cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    summary = answer(tmp_path)["runs"][0]["summary"]
    lines = [line.rstrip() for line in result.out.splitlines()]
    assert lines[:3] == [
        f"step:1..8@60s: {summary['requests']:,} requests in 240 s",
        "replicas: 1 request at once, each taking 200 ms on average; start-up 20 s",
        "API: none, all defaults",
    ]
    table = {line[:26].strip(): line.split()[-1] for line in lines[4:] if line}
    assert table["requests"] == f"{summary['requests']:,}"
    assert table["replicas, peak"] == str(summary["peak_replicas"])
    assert "1 to 8/s at 60 s cortex" in result.out
    assert result.out == run("simulate", *STEP, cwd=tmp_path).out


def test_another_seed_is_another_workload(tmp_path: Path) -> None:
    first, again, other = (answer(tmp_path, "--seed", seed) for seed in ("1", "1", "2"))
    assert first == again
    assert first["runs"][0]["summary"]["requests"] != other["runs"][0]["summary"]["requests"]


def test_a_trace_from_standard_input_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text(COUNTS)
    arguments = ["--service-time", "exp:200ms", "--startup", "20s", "--json"]
    of_file = run("simulate", "--trace", "counts.csv", *arguments, cwd=tmp_path)
    piped = run("simulate", "--trace", "-", *arguments, cwd=tmp_path, stdin=COUNTS.encode())
    expected = library(["cortex"], read_trace(tmp_path / "counts.csv"), platform=Platform(task_startup_s=20.0))
    assert figures(of_file) == expected
    for one in expected["runs"]:
        one["trace"]["name"] = "standard input"
    assert figures(piped) == expected
    assert of_file.err.splitlines() == [
        "counts.csv: 5 rows, time from 'period'",
        "counts.csv: number of requests from 'count' per 60 s",
    ]
    assert "standard input: 5 rows" in piped.err


def test_a_part_of_a_trace_and_fewer_requests(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text(COUNTS)
    cut = ["--start", "2026-05-31 13:01:00", "--end", "3m", "--scale", "0.5"]
    result = run("simulate", "--trace", "counts.csv", *cut, cwd=tmp_path)
    assert result.out.startswith("counts.csv: 135 requests in 120 s from 2026-05-31 13:01:00\n")


def test_columns_and_the_interval_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("a,b,c\n0,9,1\n60,9,2\n130,9,3\n")
    named = ["--time-column", "a", "--count-column", "c"]
    assert "do not come at even intervals" in error_of(tmp_path, "--trace", "odd.csv", *named)
    found = call("simulate", "--trace", "odd.csv", *named, "--interval", "1m", "--json", cwd=tmp_path)
    assert figures(found)["runs"][0]["summary"]["requests"] == 6


def test_an_objective_that_nothing_can_meet(tmp_path: Path) -> None:
    arguments = ["--pattern", "constant:2", "--duration", "1m", "--service-time", "100ms", "--objective", "50ms"]
    result = call("simulate", *arguments, cwd=tmp_path)
    assert "No policy can answer every request within 50 ms: some of them alone take longer." in result.out
    found = figures(call("simulate", *arguments, "--json", cwd=tmp_path))
    assert found["least_replica_hours"] is None
    assert found["runs"][0]["summary"]["fraction_within_objective"] == 0.0


def test_traffic_without_a_request(tmp_path: Path) -> None:
    found = figures(call("simulate", "--pattern", "constant:0", "--json", cwd=tmp_path))
    assert (found["runs"][0]["summary"]["requests"], found["least_replica_hours"]) == (0, 0.0)


# Whose settings


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


# Wrong options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is no traffic: give a --pattern, such as step:1..10@60s, or the file of a --trace"),
        (["--trace", "counts.csv", "--pattern", "constant:1"], "are two kinds of traffic: give one of them"),
        (["--pattern", "constant:1", "--start", "1m"], "--start is for --trace, not for --pattern"),
        (["--pattern", "constant:1", "--count-column", "a"], "--count-column is for --trace, not for --pattern"),
        (["--trace", "counts.csv", "--duration", "1m"], "--duration is for --pattern"),
        (["--pattern", "wobble:1"], "pattern 'wobble:1': expected one of constant:5, step:1..10@60s"),
        (["--pattern", "constant:1", "--duration", "soon"], "--duration: 'soon' is not a duration such as 90s"),
        (["--pattern", "constant:1", "--duration", "0s"], "--duration 0s: must be more than 0 seconds"),
        (["--trace", "gone.csv"], "gone.csv: cannot be read: No such file or directory"),
        (
            ["--trace", "counts.csv", "--time-column", "x"],
            "there is no time column 'x'; the columns are 'period', 'count'",
        ),
        (["--trace", "counts.csv", "--start", "5h"], "nothing is left between start and end; the trace is 300 s long"),
        (["--trace", "counts.csv", "--scale", "0"], "the scale must be a number above 0, not 0"),
        (["--trace", "counts.csv", "--interval", "0s"], "--interval 0s: must be more than 0 seconds"),
        (["--trace", "counts.csv", "--interval", "x"], "--interval: 'x' is not a duration"),
        ([*STEP, "--objective", "0"], "--objective 0: must be more than 0 seconds"),
        ([*STEP, "--startup", "-1s"], "--startup: '-1s' is not a duration"),
        ([*STEP, "--node-startup", "x"], "--node-startup: 'x' is not a duration"),
        ([*STEP, "--service-time", "0ms"], "service time '0ms': 0s is not above 0; allowed is one of 50ms (constant)"),
        ([*STEP, "--price", "x"], "the price 'x' is not a number of 0 or more"),
        ([*STEP, "--price", "1", "--instance-type", "m5.large"], "give either --price or --instance-type, not both"),
        ([*STEP, "--price", "1", "--prices", "p.json"], "give either --price or --prices, not both"),
        ([*STEP, "--prices", "p.json"], "--prices needs --instance-type"),
        (
            [*STEP, "--instance-type", "m5.lagre"],
            "no price for the instance type 'm5.lagre'; similar ones are m5.large",
        ),
        ([*STEP, "--out", "counts.csv"], "--out counts.csv: is not a folder"),
        ([*STEP, "--out", "counts.csv/below"], "--out counts.csv/below: is not a folder"),
    ],
)
def test_wrong_options(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "counts.csv").write_text(COUNTS)
    assert message in error_of(tmp_path, *arguments)
    assert [file.name for file in tmp_path.iterdir()] == ["counts.csv"]


@pytest.mark.parametrize("arguments", [["--scale", "x"], ["--seed", "-1"], ["--max-nodes", "0"], ["--nope"]])
def test_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    assert call("simulate", *STEP, *arguments, cwd=tmp_path).code == 2


def test_the_price_of_an_instance_type(tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text('{"instances": {"mine.large": {"price_per_hour": 2.5}}}')
    found = answer(tmp_path, "--instance-type", "mine.large", "--prices", "prices.json")["runs"][0]
    assert found["settings"]["platform"]["node_price_per_hour"] == 2.5
    assert found["summary"]["dollars"] == pytest.approx(2.5 * found["summary"]["node_hours"])


# Files


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A folder that ``--out`` wrote, with what was printed."""
    folder = tmp_path_factory.mktemp("simulate")
    result = run("simulate", *STEP, "--compare", "fixed:2,knative", "--out", "a/the report", "--json", cwd=folder)
    return folder / "a" / "the report", result


PLOTS = {"timeline-cortex.png", "timeline-fixed-2.png", "timeline-knative.png", "comparison.png", "costs.png"}


def test_the_files(report: tuple[Path, Result]) -> None:
    folder, result = report
    assert {file.name for file in folder.iterdir()} == PLOTS | {"index.html", "figures.json", FILE}
    *_, written, why = result.err.splitlines()
    assert written == "written to a/the report: index.html to look at, 5 plots, figures.json, decisions.jsonl"
    assert why.startswith("why it did what it did: cortex-cdk explain --simulation 'a/the report' --at ")


def test_the_plots_are_pictures(report: tuple[Path, Result]) -> None:
    for name in PLOTS:
        content = (report[0] / name).read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", content[16:24])
        assert 1000 < width < 3000
        assert 700 < height < 3000
        assert content.endswith(b"IEND\xaeB`\x82")


def test_the_page_needs_nothing_else(report: tuple[Path, Result]) -> None:
    text = (report[0] / "index.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert not re.findall(
        r"""(?:src|href|srcset|action|data)\s*=\s*["']|url\((?!#)|@import|https?://(?!www\.w3\.org/)""", text
    )
    assert "none, all defaults" in text
    assert all(name in text for name in ("cortex", "fixed:2", "knative"))


def test_the_file_of_figures_has_what_is_printed_and_the_series(report: tuple[Path, Result]) -> None:
    found = json.loads((report[0] / "figures.json").read_text(), parse_constant=pytest.fail)
    assert found["schema"] == "cortex-cdk/simulation/1"
    series = [one.pop("series") for one in found["runs"]]
    assert found == figures(report[1])
    for one, run_of in zip(series, found["runs"], strict=True):
        assert one["interval_s"] == 10
        assert {len(values) for name, values in one.items() if name != "interval_s"} == {24}
        assert sum(one["arrivals"]) == run_of["summary"]["requests"]


def test_the_decisions_are_those_of_the_runs(report: tuple[Path, Result]) -> None:
    header, decisions = read(report[0])
    assert header.policies == ("cortex", "fixed:2", "knative")
    logged = list(decisions)
    for one in figures(report[1])["runs"]:
        of_run = [decision for decision in logged if decision.policy == one["policy"]]
        ups = sum(decision.desired > decision.requested for decision in of_run)
        downs = sum(decision.desired < decision.requested for decision in of_run)
        assert (ups, downs) == (one["summary"]["scale_ups"], one["summary"]["scale_downs"])
        assert all(before.until_s < after.t_s for before, after in pairwise(of_run))
        assert of_run[-1].until_s <= header.duration_s == 240.0


def test_the_moment_to_ask_about_is_that_of_the_largest_change(report: tuple[Path, Result]) -> None:
    at = report[1].err.split("--at ")[1].strip()
    minutes, _, rest = at.rpartition("m")
    moment = 60 * int(minutes or 0) + int(rest.removesuffix("s") or 0)
    changes = {one.t_s: abs(one.desired - one.requested) for one in read(report[0])[1] if one.policy == "cortex"}
    assert changes[moment] == max(changes.values()) > 0


def test_an_earlier_simulation_is_replaced_and_nothing_else(tmp_path: Path, report: tuple[Path, Result]) -> None:
    shutil.copytree(report[0], tmp_path / "out")
    (tmp_path / "out" / "mine.png").write_bytes(b"mine")
    assert call("simulate", *STEP, "--seed", "1", "--out", "out", cwd=tmp_path).code == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "index.html", "figures.json", FILE, "timeline-cortex.png", "mine.png"
    }  # fmt: skip
    assert [one["policy"] for one in json.loads((tmp_path / "out" / "figures.json").read_text())["runs"]] == ["cortex"]
    assert read(tmp_path / "out")[0].policies == ("cortex",)


def test_plots_that_are_not_of_a_simulation_stay(tmp_path: Path) -> None:
    (tmp_path / "timeline-mine.png").write_bytes(b"mine")
    assert call("simulate", *STEP, "--out", ".", cwd=tmp_path).code == 0
    assert (tmp_path / "timeline-mine.png").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["index.html", "figures.json", FILE, f".{FILE}.unfinished"])
def test_a_file_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "out" / name).mkdir(parents=True)
    result = call("simulate", *STEP, "--out", "out", cwd=tmp_path)
    assert (result.code, result.err) == (1, "error: --out out: Is a directory\n")


# Terminals


def test_a_terminal_shows_how_far_it_is_and_no_line_is_too_long(tmp_path: Path) -> None:
    names = "responsive:window=40s"
    arguments = ["simulate", *STEP, "--price", "12.34", "--compare", names, "--out", "out"]
    env = {"TERM": "xterm-256color", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    child = pexpect.spawn(PROGRAM, arguments, cwd=str(tmp_path), env=env, dimensions=(60, 80), timeout=120)
    shown = child.read().decode()
    child.close()
    assert child.exitstatus == 0
    for what in ("preparing", "(1 of 2)", "(2 of 2)", "drawing costs.png"):
        assert what in shown
    last = shown.rpartition("drawing")[2]
    final = shown[shown.index("step:1..8@60s: ") : shown.rindex("writing")] + last[last.index("written to") :]
    for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", final).replace("\r", "\n").splitlines():
        assert len(line) <= 80 or line.startswith(("written to", "why it did"))  # text, which the terminal wraps
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", final)
    assert "responsive:window" in plain
    assert "=40s" in plain  # of the table, in a second line
    assert "…" not in plain


def test_ctrl_c_ends_it_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [PROGRAM, "simulate", "--pattern", "constant:1", "--duration", "300d", "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not (tmp_path / "out" / f".{FILE}.unfinished").exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (130, "", "")
    assert list((tmp_path / "out").iterdir()) == []


# Help


def test_help_has_the_options_in_groups(tmp_path: Path) -> None:
    text = call("simulate", "--help", cwd=tmp_path).out
    headings = re.findall(r"^([A-Z][^\n]*):$", text, re.MULTILINE)
    assert headings[-6:] == [
        "Traffic, one of --pattern and --trace",
        "Requests",
        "Autoscaling",
        "Replicas and their nodes",
        "Results",
        "Other options",
    ]
    options = re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)
    assert len(options) == len(set(options)) == 24
    assert max(map(len, text.splitlines())) <= 100
    group = text[text.index("Autoscaling:") : text.index("Replicas and their nodes:")]
    assert all(f"  {option} " in group for option in ("--api", "--set", "--compare"))


@pytest.mark.parametrize("arguments", [["simulate", "--help"], ["explain", "--help"]])
def test_help_loads_nothing_slow(arguments: list[str]) -> None:
    slow = ("numpy", "numba", "matplotlib", "rich", "yaml", "scipy")
    code = (
        f"import sys; sys.argv = ['cortex-cdk', *{arguments!r}]\n"
        "from cortex_cdk.cli.main import main\n"
        "try: main()\n"
        f"finally: print([name for name in {slow!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"
