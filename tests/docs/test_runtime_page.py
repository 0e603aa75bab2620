"""docs/runtime.md: all settings of a replica, with the defaults that they really have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from cortex_runtime import settings
from cortex_runtime.settings import Settings
from tests.docs.pages import DOCS, blocks

PAGE = (DOCS / "runtime.md").read_text(encoding="utf-8")
(BLOCK,) = [json.loads(block.text) for block in blocks("json") if block.place.startswith("docs/runtime.md")]


def sections(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs that a type of ``msgspec.inspect`` holds."""
    if isinstance(kind, msgspec.inspect.StructType):
        yield kind.cls
        for field in kind.fields:
            yield from sections(field.type)
    elif isinstance(kind, msgspec.inspect.UnionType):
        for one in kind.types:
            yield from sections(one)


@pytest.mark.parametrize("section", dict.fromkeys(sections(msgspec.inspect.type_info(Settings))))
def test_every_key_is_on_the_page(section):
    for field in msgspec.structs.fields(section):
        assert f'"{field.encode_name}"' in PAGE or f"`{field.encode_name}`" in PAGE, field.encode_name


def test_the_document_has_the_defaults():
    project = {key: BLOCK["predictor"][key] for key in ("project_dir", "path")}
    least = {"api": BLOCK["api"], "predictor": project, **{key: BLOCK[key] for key in ("tracker", "replica_id")}}
    assert settings.parse(json.dumps(BLOCK)) == settings.parse(json.dumps(least))


def test_reporting_has_the_defaults():
    (line,) = [text for text in PAGE.split("`") if text.startswith('{"table"')]
    document = json.loads(line)
    least = {key: document[key] for key in ("table", "cluster")}
    assert msgspec.convert(document, settings.Reporting) == msgspec.convert(least, settings.Reporting)
