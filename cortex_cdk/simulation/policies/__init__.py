"""Policies by name: what decides how many replicas run, ours and the rivals'.

Importing this package loads none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortex_cdk.simulation.policies.context import PolicyContext, ReplicaBounds
from cortex_cdk.simulation.policies.settings import Changes

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortex_cdk.simulation.policies.base import ScalingPolicy

__all__ = ["NAMES", "PolicyContext", "ReplicaBounds", "create"]


def create(text: str, context: PolicyContext) -> ScalingPolicy:
    """A new policy, at the start of its life.

    Args:
        text: a name of ``NAMES``; after a colon what differs from the defaults: ``fixed:8`` (replicas, instead of as
            many as the busiest minute needs) or ``ray:target_ongoing_requests=1,upscale_delay_s=10`` (settings, by the
            names that they have in their class).
        context: the API's settings and what its replicas run on.

    Returns:
        The policy. Its ``name`` is ``text``, so that two forms of one policy can be told apart.

    Raises:
        ValueError: when there is no such policy or setting, a value does not fit, or ``context`` lacks what it needs.
    """
    name, colon, changes = (part.strip() for part in text.partition(":"))
    builder = _BUILDERS.get(name)
    if builder is None:
        raise ValueError(f"policy {text!r}: there is no policy {name!r}; there are {', '.join(NAMES)}")
    if colon and not changes:
        raise ValueError(f"policy {text!r}: nothing follows the colon")
    text = f"{name}:{changes}" if colon else name
    return builder(context, text, Changes(changes, f"policy {text!r}"))


def _cortex(context: PolicyContext, name: str, changes: Changes) -> ScalingPolicy:
    from cortex_cdk.simulation.policies.cortex import Cortex

    return Cortex(changes.applied_to(context.policy), name)


def _responsive(context: PolicyContext, name: str, changes: Changes) -> ScalingPolicy:
    from cortex_cdk.simulation.policies.cortex import Cortex

    if context.responsive is None:
        raise ValueError(f"{changes.where}: the context has no settings of the preset responsive")
    return Cortex(changes.applied_to(context.responsive), name)


def _knative(context: PolicyContext, name: str, changes: Changes) -> ScalingPolicy:
    from cortex_cdk.simulation.policies.knative import Knative, KnativeSettings

    settings = KnativeSettings(container_concurrency=context.platform.slots)
    return Knative(changes.applied_to(settings), context.bounds, name)


def _ray(context: PolicyContext, name: str, changes: Changes) -> ScalingPolicy:
    from cortex_cdk.simulation.policies.ray_serve import RayServe, RayServeSettings

    return RayServe(changes.applied_to(RayServeSettings()), context.bounds, name)


def _hpa(context: PolicyContext, name: str, changes: Changes) -> ScalingPolicy:
    from cortex_cdk.simulation.policies.kubernetes_hpa import HpaSettings, KubernetesHpa

    settings = HpaSettings(target=context.policy.target_replica_concurrency)
    return KubernetesHpa(changes.applied_to(settings), context.bounds, name)


def _ecs(context: PolicyContext, name: str, changes: Changes) -> ScalingPolicy:
    from cortex_cdk.simulation.policies.ecs_target_tracking import HIGH_RESOLUTION, EcsTargetTracking

    return EcsTargetTracking(changes.applied_to(HIGH_RESOLUTION), context.bounds, name)


def _ecs_60s(context: PolicyContext, name: str, changes: Changes) -> ScalingPolicy:
    from cortex_cdk.simulation.policies.ecs_target_tracking import STANDARD, EcsTargetTracking

    return EcsTargetTracking(changes.applied_to(STANDARD), context.bounds, name)


def _fixed(context: PolicyContext, name: str, changes: Changes) -> ScalingPolicy:
    from cortex_cdk.simulation.policies.fixed import Fixed, replicas_for_peak

    if changes.text:
        if not changes.text.isdecimal() or int(changes.text) < 1:
            raise ValueError(f"{changes.where}: {changes.text!r} must be a number of replicas, at least 1")
        return Fixed(int(changes.text), name)
    trace, service_time = context.known_load(changes.where)
    return Fixed(replicas_for_peak(trace, service_time, context.platform.slots, seed=context.seed), name)


def _oracle(context: PolicyContext, name: str, changes: Changes) -> ScalingPolicy:
    from cortex_cdk.simulation.policies.oracle import oracle

    if changes.text:
        raise ValueError(f"{changes.where}: the oracle has no settings")
    trace, service_time = context.known_load(changes.where)
    minimum = context.policy.min_replicas
    return oracle(trace, service_time, context.platform, seed=context.seed, minimum=minimum, name=name)


_BUILDERS: dict[str, Callable[[PolicyContext, str, Changes], ScalingPolicy]] = {
    "cortex": _cortex,
    "responsive": _responsive,
    "knative": _knative,
    "ray": _ray,
    "hpa": _hpa,
    "ecs": _ecs,
    "ecs-60s": _ecs_60s,
    "fixed": _fixed,
    "oracle": _oracle,
}

NAMES = tuple(_BUILDERS)
"""All names, ours first."""
