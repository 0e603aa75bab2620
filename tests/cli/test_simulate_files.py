"""The files that ``cortex-cdk simulate`` writes are what they say."""

from __future__ import annotations

import json
import re
import shutil
import struct
from itertools import pairwise
from pathlib import Path

import pytest

from cortex_cdk.simulation.decision_log import FILE, read
from tests.support.cli import Result, call, run
from tests.support.simulate_command import STEP, figures

PLOTS = {"timeline-cortex.png", "timeline-fixed-2.png", "timeline-knative.png", "comparison.png", "costs.png"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A folder that ``--out`` wrote, with what was printed."""
    folder = tmp_path_factory.mktemp("simulate")
    result = run("simulate", *STEP, "--compare", "fixed:2,knative", "--out", "a/the report", "--json", cwd=folder)
    return folder / "a" / "the report", result


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
