"""Templates as if they were deployed: every reference has the value that AWS would give it, or one like it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.support.aws import CLUSTER
from tests.support.cloud_template import Template

REGION = "eu-central-1"
ACCOUNT = "123456789012"


class Deployed:
    """Stacks of one app.

    Args:
        templates: by the names of the stacks; what they import from each other must be among them.
    """

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = templates
        self._found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        self._exports = {
            output["Export"]["Name"]: (stack, output["Value"])
            for stack, template in templates.items()
            for output in template.document.get("Outputs", {}).values()
            if "Export" in output
        }

    def all(self, stack: str, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of the resources of a type, such as ``ECS::Service``, by their logical ids."""
        if (stack, kind) not in self._found:
            self._found[stack, kind] = {
                id: self.value(stack, resource.get("Properties", {}))
                for id, resource in self._templates[stack].resources.items()
                if resource["Type"] == f"AWS::{kind}"
            }
        return self._found[stack, kind]

    def alarm(self, stack: str, name: str) -> dict[str, Any]:
        """The properties of the alarm whose logical id has ``name`` in it."""
        (found,) = [p for id, p in self.all(stack, "CloudWatch::Alarm").items() if re.search(f"(Alarms|Api){name}", id)]
        return found

    def dashboard(self, stack: str) -> dict[str, Any]:
        """The body of the only dashboard."""
        (found,) = self.all(stack, "CloudWatch::Dashboard").values()
        body: dict[str, Any] = json.loads(found["DashboardBody"])
        return body

    def refer(self, stack: str, id: str, attribute: str | None = None) -> str:
        """What a reference to a resource, or to an attribute of it, becomes."""
        name = f"{stack}-{id}"
        load_balancer = "app/lb/50dc6c495c0c9188"
        arn = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
        resource = self._templates[stack].resources.get(id, {"Type": "parameter"})
        match resource["Type"].removeprefix("AWS::"), attribute:
            case "ECS::Cluster", None:
                return CLUSTER
            case "ECS::Service", None:
                return f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{CLUSTER}/{name}"
            case "ElasticLoadBalancingV2::Listener", None:
                return f"{arn}:listener/{load_balancer}/f2f7dc8efc522ab2"
            case "ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerFullName":
                return load_balancer
            case "ElasticLoadBalancingV2::TargetGroup", "TargetGroupFullName":
                return f"targetgroup/{name}/943f017f100becff"
            case _, None | "Name" | "QueueName":
                return name
        return f"{name}.{attribute}"

    def value(self, stack: str, value: Any) -> Any:
        """A value of a template without references."""
        match value:
            case {"Ref": "AWS::Region"}:
                return REGION
            case {"Ref": str(name)} if name.startswith("AWS::"):
                return name
            case {"Ref": str(id)}:
                return self.refer(stack, id)
            case {"Fn::GetAtt": [id, attribute]}:
                return self.refer(stack, id, attribute)
            case {"Fn::ImportValue": name}:
                return self.value(*self._exports[name])
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.value(stack, part) for part in parts)
            case {"Fn::Split": [separator, text]}:
                return self.value(stack, text).split(separator)
            case {"Fn::Select": [number, parts]}:
                return self.value(stack, parts)[int(number)]
            case dict():
                return {key: self.value(stack, part) for key, part in value.items()}
            case list():
                return [self.value(stack, part) for part in value]
        return value
