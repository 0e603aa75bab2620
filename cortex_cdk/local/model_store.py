"""The models of a project on this machine, laid out as a model server wants them: ``STORE/API/VERSION/``."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cortex_cdk.models import archive
from cortex_cdk.models.errors import ModelError, SavedModelError
from cortex_cdk.models.layout import Export, find_export
from cortex_cdk.models.saved_model import read_signatures
from cortex_cdk.spec.model import ApiSpec
from cortex_cdk.spec.s3_uri import S3Uri
from cortex_runtime.errors import SignatureError
from cortex_runtime.tf_serving.signature import choose

Download = Callable[[S3Uri], Export]
"""Brings a model from S3 onto this machine, as ``cortex_cdk.models.s3.download`` does."""


@dataclass(frozen=True)
class LocalModel:
    """The model of one API: where it came from, and its export on this machine."""

    api: str
    source: str
    export: Export


class ModelStore:
    """Brings models here and links them into a store.

    Args:
        folder: an existing, empty folder that belongs to the store.
        download: for models in S3.
        replacements: local paths by API name, used instead of what ``cortex.yaml`` says (``--model``).
    """

    def __init__(self, folder: Path, download: Download, replacements: Mapping[str, Path] | None = None) -> None:
        self.folder = folder
        self._download = download
        self._replacements = dict(replacements or {})
        self._exports: dict[tuple[Path, int, int], Export] = {}  # of zips, by path, size and time

    def add(self, api: ApiSpec) -> LocalModel:
        """Resolve the model of an API, download or unpack it where needed, and link it into the store.

        Raises:
            ModelError: when there is no whole model, it cannot be had, or it lacks the signature; the message says
                which API.
        """
        location = self._location(api)
        try:
            if isinstance(location, S3Uri):
                export = self._download(location)
            elif location.suffix.lower() == ".zip" and location.is_file():
                export = self._unpacked(location)
            else:
                export = find_export(location)
            choose(read_signatures(export.path), api.predictor.signature_key)
        except ModelError as error:
            raise type(error)(f"{api.name}: {error}") from None
        except SignatureError as error:
            raise SavedModelError(f"{api.name}: {location}: {error}") from None
        link = self.path(api.name) / str(export.version)
        link.parent.mkdir(parents=True, exist_ok=True)
        for other in link.parent.iterdir():
            other.unlink()
        link.symlink_to(export.path.resolve(), target_is_directory=True)
        return LocalModel(api.name, str(location), export)

    def _unpacked(self, zipped: Path) -> Export:
        status = zipped.stat()
        key = (zipped, status.st_size, status.st_mtime_ns)
        if key not in self._exports:
            # A folder of its own each time: a model server may still read the one before.
            self._exports[key] = archive.unpack(zipped, Path(tempfile.mkdtemp(dir=self.folder, prefix=".")) / "export")
        return self._exports[key]

    def fingerprint(self, apis: Iterable[ApiSpec]) -> frozenset[tuple[str, int, int]]:
        """What changes whenever a file of a local model does: the path, size and time (ns) of each."""
        found = set()
        for api in apis:
            location = self._location(api)
            if isinstance(location, Path):
                for file in (location, *location.rglob("*")):
                    with contextlib.suppress(OSError):  # it has just gone
                        status = file.stat()
                        found.add((str(file), status.st_size, status.st_mtime_ns))
        return frozenset(found)

    def _location(self, api: ApiSpec) -> S3Uri | Path:
        return self._replacements.get(api.name, api.predictor.model_location)

    def path(self, api: str) -> Path:
        """Where the versions of an API's model are linked."""
        return self.folder / api
