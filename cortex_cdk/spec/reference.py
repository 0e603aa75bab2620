"""The reference page of ``cortex.yaml``, in Markdown, made from the declarations of its keys."""

from __future__ import annotations

from cortex_cdk.spec import rules
from cortex_cdk.spec.document import FORMAT
from cortex_cdk.spec.reference_tables import dump, example, first_line, tables

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
    minimal, full = (dump(example(FORMAT, only_required=only)) for only in (True, False))
    parts = [_HEAD.format(minimal=minimal, full=full)]
    parts += tables(FORMAT, "Keys of an API", rules.SECTION_RULES)
    parts += [f"## Between APIs\n\n{first_line(rules.unique)}\n", _TAIL]
    return "\n".join(parts)
