"""Rules between keys. Each runs as soon as the keys that it reads are valid, whatever else is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from cortex_cdk.spec import duration
from cortex_cdk.spec.document import ENDPOINT
from cortex_cdk.spec.presets import utilization
from cortex_cdk.spec.values import Rule, Values, Violation


def autoscaling(values: Values) -> Iterator[Violation]:
    """`min_replicas` <= `init_replicas` <= `max_replicas`, `target_replica_concurrency` <= `max_replica_concurrency`, \
    `upscale_window` <= `window`.

    The second also when the target follows from workers and threads.
    """
    for low, high in (
        ("min_replicas", "max_replicas"),
        ("min_replicas", "init_replicas"),
        ("init_replicas", "max_replicas"),
    ):
        if values.have(low, high) and values[low] > values[high]:
            keys = (low, high) if high != "init_replicas" else (high, low)
            yield Violation(keys, f"{values.named(low)} is greater than {values.named(high)}")
    if values.have("window", "upscale_window") and values["upscale_window"] > values["window"]:
        long, short = (
            duration.format_ns(values[key] // timedelta(microseconds=1) * 1000) for key in ("window", "upscale_window")
        )
        message = f"upscale_window ({short}) is longer than window ({long})"
        yield Violation(("upscale_window", "window"), message, "the shorter one is for bursts")
    limit = "max_replica_concurrency"
    target = "target_replica_concurrency"
    if values.have(target, limit):
        if values[target] > values[limit]:
            message = f"{target} ({values[target]:g}) is greater than {values.named(limit)}"
            yield Violation((target, limit), message, "requests above that are rejected, the target would never be met")
    elif values.absent(target) and values.have("workers_per_replica", "threads_per_worker", limit):
        default = (
            values["workers_per_replica"]
            * values["threads_per_worker"]
            * utilization(values["preset"] if values.have("preset") else None)
        )
        if default > values[limit]:
            message = (
                f"{target} is workers_per_replica x threads_per_worker ({default:g}) by default, which is greater than "
                f"{values.named(limit)}"
            )
            at_fault = (limit, "workers_per_replica", "threads_per_worker")
            yield Violation(at_fault, message, f"raise {limit}, or lower the others")


def update_strategy(values: Values) -> Iterator[Violation]:
    """`max_surge` and `max_unavailable` must not both be zero."""
    keys = ("max_surge", "max_unavailable")
    if values.have(*keys) and all(values[key].is_zero for key in keys):
        yield Violation(keys, "max_surge and max_unavailable are both zero, an update could never begin")


SECTION_RULES: Mapping[str, Rule] = {"autoscaling": autoscaling, "update_strategy": update_strategy}


@dataclass(frozen=True)
class Identity:
    """What must be unique of an API. ``endpoint`` is normalised; by default it comes from the name."""

    index: int
    name: str | None
    endpoint: str | None
    endpoint_given: bool


def unique(identities: list[Identity]) -> Iterator[tuple[int, Violation]]:
    """Names and endpoints, also those that follow from names, are unique in the file.

    Yields the index of each API that has the name or endpoint of an earlier one, or a name that cannot be an endpoint.
    """
    names: dict[str, int] = {}
    endpoints: dict[str, Identity] = {}
    for api in identities:
        if api.name is not None and names.setdefault(api.name, api.index) != api.index:
            yield api.index, Violation(("name",), f"API {names[api.name] + 1} of the file has this name, too")
            if not api.endpoint_given:
                continue  # the same endpoint follows from it
        if api.endpoint is None:
            continue
        key = "endpoint" if api.endpoint_given else "name"
        if not api.endpoint_given and (reason := ENDPOINT.taken(api.endpoint)):
            yield api.index, Violation((key,), reason, "set `endpoint`")
        first = endpoints.setdefault(api.endpoint, api)
        if first is not api:
            source = "has this endpoint, too" if api.endpoint_given else f"has the endpoint {api.endpoint}"
            hint = None if api.endpoint_given else "set `endpoint`, which is /<name> by default"
            yield api.index, Violation((key,), f"API {first.index + 1} of the file ({first.name}) {source}", hint)
