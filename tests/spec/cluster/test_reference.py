"""The published JSON Schema, reference page and example: up to date, complete, and valid."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from cortex_cdk.spec.cluster import json_schema, reference_markdown
from cortex_cdk.spec.cluster.document import FORMAT
from cortex_cdk.spec.reference_tables import example

ROOT = Path(__file__).parents[3]
COMMENTED = (ROOT / "examples/cluster.yaml").read_text()


def test_the_published_schema_is_up_to_date():
    published = json.loads((ROOT / "docs/cluster.schema.json").read_text())
    assert published == json_schema(), "run `make docs`"


def test_the_published_reference_is_up_to_date():
    assert (ROOT / "docs/cluster-yaml.md").read_text() == reference_markdown(), "run `make docs`"


def test_the_schema_is_one():
    Draft202012Validator.check_schema(json_schema())


def test_the_example_on_the_page_is_valid_and_has_every_key(folder):
    data = example(FORMAT)
    text = yaml.safe_dump(data, sort_keys=False)
    folder.spec(text)
    assert text in reference_markdown()
    inner = {
        "": data,
        "instance_groups": data["instance_groups"][0],
        "instance_groups.capacities": next(iter(data["instance_groups"][0]["capacities"].values())),
        "endpoint.jwt": data["endpoint"]["jwt"],
    }
    for section, keys in FORMAT.keys.items():
        assert list(inner[section] if section in inner else data[section]) == list(keys)


@pytest.mark.parametrize("section", FORMAT.keys)
def test_every_key_is_described(section):
    schema = json_schema()
    schema = schema["$defs"][FORMAT.sections[section].__name__] if section else schema
    assert schema["description"]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == list(FORMAT.keys[section])
    page = reference_markdown()
    for key, of_key in schema["properties"].items():
        assert "$ref" in json.dumps(of_key) or of_key["description"]
        assert of_key.get("default", ...) is not None
        anchor = f"{section}.{key}".strip(".").replace(".", "")
        assert f"| `{key}` |" in page or f"| [{key}](#{anchor}) |" in page
    assert not section or f"\n## `{section}`\n" in page


def uncommented() -> str:
    """Words begin with `#` and one space; an option is commented out by `#` in the first column, and nothing else."""
    options = [line for line in COMMENTED.splitlines() if not re.match(r" *# \S", line)]
    return "\n".join(line.removeprefix("#") for line in options)


def test_the_commented_file_is_valid_as_it_stands(folder):
    assert folder.spec(COMMENTED) == folder.spec("")


def test_every_option_that_is_commented_out_is_valid(folder):
    spec = folder.spec(uncommented())
    assert "#" not in uncommented()
    assert [group.name for group in spec.instance_groups] == ["default", "gpu"]
    assert spec.endpoint.jwt is not None


def test_each_block_is_valid_alone(folder):
    blocks = re.split(r"^(?=\S)", uncommented(), flags=re.MULTILINE)
    assert len(blocks) > 10
    for block in blocks:
        folder.spec(block)


def test_the_commented_file_has_every_key_but_that_for_new_instance_types():
    data = yaml.safe_load(uncommented())
    for section, keys in FORMAT.keys.items():
        if section == "instance_groups.capacities":
            continue
        found = data
        for part in section.split(".") if section else ():
            found = found[part][0] if part == "instance_groups" else found[part]
        assert set(found) == set(keys) - {"capacities"}, section
