"""A synthesized template, for assertions that say what they are about."""

from __future__ import annotations

import json
from typing import Any


class Template:
    """The resources of a template.

    Attributes:
        document: all of it.
        resources: by logical id.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.resources: dict[str, dict[str, Any]] = document.get("Resources", {})

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The properties of all resources of a type, such as ``ECS::Service``."""
        return [r.get("Properties", {}) for r in self.resources.values() if r["Type"] == f"AWS::{kind}"]

    def one(self, kind: str) -> dict[str, Any]:
        """The properties of the only resource of a type."""
        found = self.all(kind)
        assert len(found) == 1, f"{len(found)} of AWS::{kind}"
        return found[0]

    def container(self, name: str) -> dict[str, Any]:
        """A container of the only task definition."""
        containers = self.one("ECS::TaskDefinition")["ContainerDefinitions"]
        return next(container for container in containers if container["Name"] == name)

    def environment(self, container: str) -> dict[str, Any]:
        """The environment variables of a container."""
        return {entry["Name"]: entry["Value"] for entry in self.container(container).get("Environment", [])}

    def statements(self, role: str) -> list[dict[str, Any]]:
        """What the inline policies allow the role whose logical id holds ``role``."""
        return [
            statement
            for policy in self.all("IAM::Policy")
            if any(role in json.dumps(found) for found in policy["Roles"])
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def attributes(self, kind: str, key: str) -> dict[str, str]:
        """A list of ``Key`` and ``Value`` of the only resource of a type."""
        return {entry["Key"]: entry["Value"] for entry in self.one(kind)[key]}


def text_of(value: Any, **known: str) -> str:
    """A text that a template joins, with the names that become known later as ``<...>``."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(text_of(part) for part in parts)
    return "<later>"
