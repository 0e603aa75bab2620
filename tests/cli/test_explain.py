"""``cortex-cdk explain``: the decision in force at a moment, in the words of the rules."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pexpect
import pytest

from cortex_cdk.simulation.decision_log import FILE, DecisionLog, Logged, read
from cortex_cdk.simulation.policies.base import Outcome
from tests.simulation.scenarios import ListTrace
from tests.support.cli import PROGRAM, Result, call, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With ``report``, of a step in load, and ``recorded``, of a trace with dates."""
    path = tmp_path_factory.mktemp("explain")
    step = ["--pattern", "step:1..8@60s", "--duration", "8m", "--service-time", "exp:200ms", "--startup", "20s"]
    assert run("simulate", *step, "--compare", "fixed:2,knative", "--out", "report", cwd=path).code == 0
    (path / "trace.csv").write_text("time,count\n2026-05-31 23:59:00,60\n2026-06-01 00:00:00,900\n")
    assert run("simulate", "--trace", "trace.csv", "--service-time", "1s", "--out", "recorded", cwd=path).code == 0
    return path


def explain(folder: Path, *arguments: str) -> Result:
    return call("explain", "--simulation", "report", *arguments, cwd=folder)


def decisions(folder: Path, policy: str, of: str = "report") -> list[Logged]:
    return [one for one in read(folder / of)[1] if one.policy == policy]


def as_json(result: Result) -> list[dict[str, Any]]:
    assert (result.code, result.err) == (0, "")
    return [json.loads(line) for line in result.out.splitlines()]


def error(folder: Path, *arguments: str) -> str:
    result = call("explain", *arguments, cwd=folder)
    assert (result.code, result.raw) == (1, b"")
    return result.err


def test_the_decision_in_force(folder: Path) -> None:
    up = next(one for one in decisions(folder, "cortex") if one.desired > one.requested)
    result = run("explain", "--simulation", "report", "--at", f"{up.t_s + 9:g}s", cwd=folder)
    assert (result.code, result.err) == (0, "")
    first, *reasons = result.out.splitlines()
    minutes, seconds = divmod(int(up.t_s), 60)
    assert first == f"At 0:{minutes:02d}:{seconds:02d}: Scale up from {up.requested} to {up.desired} replicas."
    assert reasons == up.words[1:]
    assert reasons[0].startswith("  load:            ")
    assert reasons[-1].endswith(f"-> {up.desired}")


@pytest.mark.parametrize("policy", ["cortex", "fixed:2", "knative"])
@pytest.mark.parametrize("moment", [75.0, 75.1, 74.9, 117.0, 478.0, 480.0])
def test_at_any_moment_the_last_decision_until_then(folder: Path, policy: str, moment: float) -> None:
    (found,) = as_json(explain(folder, "--policy", policy, "--at", str(moment), "--json"))
    every = decisions(folder, policy)
    expected = max((one for one in every if one.t_s <= moment), key=lambda one: one.t_s)
    assert found == json.loads(json.dumps(expected._asdict()))


def test_the_apis_own_policy_is_meant_by_default(folder: Path) -> None:
    assert explain(folder, "--at", "2m").out == explain(folder, "--at", "2m", "--policy", "cortex").out
    assert explain(folder, "--at", "2m").out != explain(folder, "--at", "2m", "--policy", "knative").out


def test_a_decision_that_stood_for_many_ticks(folder: Path) -> None:
    assert explain(folder, "--at", "5m", "--policy", "fixed:2").out == (
        "From 0:01:00 to 0:07:00, at each tick: Keep 2 replicas.\n  a fixed size\n"
    )


def test_before_the_first_decision(folder: Path) -> None:
    result = explain(folder, "--at", "0")
    assert (result.code, result.err) == (0, "nothing was decided before 0:00:05\n")
    assert result.out.startswith("At 0:00:05: Hold 1 replica.\n  no data:")


def test_changes(folder: Path) -> None:
    expected = [one for one in decisions(folder, "cortex") if one.requested != one.desired]
    assert {one.desired > one.requested for one in expected} == {True, False}
    all_of_them = json.loads(json.dumps([one._asdict() for one in expected]))
    assert as_json(explain(folder, "--changes", "--json")) == all_of_them
    assert as_json(explain(folder, "--json")) == all_of_them  # without a moment
    later = f"{expected[0].t_s + 0.5}"
    assert as_json(explain(folder, "--changes", "--at", later, "--json")) == all_of_them[1:]
    text = explain(folder).out
    directions = re.findall("^At .* (up|down) from", text, re.MULTILINE)
    assert directions == ["up" if one.desired > one.requested else "down" for one in expected]


