"""Writes docs/cortex-yaml.md and docs/cortex.schema.json from the declarations in cortex_cdk/spec."""

from __future__ import annotations

import json
from pathlib import Path

from cortex_cdk.spec import json_schema, reference_markdown

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> None:
    """Write both files."""
    (DOCS / "cortex-yaml.md").write_text(reference_markdown(), encoding="utf-8")
    (DOCS / "cortex.schema.json").write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
