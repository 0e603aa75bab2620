"""How many replicas an instance can run by its network interfaces.

Each replica has a network interface of its own (network mode ``awsvpc``), and instances take few of them: an m5.large
takes 2 beside its own. With the account setting ``awsvpcTrunking`` newly started instances of many types take more
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-eni.html).
``network_interfaces.json`` says where the numbers are from and of when they are.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "network_interfaces.json"


def replica_limit(instance_type: str, *, trunking: bool = False) -> int | None:
    """The most replicas on one instance; None when it is not known.

    Args:
        instance_type: such as ``m5.large``.
        trunking: whether the account setting is on. Types that it does nothing for, or that are newer than the list of
            those, have their limit without it.
    """
    family, _, size = instance_type.partition(".")
    document = _document()
    limit: int | None = document["replicas"].get(family, {}).get(size)
    if trunking:
        limit = document["replicas_with_trunking"].get(family, {}).get(size, limit)
    return limit


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return document
