"""Writes the tables of permissions in docs/security.md: every statement of every policy, and why it is there.

    python -m scripts.generate_permissions

What is allowed is read from the templates of a cluster and an API with all defaults, why it is from
``permission_reasons.py``. A statement without a reason is an error, as is a reason without a statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aws_cdk import App, Stack

from cortex_cdk.constructs import ApiImage, Cluster, TensorFlowApi
from cortex_cdk.spec import load
from scripts.permission_reasons import RESOURCES, ROLES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "security.md"
BEGIN, END = "<!-- permissions: begin -->", "<!-- permissions: end -->"


class PermissionsError(ValueError):
    """Templates and reasons do not match; the message says where."""


@dataclass(frozen=True)
class Row:
    """A row of a table: what of one statement has the same reason.

    Attributes:
        subject: path of the role, or of the resource that has the policy.
        principal: who may, or who takes the role.
        effect: ``Allow`` or ``Deny``.
        actions, resources: as in the statement, with references as paths.
        condition: the same, as text; empty when there is none.
        reason: why.
    """

    subject: str
    principal: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: str
    reason: str


def main() -> None:
    """Write the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables(default_templates())}\n{END}{after}", encoding="utf-8")


def default_templates() -> dict[str, dict[str, Any]]:
    """The templates of a cluster and an API with all defaults, by the names of the stacks."""
    app = App(post_cli_context={"aws:cdk:enable-path-metadata": True})
    cluster = Cluster(Stack(app, "cluster"), "Cluster")
    with TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "predictor.py").write_text(
            "class TensorFlowPredictor:\n"
            "    def __init__(self, tensorflow_client, config): ...\n"
            "    def predict(self, payload): ...\n"
        )
        (project / "cortex.yaml").write_text(
            "- name: my-api\n  predictor: {type: tensorflow, path: predictor.py, model: s3://my-bucket/my-model}\n"
        )
        (spec,) = load(project / "cortex.yaml", allow_local_models=False).apis
        TensorFlowApi(Stack(app, "api"), "Api", cluster=cluster, spec=spec, image=ApiImage(project=project))
        return {stack.stack_name: stack.template for stack in app.synth().stacks}


def tables(templates: Mapping[str, Mapping[str, Any]]) -> str:
    """The tables: one for each role, one for all policies of resources.

    Raises:
        PermissionsError: when a statement has no reason, or a reason no statement.
    """
    names = _Names(templates)
    rows = [*_role_rows(names), *_resource_rows(names)]
    _check_all_used(rows)
    parts = []
    for path, (title, _) in ROLES.items():
        own = [row for row in rows if row.subject == path]
        parts += [f"### {title}", f"The role `{path}`, which `{own[0].principal}` takes."]
        parts.append(_table("| may | on | if | why |", ([_code(r.actions), *_where(r)] for r in own)))
    parts += ["### Policies of resources", "Who else may do something with a resource, or may not."]
    shared = [row for row in rows if row.subject in RESOURCES]
    columns = "| who | | what | on | if | why |"
    cells = ([f"`{r.principal}`", r.effect, _code(r.actions), f"`{r.subject}`", *_where(r)[1:]] for r in shared)
    return "\n\n".join([*parts, _table(columns, cells)]) + "\n"


