"""The tables of a reference page, and examples, in Markdown and YAML: made from the declarations of a format's keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import takewhile
from typing import Any, get_origin

import yaml
from pydantic.fields import FieldInfo

from cortex_cdk.spec.kind import Kind
from cortex_cdk.spec.kinds import Choice
from cortex_cdk.spec.problem import show
from cortex_cdk.spec.sections import Format, Section, derived_default, holds_many, section_of
from cortex_cdk.spec.values import Rule


def tables(format: Format, title: str, rules: Mapping[str, Rule]) -> list[str]:
    """A part of the page for each section, with all of its keys. What occurs in several places is there once.

    Args:
        format: of the file.
        title: of the outermost section.
        rules: those between the keys of a section, by the section's name.
    """
    first = {section: name for name, section in reversed(format.sections.items())}
    headings = {name: _heading(format, name, title) for name in format.sections}
    return [_table(format, name, headings, rules.get(name)) for name in format.sections if name in first.values()]


def example(format: Format, *, only_required: bool = False) -> Any:
    """A valid file with every key, or with the required ones; each has its first example, else its default."""
    values = _example(format.root, only_required)
    return [values] if format.is_list else values


def dump(data: Any) -> str:
    """Data as YAML, keys in their order."""
    return yaml.safe_dump(data, sort_keys=False)


def first_line(documented: Any) -> str:
    """The first line of a docstring."""
    return (documented.__doc__ or "").strip().splitlines()[0]


def _example(section: type[Section], only_required: bool) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, field in section.model_fields.items():
        if only_required and not field.is_required():
            continue
        inner = section_of(field)
        kind = _kind(field)
        if field.examples:
            values[key] = field.examples[0]
        elif inner is not None:
            one = _example(inner, only_required)
            values[key] = [one] if holds_many(field) else one
        else:
            values[key] = kind.words[0] if isinstance(kind, Choice) else field.default
    return values


def _heading(format: Format, name: str, title: str) -> str:
    """Of a section: its name, or that of its class where that is in several places."""
    section = format.sections[name]
    if _is_shared(format, section):
        return section.__name__
    return f"`{name}`" if name else title


def _is_shared(format: Format, section: type[Section]) -> bool:
    return [*format.sections.values()].count(section) > 1


def _told_before(format: Format, name: str, key: str, headings: Mapping[str, str]) -> str | None:
    """Where the page has the meaning of a key of a section already, because an earlier section has the key, too."""
    told = format.sections[name].model_fields[key].description
    for other in takewhile(lambda other: other != name, format.sections):
        field = format.sections[other].model_fields.get(key)
        if told is not None and field is not None and field.description == told:
            return f"As in [{headings[other]}](#{_anchor(headings[other])})."
    return None


def _table(format: Format, name: str, headings: Mapping[str, str], rule: Rule | None) -> str:
    section = format.sections[name]
    lines = [f"## {headings[name]}", "", first_line(section), ""]
    lines += ["| key | type | default | allowed | meaning |", "|---|---|---|---|---|"]
    for key, field in section.model_fields.items():
        inner = section_of(field)
        full = f"{name}.{key}" if name else key
        if inner is not None:
            shared = _is_shared(format, inner)
            default = f"`{_written(field.default)}`" if shared else _default(field)
            meaning = _told_before(format, name, key, headings) or field.description or first_line(inner)
            cells = [f"[{key}](#{_anchor(headings[full])})", _map_type(field), default, "", meaning]
        else:
            kind = _kind(field)
            assert kind is not None, f"{full} has no kind"
            cells = [f"`{key}`", kind.type_name, _default(field), kind.allowed, field.description or ""]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    if rule is not None:
        lines += ["", f"Between them: {first_line(rule)}"]
    return "\n".join(lines) + "\n"


def _anchor(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _kind(field: FieldInfo) -> Kind | None:
    return next((entry for entry in field.metadata if isinstance(entry, Kind)), None)


def _map_type(field: FieldInfo) -> str:
    if not holds_many(field):
        return "map"
    return "list of maps" if get_origin(field.annotation) is list else "map of maps"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if field.default is None:
        return derived_default(field) or "none"
    if section_of(field):
        return "as below" if field.default == {} and not holds_many(field) else f"`{_written(field.default)}`"
    return f"`{_written(field.default)}`"


def _written(value: Any) -> str:
    """As one would write it in YAML, on one line."""
    return value if isinstance(value, str) else show(value)
