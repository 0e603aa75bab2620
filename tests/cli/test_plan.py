"""``cortex-cdk plan``: the real program on real files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cortex_cdk.cli.init import example_folder
from cortex_cdk.simulation.prices import PRICES_FILE
from tests.support.cli import Result, call, run

API = """\
- name: {name}
  predictor:
    type: tensorflow
    path: predictor.py
    model: s3://models/one
  compute: {compute}
  autoscaling: {autoscaling}
"""
CLUSTER = """\
instance_groups:
  - name: cpus
    instance_types: [m5.xlarge]
    max_instances: 20
  - name: gpus
    instance_types: [g4dn.xlarge]
    max_instances: 3
    spot: true
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "predictor.py").write_text((example_folder() / "predictor.py").read_text())
    text = API.format(name="text", compute="{cpu: 1}", autoscaling="{max_replicas: 9}")
    text += API.format(name="image", compute="{cpu: 2, gpu: 1}", autoscaling="{max_replicas: 2}")
    (tmp_path / "cortex.yaml").write_text(text)
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    return tmp_path


def planned(project: Path, *options: str) -> dict[str, Any]:
    result = call("plan", "--json", *options, cwd=project)
    assert result.err == ""
    document: dict[str, Any] = json.loads(result.out)
    assert result.code == (0 if document["ok"] else 1)
    return document


def test_the_tables(project: Path) -> None:
    result = run("plan", "--typical", "text=4", cwd=project, env={"COLUMNS": "80"})
    assert result.code == 0
    assert result.out.startswith("cortex.yaml on cluster.yaml\n\n")
    assert max(len(line) for line in result.out.splitlines()) <= 80
    assert re.search(r"^text +1 vCPU, 576 MiB +3, CPU +1 +4 +9$", result.out, flags=re.MULTILINE)
    assert re.search(r"^cpus +m5.xlarge +20 +1 +2 +3$", result.out, flags=re.MULTILINE)
    assert re.search(r"^gpus +g4dn.xlarge +3 +1 +1 +2$", result.out, flags=re.MULTILINE)
    assert "cpus at max: 3 x (3 text)\n" in result.out
    assert re.search(r"^total +[\d.,]+ +[\d.,]+ +[\d.,]+$", result.out, flags=re.MULTILINE)
    assert "Spot instances (gpus) are counted at on-demand prices" in result.out
    assert "warning: quota spot-g (L-3819A6DF): at min, 4 vCPUs of spot G and VT instances" in result.err


def test_the_tables_of_a_group_that_is_too_small(project: Path) -> None:
    (project / "cluster.yaml").write_text(CLUSTER.replace("20", "2"))
    result = call("plan", cwd=project)
    assert result.code == 0
    assert re.search(r"^text .* 1 6 of 9$", result.out, flags=re.MULTILINE)
    assert re.search(r"^cpus +m5.xlarge +2 +1 2 of 3$", result.out, flags=re.MULTILINE)
    assert re.search(r"^text +1 waits$", result.out, flags=re.MULTILINE)
    assert "waits: no place for another replica, and none may be taken away first." in result.out
    assert "warning: instance group `cpus`: all replicas at max need 3 m5.xlarge, max_instances is 2" in result.err


def test_the_file_and_its_cluster(project: Path) -> None:
    assert "cpus" in planned(project)["groups"]
    assert "cpus" in planned(project.parent, f"{project.name}/cortex.yaml")["groups"]
    (project / "cluster.yaml").unlink()
    result = call("plan", cwd=project)
    assert result.out.startswith("cortex.yaml on a cluster with all defaults (there is no cluster.yaml)\n")
    assert result.code == 1
    assert "error: image: a replica does not fit onto m5.large of instance group `default`" in result.err


def test_an_update_that_can_never_proceed_ends_with_1(project: Path) -> None:
    (project / "cluster.yaml").write_text(CLUSTER.replace("max_instances: 3", "max_instances: 1"))
    document = planned(project)
    assert "image: an update can never proceed" in document["errors"][0]
    assert document["apis"]["image"]["updates"]["min"]["can_proceed"] is False


def test_typical_loads(project: Path) -> None:
    assert planned(project)["levels"] == ["min", "max"]

    def typical(*options: str) -> list[int]:
        apis = planned(project, *options)["apis"]
        return [apis[name]["replicas"]["typical"] for name in ("text", "image")]

    assert typical("--typical", "2") == [2, 2]
    assert typical("--typical", "text=5") == [5, 1]
    assert typical("--typical", "2", "--typical", "text=7") == [7, 2]
    assert typical("--typical", "text=30/s", "--service-time", "200ms") == [6, 1]


