"""The reference page of ``cortex.yaml``, in Markdown, made from the declarations of its keys."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic.fields import FieldInfo

from cortex_cdk.spec import rules
from cortex_cdk.spec.document import SECTIONS, Section, derived_default, kind_of, section_of
from cortex_cdk.spec.kinds import Choice

_HEAD = """\
<!-- Made by scripts/generate_reference.py from the declarations in cortex_cdk/spec/document.py. -->

# cortex.yaml

A list of APIs; one file may hold many. Absent keys take their defaults. Unknown keys, wrong types and `null` are
errors; `cortex-cdk validate` reports all errors of a file at once.

`cortex-cdk schema > cortex.schema.json` writes a JSON Schema. With it, and with this line at the top of `cortex.yaml`,
editors complete and check keys as you type:

```yaml
# yaml-language-server: $schema=cortex.schema.json
```

The shortest file:

```yaml
{minimal}```

Every key, with its default or an example:

```yaml
{full}```
"""
_TAIL = """\
## Notations

| type | written as |
|---|---|
| duration | as in Go: numbers with the units `h`, `m`, `s`, `ms`, `us` or `ns`, such as `1m30s`; never a number alone |
| amount of CPU or memory | as in Kubernetes: `200m` is 0.2, `1Ki` is 1024, `1K` (or `1k`) is 1000 |
| string | what YAML takes for a number, a boolean (`yes`, `no`, `on`, `off`, `true`, `false`) or null needs quotes |
| int | `16`, `1_000` or `0x10`; one that begins with 0, such as `010`, is an error |

Anchors, aliases and merge keys (`<<`) work. Timestamps and times such as `12:30` are strings.
"""


def reference_markdown() -> str:
    """The whole page."""
    parts = [_HEAD.format(minimal=_dump(example(only_required=True)), full=_dump(example()))]
    parts += [_section(name, section) for name, section in SECTIONS.items()]
    parts += [f"## Between APIs\n\n{_sentence(rules.unique)}\n", _TAIL]
    return "\n".join(parts)


def example(*, only_required: bool = False) -> list[dict[str, Any]]:
    """A valid file with every key, or with the required ones; each has its first example, else its default."""
    return [_example(SECTIONS[""], "", only_required)]


def _example(section: type[Section], name: str, only_required: bool) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, field in section.model_fields.items():
        if only_required and not field.is_required():
            continue
        inner = section_of(field)
        kind = kind_of((name, key) if name else (key,))
        if inner is not None:
            values[key] = _example(inner, key, only_required)
        elif isinstance(kind, Choice):
            values[key] = kind.words[0]
        else:
            values[key] = field.examples[0] if field.examples else field.default
    return values


def _dump(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False)


def _section(name: str, section: type[Section]) -> str:
    lines = [f"## {f'`{name}`' if name else 'Keys of an API'}", "", _sentence(section), ""]
    lines += ["| key | type | default | allowed | meaning |", "|---|---|---|---|---|"]
    for key, field in section.model_fields.items():
        inner = section_of(field)
        if inner is not None:
            cells = [f"[{key}](#{key})", "map", _default(field), "", _sentence(inner)]
        else:
            kind = kind_of((name, key) if name else (key,))
            assert kind is not None, f"{name}.{key} has no kind"
            cells = [f"`{key}`", kind.type_name, _default(field), kind.allowed, field.description or ""]
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    if name in rules.SECTION_RULES:
        lines += ["", f"Between them: {_sentence(rules.SECTION_RULES[name])}"]
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    if field.default is None:
        return derived_default(field) or "none"
    return "as below" if section_of(field) else f"`{'{}' if field.default == {} else field.default}`"


def _sentence(documented: Any) -> str:
    return (documented.__doc__ or "").strip().splitlines()[0]
