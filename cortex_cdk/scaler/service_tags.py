"""How an ECS service carries its API's policy: one tag for each key.

``tags_of`` is used where the service is made, ``parse`` by the Lambda at each tick, so that a changed tag takes effect
at the next one. A tag's value may hold letters, digits, spaces and ``+ - = . _ : / @``, up to 256 of them, so a share
is written ``25 percent``. (Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache

from cortex_cdk.autoscaling import CountOrPercent, Policy, UpdateStrategy

PREFIX = "cortex:"
API_TAG = PREFIX + "api"
CLUSTER_TAG = PREFIX + "cluster"
_STRATEGY = ("max_surge", "max_unavailable")
_COUNTS = ("min_replicas", "max_replicas", "init_replicas")
_POLICY = tuple(field.name for field in fields(Policy))
_ALLOWED = re.compile(r"[\w +\-=.:/@]{1,256}")
_QUARTER = CountOrPercent(25, is_percent=True)
_PERCENT = re.compile(r"([0-9]+) ?(?:percent|%)")


class TagError(ValueError):
    """A tag is missing or wrong; the message says which, what was found and what is allowed."""


@dataclass(frozen=True)
class Strategy:
    """The keys of ``update_strategy`` in ``cortex.yaml``."""

    max_surge: CountOrPercent = _QUARTER
    max_unavailable: CountOrPercent = _QUARTER


@dataclass(frozen=True)
class ScalerTarget:
    """What the tags of a service say.

    Attributes:
        api: the API's name.
        policy: how many replicas it gets.
        update_strategy: how they are replaced.
        ignored: tags that begin like the scaler's own and mean nothing to it.
    """

    api: str
    policy: Policy
    update_strategy: Strategy
    ignored: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """12 hexadecimal digits that are the same for equal policies."""
        tags = tags_of(self.policy, self.update_strategy, self.api)
        return hashlib.sha256(repr(sorted(tags.items())).encode()).hexdigest()[:12]


def tags_of(policy: Policy, update_strategy: UpdateStrategy, api: str) -> dict[str, str]:
    """The tags of an API's service, by key. An optional key of the policy that is not set has no tag.

    Raises:
        ValueError: when the API's name cannot be a tag's value.
    """
    values: dict[str, str] = {"api": api}
    for name in _POLICY:
        value = getattr(policy, name)
        if value is not None:
            values[name] = _text_of_number(value)
    for name in _STRATEGY:
        part: CountOrPercent = getattr(update_strategy, name)
        values[name] = f"{part.value} percent" if part.is_percent else str(part.value)
    if not _ALLOWED.fullmatch(api):
        raise ValueError(f"api is {api!r}, must be 1 to 256 letters, digits, spaces and + - = . _ : / @ to be a tag")
    return {PREFIX + name: value for name, value in values.items()}


def parse(tags: Mapping[str, str]) -> ScalerTarget:
    """What the tags of a service say; keys that are absent have their defaults.

    The same tags give the same object: they seldom change, and are read at every tick.

    Raises:
        TagError: when the API's name is missing or a value is wrong.
    """
    return _parse(frozenset(item for item in tags.items() if item[0].startswith(PREFIX)))


@lru_cache(maxsize=4096)
def _parse(tags: frozenset[tuple[str, str]]) -> ScalerTarget:
    own = {name.removeprefix(PREFIX): value for name, value in tags}
    if not own.get("api"):
        raise TagError(f"tag {API_TAG} is missing or empty, must be the API's name")
    numbers = {name: _number(name, own[name]) for name in _POLICY if name in own}
    try:
        policy = Policy(**numbers)  # type: ignore[arg-type]  # counts are whole numbers, which _number has seen to
    except ValueError as error:
        raise TagError(f"tags {PREFIX}*: {error}") from None
    strategy = Strategy(**{name: _count_or_percent(name, own[name]) for name in _STRATEGY if name in own})
    known = {"api", "cluster", *_POLICY, *_STRATEGY}
    return ScalerTarget(own["api"], policy, strategy, tuple(sorted(PREFIX + name for name in own.keys() - known)))


def _text_of_number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _number(name: str, text: str) -> float:
    try:
        return int(text) if name in _COUNTS else float(text)
    except ValueError:
        kind = "a whole number" if name in _COUNTS else "a number"
        raise TagError(f"tag {PREFIX}{name} is {text!r}, must be {kind}") from None


def _count_or_percent(name: str, text: str) -> CountOrPercent:
    share = _PERCENT.fullmatch(text)
    try:
        return CountOrPercent.parse(f"{share[1]}%" if share else text)
    except ValueError:
        raise TagError(f"tag {PREFIX}{name} is {text!r}, must be a count or '0 percent' to '100 percent'") from None
