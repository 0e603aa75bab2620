"""What README and docs show of `simulate`, `explain` and `plan` is what they print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = str(Path(sys.executable).parent)


def console_blocks(page: str) -> list[str]:
    return re.findall(r"```console\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def commands(block: str) -> list[tuple[str, str]]:
    """Each command of a block with what it shows of its output."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    found = []
    for part in parts:
        command, _, shown = part.partition("\n")
        while command.endswith("\\"):
            more, _, shown = shown.partition("\n")
            command = command[:-1] + more
        found.append((command, shown.strip()))
    return found


def printed(command: str, folder: Path) -> str:
    environment = {**os.environ, "COLUMNS": "80", "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(shlex.split(command), cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> tuple[Path, str, str]:
    """The folder in which README's simulation was run, what it printed, and what README shows."""
    blocks = [block for block in console_blocks("README.md") if "cortex-cdk simulate" in block]
    assert len(blocks) == 1
    ((command, shown),) = [pair for pair in commands(blocks[0]) if pair[0].startswith("cortex-cdk simulate")]
    folder = tmp_path_factory.mktemp("simulation")
    return folder, printed(command, folder), shown


def test_the_table_of_the_readme(simulated):
    _, output, shown = simulated
    assert output == shown


def test_the_explanations_of_the_docs(simulated):
    folder, _, _ = simulated
    pairs = [pair for block in console_blocks("docs/autoscaling.md") for pair in commands(block)]
    assert len(pairs) == 2
    for command, shown in pairs:
        assert command.startswith("cortex-cdk explain --simulation report")
        assert printed(command, folder) == shown


def test_the_docs_simulate_the_same():
    page = (ROOT / "docs/autoscaling.md").read_text()
    documented = re.findall(r"^cortex-cdk simulate (.*)$", page, flags=re.MULTILINE)[0]
    pairs = [pair for block in console_blocks("README.md") for pair in commands(block)]
    (readme,) = [command for command, _ in pairs if command.startswith("cortex-cdk simulate")]
    assert shlex.split(f"cortex-cdk simulate {documented}") == shlex.split(readme)


def test_the_preset_of_the_docs_is_the_preset():
    from cortex_cdk.spec import autoscaling_of
    from cortex_cdk.spec.yaml_document import read

    page = (ROOT / "docs/autoscaling.md").read_text()
    (written,) = [block for block in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL) if "preset" in block]
    keys = read(written).data["autoscaling"]
    name = keys.pop("preset")
    assert autoscaling_of(**keys).policy() == autoscaling_of(preset=name).policy()


def test_the_plan_of_the_docs(tmp_path):
    page = (ROOT / "docs/cost.md").read_text()
    for name, content in re.findall(r"^`(\w+\.yaml)`:\n\n```yaml\n(.*?)```", page, flags=re.DOTALL | re.MULTILINE):
        (tmp_path / name).write_text(content)
    (tmp_path / "predictor.py").write_text((ROOT / "examples/iris-classifier/predictor.py").read_text())
    ((command, shown),) = [pair for block in console_blocks("docs/cost.md") for pair in commands(block)]
    assert printed(command, tmp_path) == shown
    (bash,) = [found for found in re.findall(r"^cortex-cdk plan .*$", page, flags=re.MULTILINE) if found != command]
    assert "total" in printed(bash, tmp_path)


def test_the_counts_of_the_docs_are_those_of_the_plan():
    from cortex_cdk.constructs import placement
    from cortex_cdk.plan import usage

    (row,) = re.findall(r"^\| metrics \| (.*) \|$", (ROOT / "docs/cost.md").read_text(), flags=re.MULTILINE)
    assert [int(number) for number in re.findall(r"\d+", row)] == [
        usage.REPLICA_METRICS,
        usage.SCALER_METRICS,
        usage.CLUSTER_METRICS,
        usage.INSIGHTS_API_METRICS,
        usage.INSIGHTS_CLUSTER_METRICS,
        usage.INSTANCE_METRICS,
    ]
    page = (ROOT / "docs/cost.md").read_text()
    for written in (
        f"{usage.HOURS} hours",
        f"{usage.REPLICA_LOG_BYTES / 1000:g} KB every 10 s",
        f"{usage.DECISION_LOG_BYTES / 1000:g} KB every 10 s",
        f"of {usage.INVOCATION_S:g} s each",
        f"{placement.HOST_MEMORY_MIB:,} MiB for the host",
        f"{placement.DOWNLOADER_MEMORY_MIB} MiB for the container",
        f"({placement.DEFAULT_MEMORY_MIB} MiB if it is not set)",
    ):
        assert written in page
