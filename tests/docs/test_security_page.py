"""The permissions in docs/security.md are those of the templates, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from scripts import generate_permissions, permission_reasons
from scripts.generate_permissions import BEGIN, END, PermissionsError, tables

Templates = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def templates() -> Templates:
    """A cluster and an API with all defaults."""
    return generate_permissions.default_templates()


def published() -> str:
    page = generate_permissions.PAGE.read_text(encoding="utf-8")
    return page.partition(BEGIN)[2].partition(END)[0].strip()


def test_the_published_tables_are_up_to_date(templates):
    assert published() == tables(templates).strip(), "run make docs"


def test_each_role_may_do_on_the_page_what_it_may_in_its_template(templates):
    """Read another way than the page is made: the number of statements, too, so that none hides behind another."""
    on_page = {}
    for section in published().split("\n### "):
        if role := re.search(r"^The role `(.+?)`, which `(.+?)` takes", section, re.MULTILINE):
            cells = [row.split(" | ") for row in section.splitlines() if row.startswith("| `")]
            on_page[role[1]] = sorted(
                (action, targets.count("`") // 2, bool(condition.strip()))
                for actions, targets, condition, reason in cells
                for action in re.findall(r"`(.+?)`", actions)
                if reason.strip(" |")
            )
    in_templates = {path: sorted(actions) for path, actions in allowed(templates)}
    assert in_templates == on_page


def allowed(templates: Templates) -> Iterator[tuple[str, list[tuple[str, int, bool]]]]:
    """For each role: its actions, on how many resources, and whether there is a condition."""
    for template in templates.values():
        resources = template["Resources"]
        for id, role in resources.items():
            if role["Type"] == "AWS::IAM::Role":
                path = role["Metadata"]["aws:cdk:path"].partition("/")[2].removesuffix("/Resource")
                yield (
                    path,
                    [
                        (action, len(as_list(statement["Resource"])), "Condition" in statement)
                        for policy in resources.values()
                        if policy["Type"] == "AWS::IAM::Policy" and {"Ref": id} in policy["Properties"]["Roles"]
                        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
                        for action in as_list(statement["Action"])
                    ],
                )


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_no_role_may_do_everything_somewhere(templates):
    for path, actions in allowed(templates):
        assert [action for action, _, _ in actions if "*" in action] == [], path


def test_resources_are_named_as_their_constructs_are(templates):
    page = tables(templates)
    assert "`arn:aws:dynamodb:REGION:ACCOUNT:table/<Cluster/Scaler/Table>`" in page  # by way of an export
    assert "`aws:ResourceTag/cortex:cluster StringEquals Cluster/Ecs`" in page
    assert "Fn::" not in page
    assert "Token[" not in page


def test_a_statement_without_a_reason_is_an_error(templates, monkeypatch):
    monkeypatch.delitem(permission_reasons.ROLES["Cluster/Scaler/Role"][1], "ecs:UpdateService")
    with pytest.raises(PermissionsError, match="no reason for ecs:UpdateService of Cluster/Scaler/Role"):
        tables(templates)


def test_a_reason_without_a_statement_is_an_error(templates, monkeypatch):
    monkeypatch.setitem(permission_reasons.RESOURCES["Cluster/Scaler/Ticks"], "sqs:SendMessage", "once upon a time")
    with pytest.raises(PermissionsError, match="no statement for Cluster/Scaler/Ticks sqs:SendMessage"):
        tables(templates)


@pytest.mark.parametrize("name", ["Cluster/Scaler/Role", "Api/Model/Role"])
def test_a_role_that_is_not_described_is_an_error(templates, monkeypatch, name):
    monkeypatch.delitem(permission_reasons.ROLES, name)
    with pytest.raises(PermissionsError, match=f"{name} is not described"):
        tables(templates)


def test_a_policy_of_a_resource_that_is_not_described_is_an_error(templates, monkeypatch):
    monkeypatch.delitem(permission_reasons.RESOURCES, "Cluster/Endpoint/AccessLogs")
    with pytest.raises(PermissionsError, match="Cluster/Endpoint/AccessLogs is not described"):
        tables(templates)


def test_policies_that_the_tables_could_not_show_are_an_error(templates):
    id, role = next((i, r) for i, r in templates["cluster"]["Resources"].items() if r["Type"] == "AWS::IAM::Role")
    managed = {**role, "Properties": {**role["Properties"], "ManagedPolicyArns": ["arn:aws:iam::aws:policy/Any"]}}
    changed = {"Resources": templates["cluster"]["Resources"] | {id: managed}}
    with pytest.raises(PermissionsError, match="has policies that are no resources of their own"):
        tables({**templates, "cluster": changed})
