"""What fits onto an instance, with the arithmetic in the message."""

from __future__ import annotations

import pytest

from cortex_cdk.constructs import placement
from cortex_cdk.constructs.instance_group import choose
from cortex_cdk.constructs.placement import Share
from cortex_cdk.spec.cluster.instance_group import InstanceGroup
from cortex_cdk.spec.cluster.instance_types import InstanceCapacity, UnknownInstanceTypeError, capacity_of
from tests.support.api_specs import api_spec


def compute(cpu="200m", mem=None, gpu=0):
    return api_spec(cpu=cpu, mem=mem, gpu=gpu).compute


@pytest.mark.parametrize(
    ("name", "capacity"),
    [
        ("m5.large", InstanceCapacity(2, 8192)),
        ("c6i.12xlarge", InstanceCapacity(48, 98304)),
        ("r7a.medium", InstanceCapacity(1, 8192)),
        ("t3.nano", InstanceCapacity(2, 512)),
        ("g4dn.12xlarge", InstanceCapacity(48, 196608, 4)),
        ("g6e.xlarge", InstanceCapacity(4, 32768, 1)),
        ("p3.2xlarge", InstanceCapacity(8, 62464, 1)),
    ],
)
def test_what_types_have(name, capacity):
    assert capacity_of(name) == capacity


@pytest.mark.parametrize(
    "name", ["m5", "m5.metal", "m5.1xlarge", "m5.huge", "m7g.large", "x99.large", "", "m5.-2xlarge"]
)
def test_unknown_types(name):
    with pytest.raises(UnknownInstanceTypeError, match=f"`{name}`"):
        capacity_of(name)


def test_halves_and_the_gpu_whole():
    split = placement.split(compute("3", "5Gi", gpu=2))
    assert split.api == Share(1536, 2560)
    assert split.serve == Share(1536, 2560, gpus=2)
    assert split.total == Share(3072, 5120 + placement.DOWNLOADER_MEMORY_MIB, gpus=2)


def test_odd_amounts_are_rounded_up():
    # 1 byte above 200 MiB, and 0.7 of a vCPU, 716.8 units.
    split = placement.split(compute("700m", "209715201"))
    assert (split.api, split.serve) == (Share(358, 100), Share(359, 101))


def test_without_memory_something_is_reserved():
    assert placement.split(compute()).api.memory_mib == 256


def test_the_largest_replica_on_an_m5_large():
    """2 vCPU - 0.8 = 1.2; 8,192 - 1,200 - 64 for the download = 6,928 MiB."""
    instances = [("m5.large", capacity_of("m5.large"))]
    assert placement.misfits(compute("1200m", "6928Mi"), instances, "default") == []
    (cpu,) = placement.misfits(compute("1210m", "6928Mi"), instances, "default")
    assert "onto m5.large of instance group `default`: CPU: needs 1.211 vCPU, has 2 - 0.8 for the host = 1.2" in cpu
    (memory,) = placement.misfits(compute("1200m", "6929Mi"), instances, "default")
    assert "memory: needs 6,929 + 64 for the download = 6,993 MiB, has 8,192 - 1,200 for the host = 6,992" in memory


def test_all_that_lacks_is_named():
    (text,) = placement.misfits(compute("8", "64Gi", gpu=1), [("m5.large", capacity_of("m5.large"))], "g")
    assert all(word in text for word in ("CPU: needs 8 vCPU", "memory: needs 65,536", "GPUs: needs 1, has 0"))


def test_replicas_per_instance():
    assert placement.replicas_per_instance(placement.split(compute("500m", "1Gi")).total, capacity_of("m5.large")) == 2
    assert placement.replicas_per_instance(Share(1, 1, gpus=1), capacity_of("g4dn.12xlarge")) == 4
    assert placement.replicas_per_instance(Share(1, 1), InstanceCapacity(1, 1024)) == 0  # less than the host's share


CPU = InstanceGroup(instance_types=["m5.large"], name="cpu")
BIG = InstanceGroup(instance_types=["m5.4xlarge"], name="big")
GPU = InstanceGroup(instance_types=["g4dn.xlarge"], name="gpu")


def test_the_first_group_that_fits():
    assert choose(compute(), [CPU, BIG], None) == (CPU, [])
    assert choose(compute("4"), [CPU, BIG], None) == (BIG, [])


def test_gpus_are_for_those_who_ask():
    assert choose(compute(), [GPU, CPU], None) == (CPU, [])
    assert choose(compute(gpu=1), [CPU, GPU], None) == (GPU, [])
    assert choose(compute("3"), [CPU, GPU], None) == (GPU, [])


def test_a_named_group_is_taken_or_refused():
    assert choose(compute(), [CPU, BIG], "big") == (BIG, [])
    group, problems = choose(compute("4"), [CPU, BIG], "cpu")
    assert group == CPU
    assert "needs 4 vCPU" in problems[0]
    assert choose(compute(), [CPU, BIG], "none")[1] == [
        "there is no instance group `none` in the cluster, only `cpu`, `big`"
    ]


def test_every_type_of_a_group_must_do():
    mixed = InstanceGroup(instance_types=["m5.4xlarge", "m5.large"])
    assert len(choose(compute("4"), [mixed], None)[1]) == 1


def test_all_reasons_of_all_groups():
    reasons = choose(compute("40", gpu=1), [CPU, GPU], None)[1]
    assert [next(name for name in ("m5.large", "g4dn.xlarge") if name in reason) for reason in reasons] == [
        "g4dn.xlarge",
        "m5.large",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"instance_types": []}, "instance_types: the list is empty; allowed: a list of instance types"),
        ({"instance_types": "m5.large"}, 'found "m5.large"; allowed: a list of instance types'),
        ({"instance_types": ["m5.tiny"]}, "`m5.tiny` is not known here"),
        ({"instance_types": ["m5.large", "g5.xlarge"]}, "some have none"),
        ({"min_instances": -1}, "min_instances: found -1; allowed: a whole number, at least 0"),
        ({"min_instances": 3, "max_instances": 2}, "min_instances (3) is greater than max_instances (2)"),
        ({"on_demand_base": 1}, "is for groups with spot instances"),
        ({"on_demand_base": -1, "spot": True}, "on_demand_base: found -1"),
        ({"volume_gib": 8}, "volume_gib: found 8; allowed: a whole number, at least 30"),
        ({"name": "a/b"}, 'name: found "a/b"'),
        ({"capacities": {"m9.large": InstanceCapacity(2, 8192)}}, "m9.large is not one of the group's instance_types"),
    ],
)
def test_problems_of_a_group(change, problem):
    (found,) = InstanceGroup(**{"name": "mine", "instance_types": ["m5.large"]} | change).problems()
    assert found.startswith(f"instance group `{change.get('name', 'mine')}`: ")
    assert problem in found


def test_a_type_that_is_newer_than_the_table():
    group = InstanceGroup(instance_types=["m99.large"], capacities={"m99.large": InstanceCapacity(2, 8192)})
    assert group.problems() == []
    assert choose(compute(), [group], None) == (group, [])
