"""The program as a whole: help, version, exit codes, and that it starts without loading what is slow."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from unittest.mock import Mock

import pytest

from cortex_cdk.cli import main
from cortex_cdk.cli.errors import UserError
from cortex_cdk.models.errors import LayoutError
from cortex_cdk.spec.problem import Problem, SpecError
from tests.support.cli import PROGRAM, call, run

COMMANDS = ("init", "validate", "predict", "schema")
SLOW = ("boto3", "botocore", "pydantic", "grpc", "aws_cdk", "numpy", "yaml", "rich", "google.protobuf", "tensorflow")


def test_help_lists_every_command(tmp_path: Path) -> None:
    result = run("--help", cwd=tmp_path)
    assert result.code == 0
    assert all(f"\n  {command} " in result.out for command in COMMANDS)
    assert run("-h", cwd=tmp_path).out == result.out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples(tmp_path: Path, command: str) -> None:
    result = call(command, "--help", cwd=tmp_path)
    assert result.code == 0
    assert f"  cortex-cdk {command}" in result.out.partition("Example")[2]


def test_version(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).out == f"cortex-cdk {version('cortex-cdk')}\n"


def test_wrong_usage_ends_with_2(tmp_path: Path) -> None:
    result = run("predct", cwd=tmp_path)
    assert (result.code, result.raw) == (2, b"")
    assert "Did you mean 'predict'?" in result.err
    assert run("validate", "--nope", cwd=tmp_path).code == 2
    assert run(cwd=tmp_path).code == 2


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_nothing_slow_is_imported_to_answer(arguments: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['cortex-cdk', *{arguments!r}]\n"
        "from cortex_cdk.cli.main import main\n"
        "try: main()\n"
        f"finally: print([name for name in {SLOW!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_output_that_nobody_reads_is_no_traceback(tmp_path: Path) -> None:
    command = f"set -o pipefail; {PROGRAM} schema | head -c 1 >/dev/null"
    assert "Traceback" not in subprocess.run(["bash", "-c", command], capture_output=True, text=True).stderr


def test_errors_of_any_command_are_shown_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a command raises of the project's own errors, through the real ``main``."""
    problem = Problem("cortex.yaml", "is wrong", 3, 4)
    for error, shown in (
        (UserError("no"), "error: no\n"),
        (LayoutError("not here"), "error: not here\n"),
        (SpecError([problem]), "error: cortex.yaml:3:4: is wrong\n1 problem found\n"),
    ):
        monkeypatch.setattr(main, "app", Mock(side_effect=error))
        with pytest.raises(SystemExit) as end:
            main.main()
        assert end.value.code == 1
        assert capsys.readouterr().err == shown
