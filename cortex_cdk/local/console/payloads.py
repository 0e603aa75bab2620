"""A payload to begin with in the form of each API: the project's sample, or one made from the model's inputs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cortex_cdk.spec.model import ApiSpec, Project

SAMPLE = "sample.json"
MOST_BYTES = 100_000
MOST_ELEMENTS = 2_000
"""Of one input; a larger one would be a form full of zeros."""


def sample_of(project: Project, api: ApiSpec) -> tuple[str, str] | None:
    """The text of ``sample.json`` beside the predictor, else beside ``cortex.yaml``, and its path in the project.

    None when there is none, or none that a form can hold: text of at most ``MOST_BYTES``.
    """
    for path in ((project.folder / api.predictor.path).with_name(SAMPLE), project.folder / SAMPLE):
        try:
            if not path.is_file():
                continue
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
            if len(content) <= MOST_BYTES:
                return content.decode(), _relative(path, project.folder)
        except (OSError, UnicodeDecodeError):
            continue
    return None


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def example_of(inputs: Mapping[str, Mapping[str, Any]] | None) -> str | None:
    """A payload with all inputs of a model, in their shapes.

    Args:
        inputs: ``dtype`` and ``shape`` by name, as GET on an endpoint answers them; None when they are not known.

    Returns:
        JSON text; None when the inputs are not known, or are too large to be written out.
    """
    if not inputs:
        return None
    payload: dict[str, Any] = {}
    for name, tensor in inputs.items():
        shape = [1 if size < 0 else size for size in tensor["shape"] or []]  # -1 is any size
        if math.prod(shape) > MOST_ELEMENTS:
            return None
        payload[name] = _filled(shape, _element(tensor["dtype"]))
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in payload.items()) + "\n}"


def _element(dtype: str) -> Any:
    if dtype == "string":
        return "text"
    if dtype == "bool":
        return False
    return 0.0 if "float" in dtype else 0


def _filled(shape: list[int], element: Any) -> Any:
    if not shape:
        return element
    return [_filled(shape[1:], element) for _ in range(shape[0])]
