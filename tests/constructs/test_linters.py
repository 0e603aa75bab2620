"""What linters of templates say. Each finding that stays has its reason here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from aws_cdk import App, Environment, Stack, Validations
from aws_cdk.aws_s3 import Bucket
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import ManualArgs, lint

from cortex_cdk.constructs import ApiImage, Cluster, TensorFlowApi
from tests.conftest import require
from tests.constructs.conftest import GROUPS
from tests.support.api_specs import api_spec

# By checkov's id: why it stays.
EXPLAINED = {
    "CKV_AWS_2": "HTTPS needs a certificate, which only the user has; without one the endpoint is internal",
    "CKV_AWS_103": "as CKV_AWS_2",
    "CKV_AWS_115": "the account's limit is enough; ticks are single messages",
    "CKV_AWS_116": "the queue of the ticks has dead letters; CloudFormation waits for the look-up's own answer",
    "CKV_AWS_117": "they call nothing in the VPC",
    "CKV_AWS_173": "names of the cluster, the table and the queue are no secrets",
    "CKV_AWS_119": "load of the last hour, encrypted with a key of AWS's",
    "CKV_AWS_28": "load of the last hour: nothing to recover",
    "CKV_AWS_158": "encrypted by CloudWatch Logs; a key of one's own would have to be paid and managed",
    "CKV_AWS_27": "encrypted by SQS; messages hold a time and no more",
    "CKV_AWS_18": "it is the bucket of access logs itself",
    "CKV_AWS_21": "logs are written once and expire",
}


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Path:
    """The folder with the templates of an app with all defaults."""
    out = tmp_path_factory.mktemp("out")
    app = App(outdir=str(out))
    build(app, project)
    app.synth()
    return out


def build(app: App, project: Path) -> None:
    region = Environment(region="eu-central-1")
    cluster = Cluster(Stack(app, "cluster", env=region), "Cluster", instance_groups=GROUPS)
    TensorFlowApi(
        Stack(app, "api", env=region), "Api", cluster=cluster, spec=api_spec(gpu=1), image=ApiImage(project=project)
    )


@pytest.mark.parametrize("stack", ["cluster", "api"])
def test_cfn_lint_finds_no_errors(synthesized, stack):
    text = (synthesized / f"{stack}.template.json").read_text()
    found = lint(text, config=ManualArgs(regions=["eu-central-1"]))
    # The library adds dependencies that references imply: W3005.
    assert [str(match) for match in found if match.rule.id != "W3005"] == []


def test_every_finding_of_checkov_is_explained(synthesized):
    """Checkov pins other versions of packages than this project: it is a program beside it, not a dependency."""
    checkov = shutil.which("checkov", path=f"{Path(sys.prefix) / 'checkov' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    require(checkov is not None, "checkov is not installed: `make setup` puts it into .venv/checkov")
    command = [str(checkov), "-d", str(synthesized), "--framework", "cloudformation", "-o", "json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 100
    found = {check["check_id"]: check["resource"] for check in report["results"]["failed_checks"]}
    assert {id: resource for id, resource in found.items() if id not in EXPLAINED} == {}
    assert EXPLAINED.keys() - found.keys() == set(), "explained, but not found any more"


def test_cdk_nag_finds_nothing_that_is_not_acknowledged(tmp_path, project):
    assert nag(tmp_path, project) == []


def test_cdk_nag_looks_at_what_is_there(tmp_path, project):
    def careless(stack: Stack) -> None:
        Bucket(stack, "Careless")

    assert {"AwsSolutions-S1", "AwsSolutions-S10"} <= {*nag(tmp_path, project, careless)}


def nag(out: Path, project: Path, more: Callable[[Stack], None] | None = None) -> list[str]:
    """The rules that an app with all defaults breaks, without those that are acknowledged."""
    app = App(outdir=str(out))
    Validations.of(app).add_plugins(AwsSolutionsChecks())
    build(app, project)
    if more is not None:
        more(Stack(app, "more"))
    with suppress(RuntimeError):  # what findings make of it; the report is there anyway
        app.synth()
    report = json.loads((out / "validation-report.json").read_text())
    assert "AwsSolutions" in {plugin["pluginName"] for plugin in report["pluginReports"]}
    return [violation["ruleName"] for plugin in report["pluginReports"] for violation in plugin["violations"]]
