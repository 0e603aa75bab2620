"""docs/commands.md lists the permissions that the commands really need, and the statuses that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from cortex_cdk.operations.status import Status

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/commands.md").read_text()
PREFIXES = {"elbv2": "elasticloadbalancing"}


def called() -> set[str]:
    """The IAM actions of all calls in the code: ``aws.call("ecs", "ListTasks", ...)`` and the like."""
    found = {"dynamodb:Query", "dynamodb:BatchGetItem"}  # by way of the scaler's readers
    for folder in ("operations", "cli"):
        for file in (ROOT / "cortex_cdk" / folder).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    names = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                    if node.func.attr in ("call", "pages") and len(names) == 2:
                        found.add(f"{PREFIXES.get(names[0], names[0])}:{names[1]}")
    return found


def test_the_permissions_are_those_of_the_calls() -> None:
    section = PAGE.partition("## Which permissions")[2]
    assert set(re.findall(r"`([a-z]+:[A-Z][A-Za-z]+)`", section)) == called()


def test_all_statuses_are_explained() -> None:
    for status in Status:
        assert f"`{status}`" in PAGE
