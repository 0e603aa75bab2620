"""How the keys of a file are declared: a ``Section`` for each map, a ``Format`` for the whole.

Validation, JSON Schema, reference page and error texts all come from the declarations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from cortex_cdk.spec.kind import DerivedDefault, Kind
from cortex_cdk.spec.lists import ListOf

Path = tuple[str | int, ...]


class Section(BaseModel):
    """A map of the file. Unknown keys are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, validate_default=True, arbitrary_types_allowed=True
    )


@dataclass(frozen=True)
class Format:
    """What a kind of file holds.

    Attributes:
        file: its name.
        root: the map that the file is, or that each entry of its list is.
        is_list: whether the file is a list of such maps.
        root_name: what messages and the reference call ``root``.
        elsewhere: hints for keys that other versions of Cortex have, by section and key.
    """

    file: str
    root: type[Section]
    is_list: bool
    root_name: str
    elsewhere: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @cached_property
    def sections(self) -> dict[str, type[Section]]:
        """All sections by their names: ``""``, ``endpoint``, ``endpoint.jwt``."""
        return {"": self.root, **dict(_inner(self.root, ""))}

    @cached_property
    def keys(self) -> dict[str, tuple[str, ...]]:
        """The keys of each section."""
        return {name: tuple(section.model_fields) for name, section in self.sections.items()}

    def within(self, path: Path) -> Path:
        """A path of the file, as one within ``root``."""
        return path[1:] if self.is_list else path

    def kind_of(self, path: Path) -> Kind | None:
        """The kind of value at a path within ``root``; None for a map, and for what is inside a map of the user."""
        section, parts = self.root, iter(path)
        for part in parts:
            found = section.model_fields.get(str(part))
            if found is None:
                return None
            kind = next((entry for entry in found.metadata if isinstance(entry, Kind)), None)
            inner = section_of(found)
            if inner is None:
                rest = [*parts]
                if not rest:
                    return kind
                return kind.items if isinstance(kind, ListOf) and len(rest) == 1 else None
            if holds_many(found) and next(parts, None) is None:
                return kind
            section = inner
        return None

    def section_name(self, path: Path) -> str:
        """The name of the section at a path within ``root``: places in lists and the user's own keys are no part."""
        section, names, parts = self.root, [], iter(path)
        for part in parts:
            names.append(str(part))
            found = section.model_fields[str(part)]
            if holds_many(found):
                next(parts, None)
            inner = section_of(found)
            assert inner is not None, f"{path} is no section"
            section = inner
        return ".".join(names)


def written(default: Any) -> Any:
    """A default as a user would write it; it is validated like what users write."""
    return default


def derived_default(field: FieldInfo) -> str | None:
    """From what the default of a field follows, in Markdown, or None."""
    return next((entry.text for entry in field.metadata if isinstance(entry, DerivedDefault)), None)


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section that a field holds, alone or many of them, or None when it holds a value."""
    return next(_sections_in(field.annotation), None)


def holds_many(field: FieldInfo) -> bool:
    """Whether a field holds a list or a map of sections."""
    annotations = (field.annotation, *get_args(field.annotation))
    return section_of(field) is not None and any(get_origin(found) in (list, dict) for found in annotations)


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in get_args(annotation):
        yield from _sections_in(part)


def _inner(section: type[Section], name: str) -> Iterator[tuple[str, type[Section]]]:
    for key, found in section.model_fields.items():
        inner = section_of(found)
        if inner is not None:
            path = f"{name}.{key}" if name else key
            yield path, inner
            yield from _inner(inner, path)
