"""What a log line must be for CloudWatch to take its metrics: the published schema, and the rules beside it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema

SCHEMA = jsonschema.Draft7Validator(json.loads((Path(__file__).parent / "embedded_metric_format.json").read_text()))
MOST_BYTES = 256 << 10


def check(line: str | bytes) -> dict[str, Any]:
    """The document of a line, which holds to every rule of the format."""
    assert len(line) <= MOST_BYTES
    document: dict[str, Any] = json.loads(line)
    SCHEMA.validate(document)
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for name in {name for names in directive["Dimensions"] for name in names}:
            value = document[name]
            assert isinstance(value, str)
            assert 1 <= len(value) <= 1024
            assert value.isascii()
            assert value.isprintable()
            assert value.strip()
            assert not value.startswith(":")
        names = [metric["Name"] for metric in directive["Metrics"]]
        assert len(names) == len(set(names))
        for name in names:
            values = document[name] if isinstance(document[name], list) else [document[name]]
            assert 1 <= len(values) <= 100
            for value in values:
                assert isinstance(value, int | float)
                assert not isinstance(value, bool)
                assert math.isfinite(value)
    return document


def metric_names(document: dict[str, Any]) -> set[str]:
    """The metrics of a document."""
    return {metric["Name"] for directive in document["_aws"]["CloudWatchMetrics"] for metric in directive["Metrics"]}
