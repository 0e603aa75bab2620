"""Reports: the numbers in tables, JSON, plots and the page are those of the runs."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.report import table
from cortex_cdk.simulation.report.json import document
from cortex_cdk.simulation.report.page import page
from cortex_cdk.simulation.report.reduce import colours, pareto_front, reduced
from cortex_cdk.simulation.run import Run
from tests.simulation.report.sample import NONE, run, several, with_clock, with_steps


def printed(runs: list[Run], **options: float) -> list[str]:
    console = Console(width=80, file=io.StringIO())
    console.print(table.summary(runs, **options))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    return lines


def row(lines: list[str], first: str) -> list[str]:
    """The words of a row, numbers with their units in one."""
    line = next(line for line in lines if line.startswith(first))
    return re.sub(r"(?<=\d) (?=(%|ms|s|min|h)(\*| |$))", "", line).split()


# Fewer points


def test_short_runs_are_left_as_they_are() -> None:
    one = reduced(run(buckets=12, cut_s=4), 100)
    assert one.width_s == 10
    assert one.start_s.tolist() == list(range(0, 120, 10))
    assert one.end_s[-2:].tolist() == [110, 116]
    assert one.rate[:3].tolist() == [0, 0.1, 0.2]
    assert one.rate[-1] == pytest.approx(11 / 6)  # of the 6 s that the last element has
    assert math.isnan(one.p99_s[0])
    assert (one.launching == 3).all()


def test_long_runs_get_wider_elements() -> None:
    one = reduced(run(buckets=11), 3)
    assert one.width_s == 40
    assert one.start_s.tolist() == [0, 40, 80]
    assert one.end_s.tolist() == [40, 80, 110]
    assert one.rate.tolist() == [6 / 40, 22 / 40, 27 / 30]
    assert one.rejected.tolist() == [0, 0, 10 / 30]
    assert one.desired.tolist() == [1.5, 5.5, 9]
    assert one.p99_s.tolist() == pytest.approx([0.9, 2.1, 3.0])  # of the worst 10 s
    assert one.p50_s.tolist() == pytest.approx([0.2, 0.55, 0.9])  # the median; the first 10 s have none


def test_no_requests_are_lost_on_the_way() -> None:
    for most in (1, 2, 5, 7, 12):
        one = reduced(run(), most)
        assert len(one.rate) <= most
        assert float(np.sum(one.rate * (one.end_s - one.start_s))) == pytest.approx(66)


def test_every_policy_has_its_own_colour() -> None:
    names = ["cortex", "cortex:window_s=30", "fixed:4", "fixed:8", "knative", *(f"mine-{i}" for i in range(2))]
    assert len(set(colours(names))) == len(names)
    assert colours(["fixed:8"]) == colours(["fixed"])


def test_the_front_holds_what_nothing_beats() -> None:
    assert [one.policy for one in pareto_front(several())] == ["cortex", "knative", "fixed:8"]
    assert [one.policy for one in pareto_front([run("a", replica_hours=2.0), run("b", replica_hours=1.0)])] == ["b"]
    same = [run("a", replica_hours=1.0), run("b", replica_hours=1.0, within_objective=960)]
    assert [one.policy for one in pareto_front(same)] == ["b"]


# Tables


def test_several_runs_side_by_side() -> None:
    lines = printed(several(), least_replica_hours=1.25)
    assert row(lines, "cortex") == ["cortex", "99.00%", "50ms", "900ms", "0*", "3*", "$1.58", "11", "7"]
    assert row(lines, "knative")[1] == "99.50%"
    assert row(lines, "hpa")[4] == "100"
    assert row(lines, "fixed:8")[1] == "100%*"
    assert "*" not in " ".join(row(lines, "oracle"))  # it knows the future
    assert "takes 1.25" in " ".join(lines).replace("  ", " ")


def test_what_is_the_same_everywhere_has_no_best() -> None:
    assert "*" not in "".join(printed([run("a"), run("b")])[:6])


def test_no_price_no_costs() -> None:
    runs = [replace(one, platform=Platform()) for one in several()]
    assert "costs" not in "".join(printed(runs))
    assert "costs" not in "".join(printed(runs[:1]))


def test_long_names_and_large_numbers_fit() -> None:
    large = run("cortex:downscale_tolerance=0.05,window_s=30", rejected=12_345_678, requests=99_999_999,
                replica_hours=123_456.7, dollars=1_234_567.0, scale_ups=99_999)  # fmt: skip
    lines = printed([large, run("knative")])
    assert row(lines, "knative")[0] == "knative"
    assert "12,345,678" in "".join(lines)


def test_one_run_in_full() -> None:
    lines = printed([run()])
    assert row(lines, "requests") == ["requests", "1,000"]
    assert row(lines, "answered within 500 ms") == ["answered", "within", "500ms", "95.0%"]
    assert row(lines, "queue time p99") == ["queue", "time", "p99", "900ms"]
    assert row(lines, "costs of nodes") == ["costs", "of", "nodes", "$1.58"]


def test_a_run_without_answers() -> None:
    empty = run(requests=0, answered=0, rejected=0, within_objective=0, latency=NONE, queue_time=NONE)
    assert row(printed([empty]), "latency p99") == ["latency", "p99", "-"]
    assert row(printed([empty, run("knative")]), "cortex")[1:4] == ["100%*", "-", "-"]


def test_reactions_to_steps() -> None:
    lines = printed([with_steps(run()), with_steps(run("knative"))])
    assert row(lines, "1 to 10/s at 60 s") == ["1", "to", "10/s", "at", "60s", "cortex", "5s", "2", "65s"]
    assert row(lines, "10 to 1/s at 90 s") == ["10", "to", "1/s", "at", "90s", "cortex", "never", "1", "-"]


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(1.0, "100 %"), (0.0, "0 %"), (0.999999, "99.999 %"), (0.9987, "99.87 %"), (0.5, "50.0 %"), (0.99, "99.00 %")],
)
def test_only_all_is_100_percent(fraction: float, text: str) -> None:
    assert table.percent(fraction) == text


# JSON


def test_keys_of_the_json_form() -> None:
    found = document([with_clock(run())], series=True, decisions=True, least_replica_hours=1.5)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["schema"], found["least_replica_hours"]) == ("cortex-cdk/simulation/1", 1.5)
    (one,) = found["runs"]
    assert list(one) == ["policy", "trace", "settings", "summary", "series", "decisions"]
    assert one["trace"] == {"name": "step:1..10@60s", "starts_at": "2026-05-31T13:45:00", "duration_s": 120.0}
    assert one["settings"]["platform"]["node_price_per_hour"] == 0.526
    assert one["summary"]["latency_s"] == {"mean": 0.1, "p50": 0.05, "p95": 0.4, "p99": 0.9, "max": 1.5}
    assert one["summary"]["fraction_within_objective"] == 0.95
    assert one["series"]["interval_s"] == 10
    assert one["series"]["latency_p50_s"][:2] == [None, 0.1]
    assert one["decisions"][3] == {"t_s": 35.0, "desired": 1, "reason": "because of 3"}


def test_series_and_decisions_on_demand_only() -> None:
    (one,) = document([run()])["runs"]
    assert list(one) == ["policy", "trace", "settings", "summary"]


# Plots


@pytest.mark.parametrize("buckets", [1, 5000])
def test_plots(tmp_path: Path, buckets: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    from cortex_cdk.simulation.report import plots

    monkeypatch.setattr(plots, "DPI", 30)
    runs = [run("cortex", buckets), with_clock(run("fixed:8", buckets))]
    paths = plots.write_plots(runs, tmp_path, least_replica_hours=1.0)
    assert [path.name for path in paths] == [
        "timeline-cortex.png",
        "timeline-fixed-8.png",
        "comparison.png",
        "costs.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert [path.name for path in plots.write_plots(runs[:1], tmp_path)] == ["timeline-cortex.png"]


def test_axes_have_names_and_units() -> None:
    pytest.importorskip("matplotlib")
    from cortex_cdk.simulation.report.plots import timeline
    from cortex_cdk.simulation.report.scatter import scatter

    axes = timeline(run()).axes
    assert [one.get_ylabel().replace("\n", " ") for one in axes] == [
        "load (requests/s)",
        "requests in flight (running + queued)",
        "replicas",
        "latency (log)",
        "503s (requests/s)",
    ]
    assert axes[-1].get_xlabel() == "time since start (s)"
    assert timeline(with_clock(run())).axes[-1].get_xlabel() == "time"
    (costs,) = scatter(several(), least_replica_hours=1.0).axes
    assert costs.get_xlabel().startswith("replica hours")
    assert {text.get_text() for text in costs.texts} == {one.policy for one in several()}


def test_names_of_points_do_not_cover_each_other() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.text import Text

    from cortex_cdk.simulation.report.scatter import scatter

    runs = [run(f"policy-{i}", within_objective=950 + i, replica_hours=3.0 + i / 100) for i in range(6)]
    figure = scatter([*runs, run("far", within_objective=500, replica_hours=9.0)])
    # Of the text alone: an annotation counts the line to its point, too.
    boxes = [Text.get_window_extent(text) for text in figure.axes[0].texts]
    assert len(boxes) == 7
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


# The page


class Parsed(HTMLParser):
    """Elements, and the text of the one with the data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") == "data"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        self.data += data if self._inside else ""


