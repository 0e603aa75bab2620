"""Policies by name, and changes to their settings as text."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from cortex_cdk.autoscaling import Policy
from cortex_cdk.simulation.patterns import pattern
from cortex_cdk.simulation.platform import Platform
from cortex_cdk.simulation.policies import NAMES, PolicyContext, ReplicaBounds, create
from cortex_cdk.simulation.policies.cortex import Cortex
from cortex_cdk.simulation.policies.ecs_target_tracking import EcsTargetTracking
from cortex_cdk.simulation.policies.fixed import replicas_for_peak
from cortex_cdk.simulation.policies.knative import Knative
from cortex_cdk.simulation.policies.kubernetes_hpa import KubernetesHpa
from cortex_cdk.simulation.policies.oracle import oracle
from cortex_cdk.simulation.policies.ray_serve import RayServe
from cortex_cdk.simulation.service_time import Constant, Exponential

API = Policy(min_replicas=2, init_replicas=3, max_replicas=9, target_replica_concurrency=6.0)
CONTEXT = PolicyContext(policy=API, platform=Platform(slots=4), responsive=replace(API, upscale_window_s=10))


@pytest.mark.parametrize("name", ["cortex", "responsive", "knative", "ray", "hpa", "ecs", "ecs-60s"])
def test_every_policy_takes_its_bounds_from_the_api(name: str) -> None:
    policy = create(name, CONTEXT)
    assert policy.name == name
    assert policy.initial() == 3
    assert policy.interval_s > 0
    assert name in NAMES


def test_what_an_api_says_reaches_the_policies() -> None:
    assert CONTEXT.bounds == ReplicaBounds(minimum=2, maximum=9, initial=3)
    cortex, responsive = create("cortex", CONTEXT), create("responsive", CONTEXT)
    assert isinstance(cortex, Cortex)
    assert isinstance(responsive, Cortex)
    assert cortex.settings == API
    assert responsive.settings.upscale_window_s == 10
    knative, hpa = create("knative", CONTEXT), create("hpa", CONTEXT)
    assert isinstance(knative, Knative)
    assert isinstance(hpa, KubernetesHpa)
    assert knative.settings.container_concurrency == 4
    assert hpa.settings.target == 6
    ecs, ecs_60s = create("ecs", CONTEXT), create("ecs-60s", CONTEXT)
    assert isinstance(ecs, EcsTargetTracking)
    assert isinstance(ecs_60s, EcsTargetTracking)
    assert (ecs.settings.period_s, ecs_60s.settings.period_s) == (20, 60)


def test_settings_can_be_changed_by_text() -> None:
    ray = create(" ray : target_ongoing_requests=1, upscale_delay_s = 10 ", CONTEXT)
    assert isinstance(ray, RayServe)
    assert ray.name == "ray:target_ongoing_requests=1, upscale_delay_s = 10"
    assert (ray.settings.target_ongoing_requests, ray.settings.upscale_delay_s) == (1, 10)
    assert ray.settings.downscale_delay_s == 600
    cortex = create("responsive:upscale_window_s=none,max_replicas=50", CONTEXT)
    assert isinstance(cortex, Cortex)
    assert cortex.settings.upscale_window_s is None
    assert cortex.settings.max_replicas == 50
    assert type(cortex.settings.max_replicas) is int


def test_a_fixed_size_is_given_or_found_from_the_busiest_minute() -> None:
    eight = create("fixed:8", CONTEXT)
    assert (eight.name, eight.initial()) == ("fixed:8", 8)
    # 100 requests/s of 0.2 s keep 20 slots busy: 28.6 at 70 %, which are 8 replicas of 4.
    known = replace(CONTEXT, trace=pattern("constant:100"), service_time=Constant(0.2))
    assert create("fixed", known).initial() == 8


def test_what_knows_the_load_knows_that_of_the_run() -> None:
    trace, service = pattern("constant:20"), Exponential(0.5)
    sizes, peaks = set(), set()
    for seed in range(8):
        known = replace(CONTEXT, platform=Platform(), trace=trace, service_time=service, seed=seed)
        sizes.add(size := create("fixed", known).initial())
        assert size == replicas_for_peak(trace, service, 1, seed=seed)
        low = replace(known, policy=Policy(min_replicas=1))
        peaks.add(first := create("oracle", low).initial())
        assert first == oracle(trace, service, Platform(), seed=seed, minimum=1).initial()
    assert len(sizes) > 1
    assert len(peaks) > 1


def test_the_oracle_keeps_to_the_least_count_of_the_api() -> None:
    known = replace(CONTEXT, trace=pattern("constant:1"), service_time=Constant(0.01))
    assert create("oracle", known).initial() == API.min_replicas == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "kubernetes",
            r"policy 'kubernetes': there is no policy 'kubernetes'; there are cortex, responsive, knative, .*ecs",
        ),
        ("", r"there is no policy ''"),
        ("ray:", r"policy 'ray:': nothing follows the colon"),
        ("ray:3", r"policy 'ray:3': '3' is not of the form name=value"),
        ("ray:delay=3", r"policy 'ray:delay=3': there is no setting 'delay'; there are target_ongoing_requests, .*"),
        ("ray:upscale_delay_s=30s", r"upscale_delay_s is '30s', must be a number$"),
        ("hpa:scale_up_pods=1.5", r"scale_up_pods is '1.5', must be a whole number$"),
        ("cortex:upscale_window_s=soon", r"upscale_window_s is 'soon', must be a number or none$"),
        ("ray:upscale_delay_s=none", r"upscale_delay_s is 'none', must be a number$"),
        ("ray:upscale_delay_s=1,upscale_delay_s=2", r"upscale_delay_s is given twice"),
        ("ray:upscale_delay_s=-1", r"policy 'ray:upscale_delay_s=-1': upscale_delay_s is -1.0, must be at least 0"),
        ("ray:upscale_delay_s=inf", r"upscale_delay_s is inf, must be at least 0 and finite"),
        ("fixed:none", r"policy 'fixed:none': 'none' must be a number of replicas, at least 1"),
        ("fixed:0", r"'0' must be a number of replicas, at least 1"),
        ("fixed", r"policy 'fixed': a trace and a service time are needed to know the load beforehand"),
        ("oracle", r"policy 'oracle': a trace and a service time are needed to know the load beforehand"),
        ("oracle:3", r"policy 'oracle:3': the oracle has no settings"),
        ("ecs:target_utilization=70", r"target_utilization is 70.0, must be above 0 and at most 1"),
        ("knative:stable_window_s=nan", r"stable_window_s is nan, must be at least 6"),
        ("cortex:window_s=1", r"policy 'cortex:window_s=1': window_s is 1.0, must be at least 10"),
    ],
)
def test_errors_say_where_what_and_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create(text, CONTEXT)


def test_the_preset_must_be_known() -> None:
    with pytest.raises(ValueError, match="no settings of the preset responsive"):
        create("responsive", replace(CONTEXT, responsive=None))


def test_a_rival_never_sleeps() -> None:
    asleep = PolicyContext(policy=Policy(min_replicas=0, init_replicas=0), platform=Platform())
    assert asleep.bounds == ReplicaBounds(minimum=1, maximum=100, initial=1)
    assert create("knative", asleep).initial() == 1


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"minimum": 0}, "minimum is 0, must be at least 1"),
        ({"minimum": 3, "maximum": 2, "initial": 3}, r"maximum is 2, must be at least minimum \(3\)"),
        ({"minimum": 2, "initial": 1}, r"initial is 1, must be from minimum to maximum \(2 to 100\)"),
    ],
)
def test_bounds_are_checked(counts: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReplicaBounds(**counts)


def test_importing_the_registry_loads_no_policy() -> None:
    code = (
        "import sys, cortex_cdk.simulation.policies\n"
        "print(*[name for name in sys.modules if name.startswith('cortex_cdk.simulation.policies.')])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    kinds = ("knative", "ray_serve", "kubernetes_hpa", "ecs_target_tracking", "cortex", "oracle", "fixed")
    assert not [name for name in loaded if name.endswith(kinds)]
