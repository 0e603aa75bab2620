"""The examples as projects that can be deployed: their models are in the emulator's S3."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.emulator.harness import emulator, machine

BUCKET = "models"
_EXAMPLES = machine.ROOT / "examples"


def iris(folder: Path, **keys: Any) -> Path:
    """A copy of ``examples/iris-classifier``, with more top-level keys for its API, such as ``autoscaling``."""
    source = _EXAMPLES / "iris-classifier"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("model", "__pycache__", "*.csv", "train.py"))
    write(folder, [_api(source, f"s3://{BUCKET}/iris-classifier") | keys])
    return folder


def code_language(folder: Path, model: Path) -> Path:
    """A copy of ``examples/code-language``, whose model's folder is given; its list of languages is beside that."""
    source = _EXAMPLES / "code-language"
    folder.mkdir()
    shutil.copy(source / "predictor.py", folder)
    shutil.copy(model.parent / "languages.json", folder)
    upload(model, "code-language")
    write(folder, [_api(source, f"s3://{BUCKET}/code-language")])
    return folder


def paced(folder: Path, *, release: str, pause_s: float = 0.1, broken: bool = False, **autoscaling: Any) -> Path:
    """``tests/emulator/paced``: the iris model behind a predictor that pauses, or cannot be built when ``broken``."""
    folder.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).parents[1] / "paced/predictor.py", folder)
    (folder / "predictor.py").chmod(0o600)  # as with a strict umask; in the image others must be able to read it
    config = {"release": release, "pause_s": pause_s, "broken": broken}
    model = f"s3://{BUCKET}/iris-classifier"
    predictor = {"type": "tensorflow", "path": "predictor.py", "model": model, "config": config}
    tracker = {"model_type": "classification", "key": "label"}
    write(folder, [{"name": "paced", "predictor": predictor, "tracker": tracker, "autoscaling": autoscaling}])
    return folder


def write(folder: Path, apis: list[dict[str, Any]]) -> None:
    """Write ``cortex.yaml``."""
    (folder / "cortex.yaml").write_text(yaml.safe_dump(apis, sort_keys=False))


def read(folder: Path) -> list[dict[str, Any]]:
    """Read ``cortex.yaml``."""
    apis: list[dict[str, Any]] = yaml.safe_load((folder / "cortex.yaml").read_text())
    return apis


def upload(model: Path, name: str, version: int = 1) -> None:
    """Upload an export as a version of a model: ``s3://models/NAME/VERSION``."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for file in sorted(model.rglob("*")):
        if file.is_file():
            s3.upload_file(str(file), BUCKET, f"{name}/{version}/{file.relative_to(model).as_posix()}")


def upload_iris() -> None:
    """Upload the iris example's model."""
    upload(_EXAMPLES / "iris-classifier/model/1", "iris-classifier")


def _api(example: Path, model: str) -> dict[str, Any]:
    (api,) = read(example)
    api["predictor"]["model"] = model
    return dict(api)
