"""Recorded behaviour, tick by tick, and the command that replays it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cortex_cdk.autoscaling import History, LoadReport, Observation, average_in_flight, decide, observe
from cortex_cdk.autoscaling.replay import COMPARED, differences, policy_of, replay

VECTORS = Path(__file__).with_name("vectors.json")
SCENARIOS: list[dict[str, Any]] = json.loads(VECTORS.read_text())["scenarios"]
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario["id"] for scenario in SCENARIOS])


@each_scenario
def test_every_tick_comes_out_as_recorded(scenario: dict[str, Any]) -> None:
    assert set(scenario["expected"]) == set(COMPARED)
    assert len(list(replay(scenario))) == scenario["n_ticks"] == len(scenario["expected"]["request"])
    assert list(differences(scenario)) == []


def visible(scenario: dict[str, Any], now: float) -> list[LoadReport]:
    """The samples that can be read at ``now``, as two replicas that share the load would have reported them."""
    return [
        LoadReport(replica, bucket, in_flight * share)
        for bucket, in_flight, since in scenario["samples"]
        if since <= now
        for replica, share in (("a", 0.25), ("b", 0.75))
    ]


@each_scenario
def test_the_samples_give_the_recorded_averages(scenario: dict[str, Any]) -> None:
    for tick, now in enumerate(scenario["t"]):
        if tick in scenario["metrics_error_ticks"]:
            continue
        window = [config["window_s"] for config in scenario["configs"] if config["from_tick"] <= tick][-1]
        load, expected = average_in_flight(visible(scenario, now), now, window), scenario["avg_in_flight"][tick]
        assert (load and load.in_flight) == (expected and pytest.approx(expected, rel=1e-12)), now


@each_scenario
def test_from_samples_to_counts(scenario: dict[str, Any]) -> None:
    """Reports and rules together. Where every second bucket is missing (S55), the way down is slower, never faster."""
    policies = {config["from_tick"]: policy_of(config) for config in scenario["configs"]}
    policy = policies[0]
    replicas, history = policy.init_replicas, History()
    for tick, now in enumerate(scenario["t"]):
        policy = policies.get(tick, policy)
        if tick in scenario["awaken_before_ticks"] and replicas == 0:
            replicas, history = 1, history.recorded(now, 1)
        observation = observe(policy, visible(scenario, now), now, replicas)
        if tick in scenario["metrics_error_ticks"]:
            observation = Observation(replicas=replicas, average_in_flight=None)
        decision = decide(policy, observation, history, now)
        replicas, history = decision.desired, decision.history
        expected = scenario["expected"]["replicas_after"][tick]
        assert replicas >= expected if scenario["id"] == "S55" else replicas == expected, now


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cortex_cdk.autoscaling.replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def write(content: Any) -> Path:
        path = tmp_path / "ticks.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.fixture
def scenario() -> dict[str, Any]:
    """S63, whose reports cannot be read at some ticks, to be changed."""
    return copy.deepcopy(next(scenario for scenario in SCENARIOS if scenario["id"] == "S63"))


def test_the_command_on_what_was_recorded() -> None:
    done = run(VECTORS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "37 scenarios, 3240 ticks, 0 mismatches\n"


def test_the_command_names_each_tick_that_differs(scenario: dict[str, Any], write: Callable[[Any], Path]) -> None:
    scenario["expected"]["request"][7] = 3
    scenario["expected"]["recommendation"][7] = None
    scenario["expected"]["status"][11] = "ok"
    done = run(write({"scenarios": [scenario, SCENARIOS[0]]}))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "S63 tick 7 at 75 s: recommendation expected None, is 4; request expected 3, is 4",
        "S63 tick 11 at 115 s: status expected ok, is metrics_error",
        "2 scenarios, 150 ticks, 2 mismatches",
    ]


@pytest.mark.parametrize("name", COMPARED)
def test_every_value_is_compared(name: str, scenario: dict[str, Any]) -> None:
    scenario["expected"][name][8] = -7
    assert [(found.tick, list(found.values)) for found in differences(scenario)] == [(8, [name])]


def test_changed_loads_change_counts(scenario: dict[str, Any]) -> None:
    scenario["avg_in_flight"][6] = 9.0
    assert [found.tick for found in differences(scenario)][:1] == [6]


def test_a_failed_update_leaves_the_count_and_is_tried_again(scenario: dict[str, Any]) -> None:
    scenario["update_error_ticks"] = [6]
    outcomes = list(replay(scenario))
    assert [(outcome.before, outcome.decision.desired, outcome.after) for outcome in outcomes[6:8]] == [
        (1, 2, 1),
        (1, 4, 4),
    ]
    scenario["expected"] = {"status": ["ok"] * 6 + ["update_error"] + ["ok"] * 3}
    scenario |= {name: scenario[name][:10] for name in ("t", "avg_in_flight")}
    assert list(differences(scenario)) == []
    scenario["update_error_ticks"] = []
    assert [found.tick for found in differences(scenario)] == [6]


def test_optional_keys_may_be_absent_or_null(scenario: dict[str, Any], write: Callable[[Any], Path]) -> None:
    for name in ("id", "description", "tags", "phase_s", "drift_s_per_tick", "n_ticks", "samples"):
        del scenario[name]
    del scenario["update_error_ticks"]
    scenario["awaken_before_ticks"] = None
    scenario["configs"] = [{"min_replicas": 1, "downscale_stabilization_period_s": 60, "window_s": None}]
    done = run(write({"scenarios": [scenario]}))
    assert (done.returncode, done.stdout) == (0, "1 scenarios, 90 ticks, 0 mismatches\n")


def test_init_replicas_default_to_min_replicas() -> None:
    assert policy_of({"min_replicas": 3}).init_replicas == 3


def test_times_follow_from_phase_and_drift() -> None:
    ticks = {"configs": [{"min_replicas": 1}], "avg_in_flight": [0, 0, 0], "phase_s": 5, "drift_s_per_tick": 0.5}
    expected = {"request": [1, 1, 2]}
    assert [found.time for found in differences({**ticks, "expected": expected})] == [26.0]
    with pytest.raises(ValueError, match="2 times in t, but 3 values of avg_in_flight"):
        list(replay({**ticks, "t": [1, 2]}))


def test_ints_and_floats_are_the_same(scenario: dict[str, Any]) -> None:
    scenario["t"] = [float(time) for time in scenario["t"]]
    scenario["expected"]["request"] = [None if n is None else float(n) for n in scenario["expected"]["request"]]
    assert list(differences(scenario)) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a file of recorded ticks: JSONDecodeError"),
        ("[]", "not a file of recorded ticks: TypeError"),
        ("{}", "not a file of recorded ticks: KeyError: 'scenarios'"),
        ("[" * 100_000, "not a file of recorded ticks: RecursionError"),
        ({"scenarios": [7]}, "scenario 0 cannot be replayed: TypeError"),
        ({"scenarios": [{"id": "X"}]}, "scenario X cannot be replayed: KeyError: 'expected'"),
        (
            {"scenarios": [{"id": "X", "configs": [{"window_s": 5}], "t": [1], "avg_in_flight": [1], "expected": {}}]},
            "scenario X cannot be replayed: ValueError: window_s is 5, must be at least 10",
        ),
        (
            {"scenarios": [{"id": "X", "configs": [], "t": [1], "avg_in_flight": [1], "expected": {"request": []}}]},
            "scenario X cannot be replayed: ValueError: 1 ticks, but 0 values of request",
        ),
        (
            {"scenarios": [{"id": "X", "configs": [], "t": [1], "avg_in_flight": [1], "expected": {}}]},
            "scenario X cannot be replayed: ValueError",
        ),
    ],
)
def test_files_that_cannot_be_replayed(content: Any, message: str, write: Callable[[Any], Path]) -> None:
    path = write(content)
    done = run(path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{path}: {message}")
    assert len(done.stderr.splitlines()) == 1


def test_no_file_a_folder_and_no_argument(tmp_path: Path) -> None:
    absent = run(tmp_path / "absent.json")
    assert (absent.returncode, absent.stderr) == (2, f"{tmp_path / 'absent.json'}: No such file or directory\n")
    assert run(tmp_path).returncode == 2
    assert run().returncode == 2
    assert "FILE.json" in run().stderr
    assert (run("--help").returncode, run("--help").stderr) == (0, "")


def test_a_reader_that_has_seen_enough(scenario: dict[str, Any], write: Callable[[Any], Path]) -> None:
    scenario["expected"] = {"request": [-1] * 90}
    path = write({"scenarios": [scenario] * 50})
    command = f"set -o pipefail; {sys.executable} -m cortex_cdk.autoscaling.replay {path} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("S63 tick 0 at 5 s: request expected -1, is 1")
