"""Rules between the keys of ``cluster.yaml``. The constructs check groups and endpoints with them, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cortex_cdk.spec.cluster.alarm_rules import alarms
from cortex_cdk.spec.cluster.instance_types import UnknownInstanceTypeError, capacity_of
from cortex_cdk.spec.values import Rule, Values, Violation

MAX_TAGS = 25
"""AWS allows 50 a resource, and services carry the autoscaling policy in theirs."""

_GIVEN = ("cidr", "availability_zones", "private_subnet_ids")


def instance_group(values: Values) -> Iterator[Violation]:
    """`min_instances` <= `max_instances`; `on_demand_base` only with `spot`; types all with GPUs or all without."""
    if values.have("instance_types", "capacities"):
        capacities: Mapping[str, Any] = values["capacities"]
        with_gpus = set()
        for place, name in enumerate(values["instance_types"]):
            try:
                with_gpus.add(bool((capacities.get(name) or capacity_of(name)).gpus))
            except UnknownInstanceTypeError as error:
                yield Violation(("instance_types",), str(error), item=place)
        if len(with_gpus) > 1:
            message = "some of the instance types have GPUs and some have none"
            yield Violation(("instance_types",), message, "make two groups of them")
        for name in capacities:
            if name not in values["instance_types"]:
                yield Violation(("capacities",), f"{name} is not one of the group's instance_types", item=name)
    if values.have("min_instances", "max_instances") and values["min_instances"] > values["max_instances"]:
        message = f"{values.named('min_instances')} is greater than {values.named('max_instances')}"
        yield Violation(("min_instances", "max_instances"), message)
    if values.have("spot", "on_demand_base") and values["on_demand_base"] and not values["spot"]:
        yield Violation(("on_demand_base",), "on_demand_base is for groups with spot instances", "set `spot: true`")


def vpc(values: Values) -> Iterator[Violation]:
    """Either `id` alone, or also `cidr`, `availability_zones` and `private_subnet_ids`; as many subnets per zone."""
    given = [key for key in (*_GIVEN, "public_subnet_ids") if not values.absent(key)]
    missing = [key for key in _GIVEN if values.absent(key)]
    if given and missing:
        message = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing beside {', '.join(given)}"
        yield Violation((given[0],), message, "give `id` alone to have the rest looked up")
    for key in ("private_subnet_ids", "public_subnet_ids"):
        if values.have(key, "availability_zones"):
            subnets, zones = len(values[key]), len(values["availability_zones"])
            if subnets % zones:
                message = f"{subnets} subnets cannot be as many in each of {zones} availability zones"
                yield Violation((key,), message)


def endpoint(values: Values) -> Iterator[Violation]:
    """`internet_facing` needs `allowed_cidrs`; `jwt` needs `certificate_arns`."""
    if values.have("internet_facing", "allowed_cidrs") and values["internet_facing"] and not values["allowed_cidrs"]:
        message = "internet_facing needs allowed_cidrs, such as 203.0.113.0/24, or 0.0.0.0/0 for everybody"
        yield Violation(("internet_facing",), message)
    if values.have("jwt", "certificate_arns") and not values["certificate_arns"]:
        yield Violation(("jwt",), "jwt needs certificate_arns: tokens must not travel over plain HTTP")


def cluster(values: Values) -> Iterator[Violation]:
    """A `vpc` with `id` alone needs `account` and `region`; certificates, web ACL and zones are of that region.

    The keys of the sections are there as ``endpoint.internet_facing`` and so on.
    """
    if values.have("vpc.id") and all(values.absent(f"vpc.{key}") for key in (*_GIVEN, "public_subnet_ids")):
        missing = [key for key in ("account", "region") if values.absent(key)]
        if missing:
            message = f"a VPC that is looked up needs {' and '.join(missing)}, outside of `vpc`"
            hint = f"or give {', '.join(f'`{key}`' for key in _GIVEN)}, then nothing is looked up"
            yield Violation(("vpc.id",), message, hint)
    public = values.have("endpoint.internet_facing") and values["endpoint.internet_facing"]
    if public and values.have("vpc.cidr") and values.absent("vpc.public_subnet_ids"):
        yield Violation(("endpoint.internet_facing",), "internet_facing needs public_subnet_ids in `vpc`")
    if values.have("region"):
        region = values["region"]
        for key in ("endpoint.certificate_arns", "endpoint.web_acl_arn"):
            arns = values[key] if values.have(key) else []
            for place, arn in enumerate([arns] if isinstance(arns, str) else arns):
                found = arn.split(":")[3]
                if found != region:
                    message = f"it is of the region {found}, the cluster of {region}"
                    yield Violation((key,), message, item=None if isinstance(arns, str) else place)
        for place, zone in enumerate(values["vpc.availability_zones"] if values.have("vpc.availability_zones") else ()):
            if not zone.startswith(region):
                yield Violation(("vpc.availability_zones",), f"{zone} is not of the region {region}", item=place)
    if values.have("tags") and len(values["tags"]) > MAX_TAGS:
        yield Violation(("tags",), f"{len(values['tags'])} tags, at most {MAX_TAGS}")


def unique_names(names: list[str | None]) -> Iterator[tuple[int, Violation]]:
    """The names of instance groups are unique.

    Args:
        names: of the groups in their order; None where a name is not valid.

    Yields:
        The place of each group that has the name of an earlier one.
    """
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        if name is not None and first.setdefault(name, place) != place:
            yield place, Violation(("name",), f"instance group {first[name] + 1} is called `{name}`, too")


SECTION_RULES: Mapping[str, Rule] = {
    "": cluster,
    "instance_groups": instance_group,
    "vpc": vpc,
    "endpoint": endpoint,
    "alarms": alarms,
}
