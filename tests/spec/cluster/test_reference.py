"""The published JSON Schema, reference page and example: up to date, complete, and valid."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from cortex_cdk.spec.cluster import json_schema, reference_markdown
from cortex_cdk.spec.cluster.alarm_kinds import API_ALARMS, CLUSTER_ALARMS
from cortex_cdk.spec.cluster.alarm_sections import Alarm
from cortex_cdk.spec.cluster.document import FORMAT
from cortex_cdk.spec.reference_tables import example

ROOT = Path(__file__).parents[3]
MAPS = ("capacities", "apis")
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
    for section, keys in FORMAT.keys.items():
        # Each alarm has an example of its own, of which the APIs' repeat one.
        if FORMAT.sections[section] is not Alarm and section != "alarms.apis":
            assert keys_in(data, section) == {*keys}, section
    assert keys_in(data, "alarms.apis") == {"latency"}
    assert keys_of_alarms(data) == {*FORMAT.keys["alarms.latency"]}


def keys_in(data, section):
    """The keys of a section in a file; those of the first one where there are many."""
    for part in section.split(".") if section else ():
        data = data.get(part, {})
        data = data[0] if part == "instance_groups" else next(iter(data.values())) if part in MAPS else data
    return {*data}


def keys_of_alarms(data):
    """The keys that any alarm in a file has."""
    return {key for section, kind in FORMAT.sections.items() if kind is Alarm for key in keys_in(data, section)}


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
        inner = f"{section}.{key}".strip(".")
        anchor = "alarm" if FORMAT.sections.get(inner) is Alarm else inner.replace(".", "")
        assert f"| `{key}` |" in page or f"| [{key}](#{anchor}) |" in page
    heading = "Alarm" if FORMAT.sections[section] is Alarm else f"`{section}`"
    assert not section or page.count(f"\n## {heading}\n") == 1


def test_what_is_in_several_places_is_told_once():
    page = reference_markdown()
    meanings = [field.description for key, field in FORMAT.sections["alarms"].model_fields.items() if key != "apis"]
    assert [page.count(meaning) for meaning in meanings] == [1] * len(meanings)
    own = page.partition("## `alarms.apis`")[2].partition("\n## ")[0]
    assert own.count("| As in [`alarms`](#alarms). |") == len(FORMAT.keys["alarms.apis"])


def test_the_meaning_of_an_alarm_names_what_it_has_with_its_defaults():
    for name, kind in {**API_ALARMS, **CLUSTER_ALARMS}.items():
        meaning = FORMAT.sections["alarms"].model_fields[name].description
        named = dict(re.findall(r"`(threshold|minutes|min_count)`[^(]*\(([^),]+)", meaning))
        assert named.keys() == {*kind.keys}
        if name == "latency":
            assert named.pop("threshold") == "half of `endpoint.request_timeout`"
        assert {key: float(value) for key, value in named.items()} == {key: getattr(kind, key) for key in named}


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


def test_the_commented_file_has_every_key_but_those_that_are_told_in_words():
    """New instance types are rare, and an SNS topic takes the place of `emails`."""
    data = yaml.safe_load(uncommented())
    for section, keys in FORMAT.keys.items():
        if section in ("instance_groups.capacities", "alarms.apis") or FORMAT.sections[section] is Alarm:
            continue
        absent = {"instance_groups": {"capacities"}, "alarms": {"topic_arn"}}.get(section, set())
        assert keys_in(data, section) == {*keys} - absent, section
    assert keys_of_alarms(data) == {*FORMAT.keys["alarms.latency"]}
    assert "With `topic_arn` in its place" in COMMENTED
