"""The models of a project on this machine, laid out as a model server wants them: ``STORE/API/VERSION/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cortex_cdk.models import archive, s3
from cortex_cdk.models.errors import ModelError
from cortex_cdk.models.layout import Export, find_export
from cortex_cdk.spec.model import ApiSpec
from cortex_cdk.spec.s3_uri import S3Uri

ProgressOf = Callable[[str], s3.Progress]
"""Makes the progress callback for the download of one API's model."""


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
        replacements: local paths by API name, used instead of what ``cortex.yaml`` says (``--model``).
        progress_of: for the progress of downloads from S3.
    """

    def __init__(
        self,
        folder: Path,
        replacements: Mapping[str, Path] | None = None,
        progress_of: ProgressOf = lambda api: lambda done, total: None,
    ) -> None:
        self.folder = folder
        self._replacements = dict(replacements or {})
        self._progress_of = progress_of

    def add(self, api: ApiSpec) -> LocalModel:
        """Resolve the model of an API, download or unpack it where needed, and link it into the store.

        Raises:
            ModelError: when there is no whole model, or it cannot be had; the message says which API.
        """
        location: S3Uri | Path = self._replacements.get(api.name, api.predictor.model_location)
        try:
            if isinstance(location, S3Uri):
                export = s3.download(location, progress=self._progress_of(api.name))
            elif location.suffix.lower() == ".zip" and location.is_file():
                unpacked = self.folder / ".unpacked" / api.name
                unpacked.parent.mkdir(parents=True, exist_ok=True)
                archive.unpack(location, unpacked)
                export = find_export(unpacked)
            else:
                export = find_export(location)
        except ModelError as error:
            raise type(error)(f"{api.name}: {error}") from None
        link = self.path(api.name) / str(export.version)
        link.parent.mkdir(parents=True, exist_ok=True)
        for other in link.parent.iterdir():
            other.unlink()
        link.symlink_to(export.path.resolve(), target_is_directory=True)
        return LocalModel(api.name, str(location), export)

    def path(self, api: str) -> Path:
        """Where the versions of an API's model are linked."""
        return self.folder / api
