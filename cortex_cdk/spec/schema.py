"""The JSON Schema of ``cortex.yaml``, for completion and checks in editors.

It says less than ``cortex_cdk.spec.check``: rules between keys, files, and the size of durations and amounts are
beyond it. What ``check`` accepts, the schema accepts.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from cortex_cdk.spec.document import FORMAT, Api
from cortex_cdk.spec.sections import Format, derived_default

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema, draft 2020-12, as a new JSON object."""
    generated = TypeAdapter(list[Api]).json_schema()
    return {
        "$schema": DRAFT,
        "title": FORMAT.file,
        "description": "TensorFlow APIs, each behind its own autoscaled HTTP endpoint.",
        "type": "array",
        "minItems": 1,
        "items": generated["items"],
        "$defs": {name: section_schema(FORMAT, schema) for name, schema in sorted(generated["$defs"].items())},
    }


def section_schema(format: Format, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a section as pydantic has made it, tidied."""
    fields = next(found for found in format.sections.values() if found.__name__ == schema["title"]).model_fields
    properties = {key: _property(value, fields[key]) for key, value in schema["properties"].items()}
    section = {key: value for key, value in schema.items() if key != "title"}
    return section | {"properties": properties}


def _property(schema: dict[str, Any], field: FieldInfo) -> dict[str, Any]:
    """Without pydantic's titles, which repeat the key, and without "default: null", which is not allowed."""
    kept = {key: value for key, value in schema.items() if key != "title" and not (key == "default" and value is None)}
    if derived := derived_default(field):
        kept["description"] += f" Default: {derived}."
    return kept
