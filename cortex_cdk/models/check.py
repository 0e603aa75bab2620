"""Checks the local models that a ``cortex.yaml`` names: their layout, and the signature that each API would use."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cortex_cdk.models.errors import ModelError
from cortex_cdk.models.saved_model import inspect

if TYPE_CHECKING:
    from cortex_cdk.spec.problem import Problem
    from cortex_runtime.tf_serving.signature import Signature


@dataclass(frozen=True, slots=True)
class CheckedModel:
    """What would be served of a local model."""

    version: int
    signature: Signature


class _Bad(Exception):
    def __init__(self, key: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.message = message
        self.hint = hint


def check_local_models(path: Path) -> tuple[dict[str, CheckedModel], list[Problem]]:
    """The good local models by the name of their API, and the problems of the others, in the order of the file.

    It does not matter what else is wrong in the file, so that everything can be reported at once. A file that cannot be
    read has no problems here: ``cortex_cdk.spec.check`` says what is wrong with it. Models in S3 are not looked at.
    """
    from cortex_cdk.spec.problem import ABSENT, Problem
    from cortex_cdk.spec.yaml_document import read
    from cortex_cdk.spec.yaml_nodes import DocumentError, content_of, decode

    models: dict[str, CheckedModel] = {}
    problems: list[Problem] = []
    try:
        document = read(decode(content_of(path)))
    except (OSError, ValueError, DocumentError):
        return models, problems
    for index, api in enumerate(document.data if isinstance(document.data, list) else ()):
        if not isinstance(api, dict) or not isinstance(api.get("predictor"), dict):
            continue
        predictor = api["predictor"]
        name = api["name"] if isinstance(api.get("name"), str) else f"#{index + 1}"
        try:
            model = _check(predictor, path.absolute().parent)
        except _Bad as bad:
            place = document.place((index, "predictor", bad.key))
            key, value = f"predictor.{bad.key}", predictor.get(bad.key, ABSENT)
            problem = Problem(str(path), bad.message, place.line, place.column, name, key, value, hint=bad.hint)
            problems.append(problem)
        else:
            if model:
                models[name] = model
    return models, problems


def _check(predictor: dict[str, Any], folder: Path) -> CheckedModel | None:
    """The model of one API, or None when it is not local or the spec has a problem with it."""
    from cortex_cdk.spec.files import BadPath, model_location
    from cortex_runtime.errors import SignatureError
    from cortex_runtime.tf_serving.signature import choose

    text, key = predictor.get("model"), predictor.get("signature_key")
    if not isinstance(text, str) or predictor.get("type") != "tensorflow":
        return None
    try:
        location = model_location(folder, text, allow_local=True)
    except BadPath:
        return None
    if not isinstance(location, Path):
        return None
    try:
        contents = inspect(location)
    except ModelError as error:
        raise _Bad("model", str(error)) from None
    if key is not None and not isinstance(key, str):
        return None
    try:
        return CheckedModel(contents.version, choose(contents.signatures, key))
    except SignatureError as error:
        close = get_close_matches(key, contents.signatures, n=1) if key else []
        raise _Bad("signature_key", str(error), f"did you mean {close[0]}?" if close else None) from None
