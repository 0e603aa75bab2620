"""``cortex-cdk schema``: the JSON Schemas of ``cortex.yaml`` and ``cluster.yaml``."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated

import typer


class SchemaOf(Enum):
    """The files that have a schema."""

    CORTEX = "cortex.yaml"
    CLUSTER = "cluster.yaml"


def schema_text(of: SchemaOf) -> str:
    """A schema as a JSON document with a newline at its end."""
    from cortex_cdk.spec import cluster, json_schema

    schema = json_schema() if of is SchemaOf.CORTEX else cluster.json_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def schema(
    file: Annotated[SchemaOf, typer.Argument(help="The file that it is for.")] = SchemaOf.CORTEX,
) -> None:
    """Print the JSON Schema of cortex.yaml, or that of cluster.yaml.

    Editors that read this line at the top of a cortex.yaml complete and check its keys:

    \b
      # yaml-language-server: $schema=cortex.schema.json

    \b
    Examples:
      cortex-cdk schema > cortex.schema.json
      cortex-cdk schema cluster.yaml > cluster.schema.json
    """
    typer.echo(schema_text(file), nl=False)
