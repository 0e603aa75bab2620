"""Results are kept, and become goals, tables, pictures and the sections of a page."""

import io
import subprocess
import sys

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from benchmarks import report
from benchmarks.results import PARTS, Results, ResultsError, read, write
from benchmarks.rounds import Measured
from benchmarks.tables import Table
from tests.benchmarks.sample_results import CONDITIONS, sample

UNDECIDED = "most APIs that a tick of the scaler did not decide on, of 500"


def verdicts(results):
    return {goal.subject: (goal.value, goal.verdict) for goal in results.goals()}


def test_goals_are_those_that_the_figures_give():
    found = verdicts(sample())
    assert found["requests/s at 8 connections, beside FastAPI + uvicorn"] == (5.0, "met")
    assert found["requests/s at 64 connections, beside LitServe"] == (10.0, "missed by 16.7%")
    assert found["requests/s at 8 connections, beside BentoML"] == (25.0, "met")
    assert found["p50 added to a straight gRPC call, 1 connection"] == (0.5, "met")
    assert found["CPU per request of Falcon + gunicorn gthread + grpcio beside ours, 8 connections"] == (2.5, "met")
    assert found["large request, bytes to PredictRequest"] == (10.5, "met")
    assert found["the naive way beside ours"] == (20.0, "met")
    value, verdict = found["mean wait at 80% load, beside the ideal's"]
    assert (round(value, 3), verdict) == (1.081, "met")
    assert found["mean wait of Falcon + gunicorn gthread at 95% load, beside ours"] == (10.0, "met")
    assert found["mean wait of Cortex's original design at 80% load, beside ours"] == (2.5, "missed by 50.0%")
    assert found["worker ready"] == (0.4, "met")
    assert found["memory of a worker (RSS)"] == (60.0, "met")
    assert found["slowest tick of the scaler, 500 APIs"] == (3.0, "met")
    assert found[UNDECIDED] == (0, "met")


def test_a_tick_that_is_fast_since_it_leaves_apis_out_is_told():
    results = sample()
    scaler = results.result("scaler")
    scaler.typical[0].undecided = 2
    results.record("scaler", CONDITIONS, scaler)
    assert verdicts(results)[UNDECIDED] == (2, "missed by 2.00")


def test_a_tick_just_in_time_for_the_next_one_is_too_slow():
    results = sample()
    scaler = results.result("scaler")
    scaler.busy[0].seconds = 8.0
    results.record("scaler", CONDITIONS, scaler)
    assert verdicts(results)["slowest tick of the scaler, 500 APIs"][1] == "missed by 0.0%"


def test_a_tick_that_was_not_held_to_a_lambdas_cpu_is_judged_by_its_estimate():
    results = sample()
    scaler = results.result("scaler")
    scaler.unlimited = "no control groups"
    results.record("scaler", CONDITIONS, scaler)
    assert verdicts(results)["slowest tick of the scaler, 500 APIs"] == (3.0, "met")
    assert verdicts(results)[UNDECIDED][1] == "not measured"
    scaler.busy[1].cpu = 4.0
    results.record("scaler", CONDITIONS, scaler)
    assert verdicts(results)["slowest tick of the scaler, 500 APIs"][1] != "met"
    assert "NOT MEASURED" in results.tables("scaler")[0].notes[0]


def test_who_failed_is_named_and_not_compared(tmp_path):
    results = sample()
    small, model = results.result("small"), results.result("model")
    for servers, index in ((small.servers, 2), (model.servers, 1)):
        servers[index] = Measured(name=servers[index].name, versions="thing 1.0", failure="it did not start")
    results.record("small", CONDITIONS, small)
    results.record("model", CONDITIONS, model)
    found = {subject: verdict for subject, (_, verdict) in verdicts(results).items()}
    assert found["requests/s at 8 connections, beside FastAPI + uvicorn"] == "not measured"
    assert found["requests/s at 8 connections, beside BentoML"] == "met"
    assert found["CPU per request of Falcon + gunicorn gthread + grpcio beside ours, 8 connections"] == "not measured"
    sections = report.sections(results)
    assert "FastAPI + uvicorn could not be measured: it did not start." in sections["small"]
    assert "Falcon + gunicorn gthread could not be measured: it did not start." in sections["model"]
    pytest.importorskip("matplotlib")
    from benchmarks import pictures

    pictures.draw(results, tmp_path)


def test_results_are_read_as_they_were_written(tmp_path):
    file = tmp_path / "new" / "results.json"
    write(sample(), file)
    again = read(file)
    assert list(again.parts) == list(PARTS)
    assert verdicts(again) == verdicts(sample())
    assert again.parts["small"].conditions == CONDITIONS


