"""The JSON Schema of ``cluster.yaml``. What ``check`` accepts, the schema accepts; rules between keys are beyond it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from cortex_cdk.spec.cluster.document import FORMAT, Cluster
from cortex_cdk.spec.schema import DRAFT, section_schema


def json_schema() -> dict[str, Any]:
    """The schema, draft 2020-12, as a new JSON object."""
    generated = TypeAdapter(Cluster).json_schema()
    sections = generated.pop("$defs")
    return {
        "$schema": DRAFT,
        "title": FORMAT.file,
        **section_schema(FORMAT, generated),
        "description": "Where the APIs of cortex.yaml run in AWS.",
        "$defs": {name: section_schema(FORMAT, schema) for name, schema in sorted(sections.items())},
    }
