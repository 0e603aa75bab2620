"""Types of CloudFormation that the emulator does not know, or of which it drops what is needed here.

Those that nothing here looks at again (an address, a gateway, rules of security groups) are names and no more.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs, ssm
from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]

_IMAGES = ("amazon-linux-2023", "amazon-linux-2023/gpu")
_NAMES: dict[str, Callable[[str], dict[str, Any]]] = {
    "AWS::EC2::EIP": lambda name: {"AllocationId": f"eipalloc-{_id()}", "PublicIp": "203.0.113.10"},
    "AWS::EC2::FlowLog": lambda name: {"Id": name},
    "AWS::EC2::NatGateway": lambda name: {"NatGatewayId": f"nat-{_id()}"},
    "AWS::EC2::SecurityGroupEgress": lambda name: {"Id": name},
    "AWS::EC2::SecurityGroupIngress": lambda name: {"Id": name},
    "AWS::Logs::QueryDefinition": lambda name: {"QueryDefinitionId": name},
    "AWS::WAFv2::WebACLAssociation": lambda name: {"Id": name},
}


def install() -> None:
    """Add them."""
    for image in _IMAGES:
        path = f"/aws/service/ecs/optimized-ami/{image}/recommended/image_id"
        ssm._PUBLIC_AMI_PARAMETERS.setdefault(path, "ami-0123456789abcdef0")
    handlers = provisioners._RESOURCE_HANDLERS
    for kind, attributes in _NAMES.items():
        handlers.setdefault(kind, _name_only(attributes))
    handlers["AWS::ECS::CapacityProvider"] = {
        "create": _create_capacity_provider,
        "update": lambda name, old, new, stack: (name, {}),
        "delete": lambda name, properties: ecs._delete_capacity_provider({"capacityProvider": name}),
    }
    handlers["AWS::ECS::ClusterCapacityProviderAssociations"] = {
        "create": _associate,
        "update": lambda name, old, new, stack: _associate("", new, stack),
        "delete": lambda name, properties: None,
    }
    _add_attributes("AWS::EC2::VPC", "CidrBlock")
    _keep_all_of_task_definitions()
    _keep_all_of_services()
    _take_alarms_on_expressions()


def _name_only(attributes: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    def create(logical_id: str, properties: Properties, stack: str) -> Made:
        name = f"{stack}-{logical_id}-{_id()[:8]}"
        return name, attributes(name)

    return {
        "create": create,
        "update": lambda name, old, new, stack: (name, attributes(name)),
        "delete": lambda name, properties: None,
    }


def _create_capacity_provider(logical_id: str, properties: Properties, stack: str) -> Made:
    name = properties.get("Name") or f"{stack}-{logical_id}-{_id()[:8]}"
    group = provisioners._pascal_to_camel(properties.get("AutoScalingGroupProvider") or {})
    _raise_for(ecs._create_capacity_provider({"name": name, "autoScalingGroupProvider": group}))
    return name, {}


def _associate(logical_id: str, properties: Properties, stack: str) -> Made:
    request = {
        "cluster": properties["Cluster"],
        "capacityProviders": properties.get("CapacityProviders", []),
        "defaultCapacityProviderStrategy": provisioners._pascal_to_camel(
            properties.get("DefaultCapacityProviderStrategy") or []
        ),
    }
    _raise_for(ecs._put_cluster_capacity_providers(request))
    return properties["Cluster"], {}


def _add_attributes(kind: str, *names: str) -> None:
    """Have properties of a type be attributes, too."""
    handler = provisioners._RESOURCE_HANDLERS[kind]

    def with_attributes(action: Callable[..., Made], position: int) -> Callable[..., Made]:
        def act(*arguments: Any, **more: Any) -> Made:
            name, attributes = action(*arguments, **more)
            return name, attributes | {key: arguments[position][key] for key in names}

        return act

    handler["create"] = with_attributes(handler["create"], 1)
    handler["update"] = with_attributes(handler["update"], 2)


_CONTAINER_KEYS = ("dependsOn", "healthCheck", "linuxParameters", "mountPoints", "ulimits")


def _keep_all_of_task_definitions() -> None:
    """Names below a container's first level are CloudFormation's; ECS begins them with a small letter."""
    create = provisioners._ecs_task_def_create

    def create_whole(logical_id: str, properties: Properties, stack: str) -> Made:
        arn, attributes = create(logical_id, properties, stack)
        definition = ecs._task_defs[arn.partition("task-definition/")[2]]
        for container in definition["containerDefinitions"]:
            for key in _CONTAINER_KEYS:
                if key in container:
                    container[key] = provisioners._pascal_to_camel(container[key])
        definition["volumes"] = provisioners._pascal_to_camel(definition["volumes"])
        return arn, attributes

    provisioners._ecs_task_def_create = create_whole  # an update calls it by this name
    provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]["create"] = create_whole


def _keep_all_of_services() -> None:
    """Tags change in place: an autoscaling policy travels in them."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::ECS::Service"]
    update = handler["update"]

    def update_with_tags(name: str, old: Properties, new: Properties, stack: str) -> Made:
        made: Made = update(name, old, new, stack)
        if old.get("Tags") != new.get("Tags"):
            ecs._tags[name] = [{"key": tag["Key"], "value": tag["Value"]} for tag in new.get("Tags") or ()]
        return made

    handler["update"] = update_with_tags


def _take_alarms_on_expressions() -> None:
    """Alarms on metric math are names: the emulator has alarms on single metrics only."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"]
    others = dict(handler)

    def named(name: str) -> Made:
        return name, {"Arn": f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"}

    def create(logical_id: str, properties: Properties, stack: str) -> Made:
        if "Metrics" not in properties:
            return others["create"](logical_id, properties, stack)
        return named(properties.get("AlarmName") or f"{stack}-{logical_id}-{_id()[:8]}")

    def update(name: str, old: Properties, new: Properties, stack: str) -> Made:
        return named(name) if "Metrics" in new else others["update"](name, old, new, stack)

    def delete(name: str, properties: Properties) -> None:
        if "Metrics" not in properties:
            others["delete"](name, properties)

    handler.update(create=create, update=update, delete=delete)
    handler.pop("update_with_logical_id", None)


def _raise_for(response: Any) -> None:
    if response[0] >= 400:
        raise ValueError(str(response[2]))


def _id() -> str:
    return uuid.uuid4().hex[:17]