def test_the_page_fetches_nothing() -> None:
    text = page([with_clock(one) for one in several()])
    parsed = Parsed(text)
    assert not any({"src", "href"} & attributes.keys() for _, attributes in parsed.tags)
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttpRequest|import\(", text)
    assert "default-src 'none'" in text


def test_the_page_holds_the_numbers() -> None:
    data = json.loads(Parsed(page(several(), least_replica_hours=1.25)).data)
    assert (data["duration_s"], data["objective_s"], data["least_replica_hours"]) == (120, 0.5, 1.25)
    assert [one["policy"] for one in data["runs"]] == ["cortex", "knative", "hpa", "fixed:8", "oracle"]
    assert data["front"] == [0, 1, 3]
    first = data["runs"][0]
    assert first["series"]["rate"][:3] == [0, 0.1, 0.2]
    assert first["series"]["p99"][:2] == [None, 0.3]
    assert first["decisions"][3] == [35, 1, "because of 3"]


def test_the_page_of_a_long_run_stays_small() -> None:
    data = json.loads(Parsed(page([run(buckets=60_000)])).data)
    assert len(data["t"]) <= 1000
    assert len(data["runs"][0]["decisions"]) <= 2000


def test_names_cannot_break_out_of_the_page() -> None:
    evil = "</script><script>alert(1)</script>&\"'"
    one = replace(run(evil), trace=evil)
    text = page([one, run()], settings={evil: evil})
    assert "<script>alert" not in text
    assert json.loads(Parsed(text).data)["runs"][0]["policy"] == evil


def test_the_page_has_what_the_script_looks_for() -> None:
    for runs in ([run()], several()):
        ids = {attributes.get("id") for _, attributes in Parsed(page(runs)).tags}
        assert {"load", "in-flight", "replicas", "latency", "rejected", "legend", "readout", "percentile"} <= ids
        assert ("scatter" in ids) == (len(runs) > 1)
    assert "rejected" not in {a.get("id") for _, a in Parsed(page([run(rejected=0)])).tags}