def _role_rows(names: _Names) -> Iterator[Row]:
    for role_id, role in names.of_type("AWS::IAM::Role"):
        subject = names.path(role_id)
        if subject not in ROLES:
            raise PermissionsError(f"the role {subject} is not described in ROLES")
        if role.keys() & {"ManagedPolicyArns", "Policies"}:
            raise PermissionsError(f"the role {subject} has policies that are no resources of their own")
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        for policy_id, policy in names.of_type("AWS::IAM::Policy"):
            if {"Ref": role_id} in policy["Roles"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    principal = trust["Principal"]["Service"]
                    yield from _rows(names, subject, principal, statement, ROLES[subject][1], policy_id)


def _resource_rows(names: _Names) -> Iterator[Row]:
    for id, resource in names.resources.items():
        properties = resource.get("Properties", {})
        subject, statements = names.path(id), []
        if resource["Type"] == "AWS::Lambda::Permission":
            subject = names.text(properties["FunctionName"])
            source = {"ArnEquals": {"aws:SourceArn": properties["SourceArn"]}}
            principal = {"Service": properties["Principal"]}
            statements = [
                {"Effect": "Allow", "Principal": principal, "Action": properties["Action"], "Condition": source}
            ]
        elif resource["Type"] != "AWS::IAM::Policy":
            subject = subject.removesuffix("/Policy")
            document = properties.get("PolicyDocument") or properties.get("KeyPolicy") or {"Statement": []}
            statements = document["Statement"]
        for statement in statements:
            if subject not in RESOURCES:
                raise PermissionsError(f"the policy of {subject} is not described in RESOURCES")
            principal = statement["Principal"]
            (who,) = principal.values() if isinstance(principal, dict) else [principal]
            yield from _rows(names, subject, names.text(who), statement, RESOURCES[subject], id)


def _rows(
    names: _Names, subject: str, principal: str, statement: Mapping[str, Any], reasons: Mapping[str, str], where: str
) -> Iterator[Row]:
    """A row for each reason."""
    by_reason: dict[str, list[str]] = {}
    for action in _listed(statement["Action"]):
        key = action if statement["Effect"] == "Allow" else f"Deny {action}"
        if key not in reasons:
            raise PermissionsError(f"{where}: there is no reason for {key} of {subject}")
        by_reason.setdefault(reasons[key], []).append(action)
    resources = tuple(names.text(resource) for resource in _listed(statement.get("Resource", [])))
    condition = "; ".join(
        f"{key} {operator} {' or '.join(names.text(value) for value in _listed(values))}"
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )
    for reason, actions in by_reason.items():
        yield Row(subject, principal, statement["Effect"], tuple(actions), resources, condition, reason)


def _check_all_used(rows: list[Row]) -> None:
    used = {(row.subject, a if row.effect == "Allow" else f"Deny {a}") for row in rows for a in row.actions}
    reasons = {path: actions for path, (_, actions) in ROLES.items()} | RESOURCES
    unused = {(path, action) for path, actions in reasons.items() for action in actions} - used
    if unused:
        raise PermissionsError(f"there is no statement for {', '.join(' '.join(pair) for pair in sorted(unused))}")


def _where(row: Row) -> list[str]:
    return [_code(row.resources), f"`{row.condition}`" if row.condition else "", row.reason]


def _code(texts: tuple[str, ...]) -> str:
    return "<br>".join(f"`{text}`" for text in texts)


def _table(head: str, rows: Iterator[list[str]]) -> str:
    return "\n".join((head, "|---" * (head.count("|") - 1) + "|", *(f"| {' | '.join(cells)} |" for cells in rows)))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class _Names:
    """The resources of several templates, with references as texts: the paths of constructs, without their stack."""

    def __init__(self, templates: Mapping[str, Mapping[str, Any]]) -> None:
        self.resources: dict[str, Mapping[str, Any]] = {}
        for template in templates.values():
            if both := self.resources.keys() & template["Resources"].keys():
                raise PermissionsError(f"two stacks have resources with these ids: {', '.join(sorted(both))}")
            self.resources |= template["Resources"]
        self._exports = {
            output["Export"]["Name"]: output["Value"]
            for template in templates.values()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def of_type(self, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
        return [(id, found.get("Properties", {})) for id, found in self.resources.items() if found["Type"] == kind]

    def path(self, id: str) -> str:
        path = str(self.resources[id]["Metadata"]["aws:cdk:path"]).partition("/")[2]
        return re.sub(r"/(Resource|Default)$", "", path)

    def text(self, value: Any) -> str:
        """A value of a policy as a reader would write it; ``<path>`` is the name of a resource."""
        if isinstance(value, str):
            return value
        ((function, argument),) = value.items()
        if function == "Fn::Join":
            return str(argument[0]).join(self._part(part) for part in argument[1])
        if function == "Fn::ImportValue":
            return self.text(self._exports[argument])
        if function == "Fn::GetAtt":
            return self.path(argument[0])
        if function == "Fn::Sub":
            return re.sub(r"\$\{(.+?)\}", lambda match: _PSEUDO[match[1]], str(argument))
        return _PSEUDO.get(argument) or self.path(argument)

    def _part(self, value: Any) -> str:
        known = isinstance(value, str) or "Fn::Sub" in value or value.get("Ref") in _PSEUDO
        return self.text(value) if known else f"<{self.text(value)}>"


_PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": "ACCOUNT", "AWS::Region": "REGION"}


if __name__ == "__main__":
    main()