def test_options_change_what_they_say(project: Path) -> None:
    text = planned(project, "--burst", "4", "--startup", "10s", "--node-startup", "20s")["apis"]["text"]["burst"]
    assert text["replicas_needed"] == 4
    assert text["ready_s"][0] - text["enough_s"][0] == 30
    dear, cheap = (planned(project, *options)["costs"]["levels"]["max"] for options in ((), ("--spot-discount", "50")))
    assert dear["total"] - cheap["total"] == pytest.approx(2 * 730 * 0.526 / 2)
    own = planned(project, "--quota", "spot-g=64", "--quota", "L-1216C47A=64")
    assert own["warnings"] == []
    (project / "cortex.yaml").write_text(API.format(name="tiny", compute="{cpu: 100m}", autoscaling="{}"))
    assert planned(project)["apis"]["tiny"]["per_instance"] == 3
    assert planned(project, "--trunking")["apis"]["tiny"]["per_instance"] == 20


def test_prices_of_ones_own(project: Path) -> None:
    document = json.loads(PRICES_FILE.read_text())
    document["region"], document["services"]["dashboard_month"]["price"] = "mars-1", 1000
    (project / "prices.json").write_text(json.dumps(document))
    costs = planned(project, "--prices", "prices.json")["costs"]
    assert costs["prices"]["region"] == "mars-1"
    assert costs["levels"]["min"]["total"] > 3000
    (project / "prices.json").write_text('{"instances": {"m5.xlarge": {"price_per_hour": 1}}}')
    result = call("plan", "--prices", "prices.json", cwd=project)
    assert (result.code, result.raw) == (1, b"")
    assert "error: prices.json: prices are missing: instances has no g4dn.xlarge; services has no alarm" in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--typical", "nope=3"], "--typical nope=3: there is no API 'nope', only text, image"),
        (["--typical", "=3"], "--typical =3: there is no API '', only text, image"),
        (["--typical", "a lot"], "--typical a lot: 'a lot' is neither requests in flight, such as 12, nor requests a"),
        (["--burst", "1"], "--burst 1: must be more than 1"),
        (["--burst", "nan"], "--burst nan: must be more than 1"),
        (["--service-time", "0"], "--service-time 0: must be more than 0 seconds"),
        (["--startup", "soon"], "--startup: 'soon' is not a duration"),
        (["--quota", "spot-g"], "--quota spot-g: write it as NAME=VALUE"),
        (["--quota", "spot-g=-1"], "--quota spot-g=-1: write it as NAME=VALUE"),
        (["--quota", "spot-h=1"], "there is no quota 'spot-h'; there are on-demand-standard"),
        (["--prices", "none.json"], "none.json: cannot be read: No such file or directory"),
    ],
)
def test_wrong_options(project: Path, options: list[str], message: str) -> None:
    result = call("plan", *options, cwd=project)
    assert (result.code, result.raw) == (1, b"")
    assert f"error: {message}" in result.err


def test_problems_of_both_files_at_once(project: Path) -> None:
    (project / "cortex.yaml").write_text("- name: 3\n")
    (project / "cluster.yaml").write_text("instance_groups: []\n")
    result: Result = call("plan", cwd=project)
    assert (result.code, result.raw) == (1, b"")
    assert "error: cortex.yaml:1" in result.err
    assert "error: cluster.yaml:1" in result.err


def test_alarms(project: Path) -> None:
    def costs(alarms: str) -> float:
        (project / "cluster.yaml").write_text(f"{CLUSTER}alarms: {alarms}\n")
        total: float = planned(project)["costs"]["levels"]["min"]["total"]
        return total

    everything = costs("{}")
    assert everything - costs("{apis: {text: {latency: {enabled: false}}}}") == pytest.approx(0.20)
    assert everything - costs("{enabled: false}") == pytest.approx(0.10 * (2 * 9 + 4 + 2) + 1)
    (project / "cluster.yaml").write_text(f"{CLUSTER}alarms: {{apis: {{txet: {{}}}}}}\n")
    result = call("plan", cwd=project)
    assert (result.code, result.raw) == (1, b"")
    assert "error: cluster.yaml:9:17: alarms.apis.txet: there is no API of this name in cortex.yaml" in result.err


def test_wrong_usage_ends_with_2(project: Path) -> None:
    assert call("plan", "--spot-discount", "120", cwd=project).code == 2


def test_it_does_without_the_library_and_the_simulator(project: Path) -> None:
    """The CDK takes seconds to load, and numba and matplotlib belong to an extra."""
    code = (
        "import sys; sys.argv = ['cortex-cdk', 'plan']\n"
        "from cortex_cdk.cli.main import main\n"
        "try: main()\n"
        "finally: print([n for n in ('aws_cdk', 'numba', 'numpy', 'boto3') if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"
    assert "total" in done.stdout
