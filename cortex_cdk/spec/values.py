"""What rules between keys work with: the valid values of a section, and what they find to be broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import Field, create_model

from cortex_cdk.spec.sections import Section


@dataclass(frozen=True)
class Violation:
    """A rule is broken. ``keys`` are at fault, the one to report first; absent ones have their defaults.

    ``item`` is the place in the list (or the key in the map) at the first key, where only that is at fault.
    """

    keys: tuple[str, ...]
    message: str
    hint: str | None = None
    item: int | str | None = None


class Values:
    """The valid values of a section, defaults included.

    Args:
        valid: values by key; a key with an invalid value is not there, one that has none is None.
        given: what stands in the file, by key.
    """

    def __init__(self, valid: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self.valid = valid
        self._given = given

    def have(self, *keys: str) -> bool:
        """Whether all of them are valid and not None."""
        return all(self.valid.get(key) is not None for key in keys)

    def absent(self, key: str) -> bool:
        """Whether the key is left out; a key with an invalid value is not."""
        return key in self.valid and self.valid[key] is None

    def __getitem__(self, key: str) -> Any:
        return self.valid[key]

    def named(self, key: str) -> str:
        """The key and its value, for a message: ``max_replicas (100 by default)``."""
        by_default = "" if key in self._given else " by default"
        return f"{key} ({self.valid[key]}{by_default})"


Rule = Callable[[Values], Iterator[Violation]]


def valid_values(section: type[Section], given: Mapping[str, Any], bad: set[str | int]) -> dict[str, Any]:
    """The valid values of a section, defaults included.

    Args:
        section: its declaration.
        given: what stands in the file.
        bad: the keys that are known to be wrong, or required and not there.
    """
    kept = {key: value for key, value in given.items() if key in section.model_fields and key not in bad}
    found = _relaxed(section).model_validate(kept)
    return {key: getattr(found, key) for key in section.model_fields if key not in bad}


@cache
def _relaxed(section: type[Section]) -> type[Section]:
    """The section without required keys."""
    optional: dict[str, Any] = {
        key: (Annotated[found.annotation, *found.metadata], Field(default=None, validate_default=False))
        for key, found in section.model_fields.items()
        if found.is_required()
    }
    return create_model(section.__name__, __base__=section, **optional) if optional else section
