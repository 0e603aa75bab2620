"""From the validated document to the frozen spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cortex_cdk.spec.cluster import alarm_sections, document, model
from cortex_cdk.spec.cluster.alarm_kinds import API_ALARMS, CLUSTER_ALARMS
from cortex_cdk.spec.cluster.instance_group import InstanceGroup
from cortex_cdk.spec.cluster.instance_types import InstanceCapacity


def cluster_spec(cluster: document.Cluster) -> model.ClusterSpec:
    """The spec of a cluster that is known to be valid."""
    return model.ClusterSpec(
        cluster_name=cluster.cluster_name,
        account=cluster.account,
        region=cluster.region,
        instance_groups=tuple(_group(group) for group in cluster.instance_groups),
        vpc=_vpc(cluster.vpc) if cluster.vpc else None,
        endpoint=_endpoint(cluster.endpoint),
        alarms=_alarms(cluster.alarms),
        dashboards=cluster.dashboards,
        log_retention_days=cluster.log_retention_days,
        removal_policy=cluster.removal_policy,
        tags=cluster.tags,
    )


def _group(group: document.InstanceGroup) -> InstanceGroup:
    return InstanceGroup(
        name=group.name,
        instance_types=tuple(group.instance_types),
        min_instances=group.min_instances,
        max_instances=group.max_instances,
        spot=group.spot,
        on_demand_base=group.on_demand_base,
        volume_gib=group.volume_gib,
        capacities={
            name: InstanceCapacity(vcpus=found.vcpus, memory_mib=found.memory_mib, gpus=found.gpus)
            for name, found in group.capacities.items()
        },
    )


def _vpc(vpc: document.Vpc) -> model.VpcSpec:
    return model.VpcSpec(
        id=vpc.id,
        cidr=vpc.cidr,
        availability_zones=tuple(vpc.availability_zones or ()),
        private_subnet_ids=tuple(vpc.private_subnet_ids or ()),
        public_subnet_ids=tuple(vpc.public_subnet_ids or ()),
    )


def _endpoint(endpoint: document.Endpoint) -> model.EndpointSpec:
    return model.EndpointSpec(
        internet_facing=endpoint.internet_facing,
        allowed_cidrs=tuple(endpoint.allowed_cidrs),
        certificate_arns=tuple(endpoint.certificate_arns),
        host_name=endpoint.host_name,
        jwt=model.JwtVerification(issuer=endpoint.jwt.issuer, jwks_uri=endpoint.jwt.jwks_uri) if endpoint.jwt else None,
        web_acl_arn=endpoint.web_acl_arn,
        access_logs=endpoint.access_logs,
        request_timeout=endpoint.request_timeout,
    )


def _alarms(alarms: alarm_sections.Alarms) -> model.AlarmsSpec:
    return model.AlarmsSpec(
        enabled=alarms.enabled,
        emails=tuple(alarms.emails),
        topic_arn=alarms.topic_arn,
        operations_page=alarms.operations_page,
        of_cluster=_each(CLUSTER_ALARMS, alarms),
        of_apis=_each(API_ALARMS, alarms),
        of_single_apis={name: _each(API_ALARMS, alarms, own) for name, own in alarms.apis.items()},
    )


def _each(names: Iterable[str], *sections: alarm_sections.ApiAlarms) -> Mapping[str, model.AlarmSpec]:
    """The alarms of these names; of each key the last section that sets it wins."""
    found = {}
    for name in names:
        keys: dict[str, object] = {}
        for section in sections:
            keys |= getattr(section, name).model_dump(exclude_unset=True)
        found[name] = model.AlarmSpec(**keys)  # type: ignore[arg-type]  # as declared, valid
    return found
