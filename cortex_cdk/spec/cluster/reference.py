"""The reference page of ``cluster.yaml``, in Markdown, made from the declarations of its keys."""

from __future__ import annotations

from cortex_cdk.spec.cluster import rules
from cortex_cdk.spec.cluster.document import FORMAT
from cortex_cdk.spec.reference_tables import dump, example, tables

_HEAD = """\
<!-- Made by scripts/generate_reference.py from the declarations in cortex_cdk/spec/cluster/document.py. -->

# cluster.yaml

Where the APIs of `cortex.yaml` run in AWS. The file is beside that one, and optional, like all that is in it: absent
keys take their defaults. Unknown keys, wrong types and `null` are errors; `cortex-cdk validate` reports all errors of
both files at once. `cortex-cdk serve` does not need it.

`cortex-cdk schema cluster.yaml > cluster.schema.json` writes a JSON Schema. With it, and with this line at the top of
`cluster.yaml`, editors complete and check keys as you type:

```yaml
# yaml-language-server: $schema=cluster.schema.json
```

Every key, with its default or an example:

```yaml
{full}```
"""
_TAIL = """\
## Between instance groups

Names are unique. Several groups are for APIs of different sizes, or for some with GPUs; replicas without GPUs run on
instances with GPUs only where they fit nowhere else.

## What changes when the file changes

- `cluster_name`, `region` or `account`: another cluster is made; the former stays until it is destroyed.
- An instance group on which APIs run is removed or renamed in two deployments: one with the new group before the old
  one, to which the APIs move, then one without the old one. CloudFormation refuses to do it in one.
- `vpc`, `endpoint.internet_facing`: the load balancer is replaced. CloudFormation refuses that while APIs use it, so
  destroy their stacks first.
- `alarms.enabled: false`, `alarms.topic_arn`: the cluster's own topic goes. CloudFormation refuses that while APIs use
  it, so deploy these first, with the name of your cluster: `cdk deploy --exclusively 'cortex-*'`, then
  `cdk deploy --all`.
- Everything else is updated in place; instances that run keep their type and disk until they end.
"""


def reference_markdown() -> str:
    """The whole page."""
    parts = [_HEAD.format(full=dump(example(FORMAT)))]
    parts += [*tables(FORMAT, "Keys of the file", rules.SECTION_RULES), _TAIL]
    return "\n".join(parts)
