"""Writes the reference pages and JSON Schemas of cortex.yaml and cluster.yaml, from what cortex_cdk/spec declares."""

from __future__ import annotations

import json
from pathlib import Path

from cortex_cdk.spec import cluster, json_schema, reference_markdown

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> None:
    """Write all files."""
    (DOCS / "cortex-yaml.md").write_text(reference_markdown(), encoding="utf-8")
    (DOCS / "cortex.schema.json").write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
    (DOCS / "cluster-yaml.md").write_text(cluster.reference_markdown(), encoding="utf-8")
    (DOCS / "cluster.schema.json").write_text(json.dumps(cluster.json_schema(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
