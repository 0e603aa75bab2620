"""The published JSON Schema and reference page: up to date, complete, and their examples valid."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from cortex_cdk.spec import json_schema, reference_markdown
from cortex_cdk.spec.document import FORMAT
from cortex_cdk.spec.reference_tables import example

DOCS = Path(__file__).parents[2] / "docs"


def test_the_published_schema_is_up_to_date():
    published = json.loads((DOCS / "cortex.schema.json").read_text())
    assert published == json_schema(), "run scripts/generate_reference.py"


def test_the_published_reference_is_up_to_date():
    published = (DOCS / "cortex-yaml.md").read_text()
    assert published == reference_markdown(), "run scripts/generate_reference.py"


def test_the_schema_is_one():
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("only_required", [True, False])
def test_the_example_is_valid(workspace, only_required):
    data = example(FORMAT, only_required=only_required)
    workspace.api(yaml.safe_dump(data))
    assert yaml.safe_dump(data, sort_keys=False) in reference_markdown()


def test_the_example_has_every_key():
    (api,) = example(FORMAT)
    for section, keys in FORMAT.keys.items():
        assert list(api[section] if section else api) == list(keys)


@pytest.mark.parametrize("section", FORMAT.keys)
def test_every_key_is_described(section):
    schema = json_schema()["$defs"][FORMAT.sections[section].__name__]
    assert schema["description"]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == list(FORMAT.keys[section])
    page = reference_markdown()
    for key, of_key in schema["properties"].items():
        assert "$ref" in of_key or of_key["description"]
        assert ("default" not in of_key) or of_key["default"] is not None
        assert f"| `{key}` |" in page or f"| [{key}](#{key}) |" in page


def test_the_line_for_editors():
    assert "# yaml-language-server: $schema=" in reference_markdown()


def test_the_defaults_on_the_page_are_those_of_the_schema():
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| `([^`|]+)` \|", reference_markdown(), re.MULTILINE))
    schema = json_schema()["$defs"]
    for section in ("Compute", "Autoscaling", "UpdateStrategy"):
        for key, of_key in schema[section]["properties"].items():
            if "default" in of_key:
                assert rows[key] == str(of_key["default"])
