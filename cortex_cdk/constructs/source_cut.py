"""Parts of this package as the content of Lambdas and images."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import cortex_cdk

_PACKAGE = Path(cortex_cdk.__file__).parent
_NOT_SOURCE = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")

SCALER = ("__init__.py", "autoscaling", "scaler")
"""What the Lambda that scales is made of: the standard library and boto3 are all that it needs beside."""

MODELS = ("__init__.py", "models", "model_pin", "spec/__init__.py", "spec/s3_uri.py")
"""What finds and fetches models: the same for the Lambda and the container."""


def copy_package(parts: Iterable[str], folder: Path) -> None:
    """Copy files and folders of the package ``cortex_cdk`` into ``folder / "cortex_cdk"``."""
    for part in parts:
        target = folder / "cortex_cdk" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (_PACKAGE / part).is_dir():
            shutil.copytree(_PACKAGE / part, target, ignore=_NOT_SOURCE)
        else:
            shutil.copy(_PACKAGE / part, target)


@contextmanager
def package_cut(parts: Iterable[str]) -> Iterator[str]:
    """A folder with parts of the package, which can be imported from there; it is gone after the block.

    The library copies an asset when it is made, so that the folder need not stay.
    """
    with TemporaryDirectory(prefix="cortex-cdk-") as folder:
        copy_package(parts, Path(folder))
        yield folder
