"""How much an EC2 instance type has: vCPUs, memory and GPUs, as AWS lists them.

Source: https://aws.amazon.com/ec2/instance-types/. Only x86-64 types are known here, since TensorFlow Serving's images
are built for nothing else. Types that are newer than this table are given with ``InstanceCapacity``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InstanceCapacity:
    """What an instance has before anything is reserved.

    Attributes:
        vcpus: whole ones.
        memory_mib: memory in MiB.
        gpus: whole ones.
    """

    vcpus: int
    memory_mib: int
    gpus: int = 0


class UnknownInstanceTypeError(ValueError):
    """An instance type is not in the table; the message says what to do."""


# GiB of memory per vCPU. The sizes of these families are multiples of `large`.
_GIB_PER_VCPU = {
    **dict.fromkeys(["c5", "c5a", "c5ad", "c5d", "c6a", "c6i", "c6id", "c6in", "c7a", "c7i", "c7i-flex", "c8i"], 2),
    **dict.fromkeys(["m5", "m5a", "m5ad", "m5d", "m5dn", "m5n", "m6a", "m6i", "m6id", "m6idn", "m6in"], 4),
    **dict.fromkeys(["m7a", "m7i", "m7i-flex", "m8i"], 4),
    **dict.fromkeys(["r5", "r5a", "r5ad", "r5b", "r5d", "r5dn", "r5n", "r6a", "r6i", "r6id", "r6idn", "r6in"], 8),
    **dict.fromkeys(["r7a", "r7i", "r8i"], 8),
}
_VCPUS = {"medium": 1, "large": 2, "xlarge": 4}

_T3 = {
    "nano": (2, 0.5),
    "micro": (2, 1),
    "small": (2, 2),
    "medium": (2, 4),
    "large": (2, 8),
    "xlarge": (4, 16),
    "2xlarge": (8, 32),
}
# vCPUs, GiB of memory, GPUs.
_G5 = {
    "xlarge": (4, 16, 1),
    "2xlarge": (8, 32, 1),
    "4xlarge": (16, 64, 1),
    "8xlarge": (32, 128, 1),
    "12xlarge": (48, 192, 4),
    "16xlarge": (64, 256, 1),
    "24xlarge": (96, 384, 4),
    "48xlarge": (192, 768, 8),
}
_LISTED: dict[str, dict[str, tuple[int, float] | tuple[int, float, int]]] = {
    "t3": {**_T3},
    "t3a": {**_T3},
    "g4dn": {
        "xlarge": (4, 16, 1),
        "2xlarge": (8, 32, 1),
        "4xlarge": (16, 64, 1),
        "8xlarge": (32, 128, 1),
        "12xlarge": (48, 192, 4),
        "16xlarge": (64, 256, 1),
    },
    "g5": {**_G5},
    "g6": {**_G5},
    "g6e": {size: (vcpus, 2 * gib, gpus) for size, (vcpus, gib, gpus) in _G5.items()},
    "p3": {"2xlarge": (8, 61, 1), "8xlarge": (32, 244, 4), "16xlarge": (64, 488, 8)},
    "p4d": {"24xlarge": (96, 1152, 8)},
    "p5": {"48xlarge": (192, 2048, 8)},
}


def capacity_of(instance_type: str) -> InstanceCapacity:
    """What ``instance_type``, such as ``m5.large``, has.

    Raises:
        UnknownInstanceTypeError: when it is not in the table.
    """
    family, _, size = instance_type.partition(".")
    if size in _LISTED.get(family, {}):
        vcpus, gib, *gpus = _LISTED[family][size]
        return InstanceCapacity(vcpus, int(gib * 1024), gpus[0] if gpus else 0)
    if family in _GIB_PER_VCPU and (found := _vcpus(size)):
        return InstanceCapacity(found, found * _GIB_PER_VCPU[family] * 1024)
    if size in ("", "metal"):
        what = "is not the name of an instance type such as `m5.large`" if not size else "is not in the table"
        raise UnknownInstanceTypeError(f"`{instance_type}` {what}")
    known = ", ".join(sorted({*_LISTED, *_GIB_PER_VCPU}))
    raise UnknownInstanceTypeError(
        f"`{instance_type}` is not known here (families: {known}); give its vCPUs, memory and GPUs in `capacities`"
    )


def _vcpus(size: str) -> int | None:
    if size in _VCPUS:
        return _VCPUS[size]
    times = size.removesuffix("xlarge")
    return 4 * int(times) if size.endswith("xlarge") and times.isdecimal() and 2 <= int(times) <= 48 else None
