"""``cortex-cdk schema``: the JSON Schema of ``cortex.yaml``."""

from __future__ import annotations

import json

import typer


def schema_text() -> str:
    """The schema as a JSON document with a newline at its end."""
    from cortex_cdk.spec import json_schema

    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> None:
    """Print the JSON Schema of cortex.yaml.

    Editors that read this line at the top of a cortex.yaml complete and check its keys:

    \b
      # yaml-language-server: $schema=cortex.schema.json

    \b
    Example:
      cortex-cdk schema > cortex.schema.json
    """
    typer.echo(schema_text(), nl=False)