def test_nothing_ever_changed(folder: Path) -> None:
    result = explain(folder, "--policy", "fixed:2")
    assert (result.code, result.out) == (0, "")
    assert result.err == "fixed:2 never changed the count; --at TIME shows why it kept it\n"
    assert "never changed the count from 0:07:30 on;" in explain(folder, "--changes", "--at", "7m30s").err


def test_dates(folder: Path) -> None:
    (one,) = (one for one in decisions(folder, "cortex", "recorded") if one.t_s == 75)
    by_offset = call("explain", "--simulation", "recorded", "--at", "75s", cwd=folder)
    assert by_offset.out.startswith("At 0:01:15 (2026-06-01 00:00:15): Scale up from ")
    assert by_offset.out.splitlines()[1:] == one.words[1:]
    for moment in ("2026-06-01 00:00:15", "2026-06-01T00:00:24", "2026-06-01 02:00:15+02:00"):
        assert call("explain", "--simulation", "recorded", "--at", moment, cwd=folder).out == by_offset.out
    long = "the simulation is 120 s long from 2026-05-31 23:59:00"
    assert long in error(folder, "--simulation", "recorded", "--at", "2026-06-02")
    assert long in error(folder, "--simulation", "recorded", "--at", "2026-05-31 23:58:59")
    assert ", or a date and time such as " in error(folder, "--simulation", "recorded", "--at", "noon")


def test_dates_in_a_zone(tmp_path: Path) -> None:
    from datetime import datetime

    trace = ListTrace([], 60.0, starts_at=datetime.fromisoformat("2026-05-31T12:00:00+02:00"))
    with DecisionLog(tmp_path, trace, ["cortex"]) as log:
        log.add("cortex", 5.0, 1, Outcome(2))
        log.add("cortex", 15.0, 2, Outcome(3))
    for moment in ("2026-05-31 12:00:16", "2026-05-31T10:00:16Z"):
        result = call("explain", "--simulation", ".", "--at", moment, cwd=tmp_path)
        assert result.out == "At 0:00:15 (2026-05-31 12:00:15): Scale up from 2 to 3 replicas.\n"


def test_mistakes(folder: Path) -> None:
    of = ("--simulation", "report")
    assert error(folder, *of, "--at", "9m") == "error: --at 9m: the simulation is 480 s long\n"
    assert error(folder, *of, "--at", "noon").startswith("error: --at: 'noon' is not a duration such as 90s")
    assert "the traffic has no dates" in error(folder, *of, "--at", "2026-05-31 13:45:00")
    assert "report has no decisions of ray; it has cortex, fixed:2, knative" in error(folder, *of, "--policy", "ray")
    assert error(folder, "--simulation", "gone") == (
        "error: gone: cannot be read: No such file or directory; `cortex-cdk simulate --out gone` writes it\n"
    )
    other = error(folder, "--simulation", "report/index.html")
    assert other == "error: report/index.html: not the decisions of a simulation\n"
    assert call("explain", cwd=folder).code == 2


def test_a_damaged_line(folder: Path, tmp_path: Path) -> None:
    text = (folder / "report" / FILE).read_text()
    (tmp_path / FILE).write_text("".join(text.splitlines(keepends=True)[:3]) + '{"policy": "cor')
    assert f"{FILE}:4: not a decision of a simulation" in run_error(tmp_path)


def run_error(folder: Path) -> str:
    result = call("explain", "--simulation", ".", "--at", "4m", cwd=folder)
    assert result.code == 1
    return result.err


def test_a_terminal_gets_lines_that_fit(folder: Path) -> None:
    env = {"TERM": "xterm", "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    arguments = ["explain", "--simulation", "report", "--at", "2m"]
    child = pexpect.spawn(PROGRAM, arguments, cwd=str(folder), env=env, dimensions=(40, 60), timeout=60)
    lines = child.read().decode().replace("\r\n", "\n").splitlines()
    child.close()
    assert child.exitstatus == 0
    assert max(map(len, lines)) <= 60
    assert lines[1].startswith("  load:            ")
    assert lines[2].startswith(" " * 19)
    assert lines[2][19] != " "
    assert " ".join(" ".join(lines).split()) == " ".join(explain(folder, "--at", "2m").out.split())
