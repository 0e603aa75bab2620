"""``cortex-cdk simulate``: the library's figures, and mistakes told at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cortex_cdk.simulation import Platform, pattern, read_trace
from tests.support.cli import call, run
from tests.support.simulate_command import STEP, answer, error_of, figures, library

COUNTS = "period,count\n" + "".join(f"2026-05-31 13:{minute:02d}:00,{120 + minute * 10}\n" for minute in range(5))


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