def test_a_part_that_is_measured_again_replaces_its_result_alone(tmp_path):
    file = tmp_path / "results.json"
    write(sample(), file)
    results = read(file)
    start = results.result("start")
    start.worker_ready_s = [0.9]
    results.record("start", CONDITIONS, start)
    write(results, file)
    assert verdicts(read(file))["worker ready"] == (0.9, "missed by 80.0%")
    assert len(read(file).parts) == len(PARTS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "truncated"),
        ('{"parts": {"lunch": {}}}', "conditions"),
        ('{"parts": {"start": {"conditions": 3, "result": 4}}}', "conditions"),
    ],
)
def test_a_file_that_holds_no_results_is_said_to(tmp_path, content, words):
    file = tmp_path / "results.json"
    file.write_text(content)
    with pytest.raises(ResultsError, match=words) as caught:
        read(file)
    assert str(file) in str(caught.value)


def test_unknown_parts_and_results_of_another_form_are_refused(tmp_path):
    file = tmp_path / "results.json"
    write(sample(), file)
    text = file.read_text()
    file.write_text(text.replace('"start":', '"lunch":'))
    with pytest.raises(ResultsError, match="no part 'lunch'; there are small, model"):
        read(file)
    file.write_text(text.replace('"worker_ready_s": [', '"worker_ready_s": ["x", '))
    with pytest.raises(ResultsError, match="worker_ready_s"):
        read(file)
    with pytest.raises(ResultsError, match="make bench"):
        read(tmp_path / "absent.json")


def test_every_section_has_valid_tables():
    sections = report.sections(sample())
    assert list(sections) == [report.GOALS, *PARTS]
    for name, section in sections.items():
        tokens = MarkdownIt().enable("table").parse(section)
        tables = sum(token.type == "table_open" for token in tokens)
        assert tables == (1 if name == report.GOALS else len(sample().tables(name))), name
        assert name == report.GOALS or "2026-01-02 03:04 UTC, 2 min; A processor, 2 cores" in section


def test_the_page_says_how_long_it_took():
    assert report.sections(sample())[report.GOALS].endswith("All of it took 17 minutes.\n")  # 8 parts of 125 s


def test_the_terminal_has_all_cells_as_they_are():
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(Table("Title [1]", ("", "[a]"), [["[b]x[/b]", "missed by 10.0%"], ["y", "met"]], ["Note [2]"]).rich())
    text = console.export_text()
    for words in ("Title [1]", "[a]", "[b]x[/b]", "missed by 10.0%", "met", "Note [2]"):
        assert words in text


def test_cells_cannot_end_early():
    text = Table("t", ("", "a|b"), [["x|y", "<b>"]]).markdown()
    rows = [token.content for token in MarkdownIt().enable("table").parse(text) if token.type == "inline"]
    assert rows == ["t:", "", r"a|b", r"x|y", r"\<b>"]


def test_only_what_is_between_the_marks_is_written_again():
    page = "# T\n<!-- a: begin -->\nold\n<!-- a: end -->\nkept\n<!-- b: begin -->\n<!-- b: end -->\nend\n"
    once = report.rewritten(page, {"a": r"new \1", "b": "other"})
    assert once == (
        "# T\n<!-- a: begin -->\n\nnew \\1\n<!-- a: end -->\nkept\n<!-- b: begin -->\n\nother\n<!-- b: end -->\nend\n"
    )
    assert report.rewritten(once, {"a": r"new \1", "b": "other"}) == once


@pytest.mark.parametrize("page", ["", "<!-- a: begin -->\n<!-- a: end -->\n" * 2])
def test_a_section_must_be_there_once(page):
    with pytest.raises(ResultsError, match="one section between <!-- a: begin -->"):
        report.rewritten(page, {"a": "new"})


def test_the_page_has_a_section_for_everything():
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.rewritten(page, dict.fromkeys([report.GOALS, *PARTS], "new")) != page


def test_pictures_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    from benchmarks import pictures

    pictures.draw(sample(), tmp_path)
    for name in ("performance-requests.png", "performance-waits.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, cwd=report.PAGE.parent.parent
    )


def test_incomplete_results_leave_the_page_as_it_is(tmp_path):
    file = tmp_path / "results.json"
    results = sample()
    del results.parts["large"]
    write(Results(results.parts), file)
    before = report.PAGE.read_bytes()
    done = run("benchmarks.report", str(file))
    assert done.returncode == 1
    assert done.stderr == f"error: {file} lacks large: `python -m benchmarks` measures them\n"
    assert report.PAGE.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["lunch"], "there is no part lunch; there are small, model"), (["small", "--rounds", "0"], "at least 1")],
)
def test_wrong_usage(arguments, words):
    done = run("benchmarks", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
