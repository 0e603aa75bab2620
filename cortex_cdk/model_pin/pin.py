"""What a deployment knows of its model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cortex_cdk.models.errors import DownloadError
from cortex_cdk.models.s3 import RemoteModel, download, resolve
from cortex_cdk.spec.s3_uri import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URI = "CORTEX_MODEL_URI"
VERSION = "CORTEX_MODEL_VERSION"
FINGERPRINT = "CORTEX_MODEL_FINGERPRINT"


@dataclass(frozen=True, kw_only=True)
class PinnedModel:
    """A model as it was when the deployment was made. All values are text, as environment variables are.

    Attributes:
        uri: ``s3://bucket/key`` of one version's folder, or of a zip.
        version: its number; empty for a zip, whose version is known when it is unpacked.
        fingerprint: the same for equal names, sizes and ETags of all objects.
    """

    uri: str
    version: str
    fingerprint: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that hand it to a replica."""
        return {URI: self.uri, VERSION: self.version, FINGERPRINT: self.fingerprint}

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> PinnedModel:
        """Read the variables.

        Raises:
            DownloadError: when one is missing.
        """
        missing = [name for name in (URI, VERSION, FINGERPRINT) if name not in environment]
        if missing:
            raise DownloadError(f"{' and '.join(missing)} must be set in the environment")
        return cls(uri=environment[URI], version=environment[VERSION], fingerprint=environment[FINGERPRINT])


def pin(uri: S3Uri, client: S3Client | None = None) -> PinnedModel:
    """What ``uri`` stands for now: itself, its highest numbered version, or a zip.

    Raises:
        DownloadError: when S3 cannot be asked or refuses.
        LayoutError: when there is no whole export.
    """
    remote = resolve(uri, client)
    version = "" if remote.is_zip else str(remote.version)
    return PinnedModel(uri=str(remote.uri), version=version, fingerprint=_fingerprint(remote))


def fetch(model: PinnedModel, folder: Path, client: S3Client | None = None) -> Path:
    """Fetch a model to ``folder / "model" / VERSION``, as TensorFlow Serving wants it, and return that folder.

    A model that is there already is not fetched again: a container may be started twice.

    Raises:
        DownloadError: when S3 refuses, or the objects are no longer those of the deployment. Then other replicas hold
            another model than this one would.
        LayoutError, ArchiveError: when what was fetched is no whole export.
    """
    uri = S3Uri.parse(model.uri)
    done = folder / "model"
    if done.is_dir():
        return next(done.iterdir())
    partial = folder / "partial"
    export = download(uri, partial, client=client)
    if _fingerprint(resolve(uri, client)) != model.fingerprint:
        raise DownloadError(
            f"{uri}: the objects are not those of the deployment any more, they were overwritten; "
            f"deploy again, and give each version of a model a folder of its own"
        )
    version = model.version or str(export.version)
    staged = folder / "staged"
    staged.mkdir(exist_ok=True)
    export.path.rename(staged / version)
    staged.rename(done)  # whole or not at all
    return done / version


def _fingerprint(remote: RemoteModel) -> str:
    content = sorted((entry.name, entry.size, entry.etag) for entry in remote.objects)
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
