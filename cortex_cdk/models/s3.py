"""Models in S3: choosing the version once, and downloading it into a cache.

``resolve`` pins what a model URI stands for at that moment; a version uploaded later changes nothing. ``download``
brings a model onto this machine.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cortex_cdk.models import archive, cache
from cortex_cdk.models.errors import DownloadError, LayoutError
from cortex_cdk.models.layout import EXPECTED, Export, find_export, locate
from cortex_cdk.models.s3_client import explained, make_client
from cortex_cdk.spec.s3_uri import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_OBJECTS = 50_000  # below one model's key; more means that the key is wrong
_PAGE = 1000  # the most that S3 gives at once
_MIB = 1 << 20

Progress = Callable[[int, int], None]
"""Called with the bytes fetched so far and the bytes in all, from several threads."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object of a model. ``name`` is relative to the export's folder; ``etag`` changes with the content."""

    key: str
    name: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """What a model URI stands for: one version's folder, or one zip (whose version is known when it is unpacked)."""

    uri: S3Uri
    version: int | None
    objects: tuple[S3Object, ...]

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(entry.size for entry in self.objects)

    @property
    def is_zip(self) -> bool:
        """Whether the model is one zip."""
        return self.version is None


def resolve(uri: S3Uri, client: S3Client | None = None) -> RemoteModel:
    """Find the export that ``uri`` stands for: itself, its highest numbered version, or a zip.

    Raises:
        DownloadError: when S3 cannot be asked or refuses.
        LayoutError: when there is no whole export.
    """
    client = client or make_client()
    with explained(client, uri):
        if uri.key.lower().endswith(".zip"):
            zipped = _zip_object(client, uri)
            if zipped:
                return RemoteModel(uri, None, (zipped,))
        listed = _without_folder_objects(dict(_list(client, uri)))
        if not listed:
            raise LayoutError(_nothing_there(client, uri))
    location = locate(listed, str(uri))
    folder = f"{location.folder}/" if location.folder else ""
    objects = tuple(
        S3Object(entry.key, name.removeprefix(folder), entry.size, entry.etag)
        for name, entry in sorted(listed.items())
        if location.holds(name) and not name.endswith("/")
    )
    return RemoteModel(S3Uri(uri.bucket, f"{uri.key}/{location.folder}".rstrip("/")), location.version, objects)


def download(
    uri: S3Uri | str, cache_dir: Path | None = None, progress: Progress | None = None, client: S3Client | None = None
) -> Export:
    """Bring a model onto this machine and return where it is; one that is in the cache is not fetched again.

    The model is listed each time, so a new version or new content is noticed. The cache keeps an entry for each bucket,
    key, version and content (ETags and sizes).

    Args:
        uri: the model, such as ``s3://bucket/key``.
        cache_dir: the cache; ``cache.user_cache_dir()`` by default.
        progress: called as bytes arrive, not at all for a model that is in the cache.
        client: an S3 client; one as the environment configures it by default.

    Raises:
        DownloadError: for no network, no credentials, no access, no space, no such bucket or key.
        LayoutError: when there is no whole export.
        ArchiveError: for a zip that is damaged or unsafe.
    """
    if isinstance(uri, str):
        try:
            uri = S3Uri.parse(uri)
        except ValueError as error:
            raise DownloadError(f"{uri}: {error}; write it as s3://bucket/key") from None
    client = client or make_client()
    remote = resolve(uri, client)

    def fill(folder: Path) -> None:
        _check_space(remote, folder)
        if remote.is_zip:
            zipped = folder.with_name(f"{folder.name}.zip")
            _fetch(client, remote, {remote.objects[0]: zipped}, progress)
            archive.unpack(zipped, folder, name=str(uri))
        else:
            version = folder / str(remote.version)  # TensorFlow Serving wants a number above an export
            _fetch(client, remote, {entry: version / entry.name for entry in remote.objects}, progress)
        if resolve(remote.uri, client).objects != remote.objects:
            raise DownloadError(f"{uri}: the model was replaced while it was being downloaded; run again")

    with explained(client, uri):
        return find_export(cache.entry(_place(cache_dir or cache.user_cache_dir(), remote, client), fill))


def _list(client: S3Client, uri: S3Uri) -> Iterator[tuple[str, S3Object]]:
    """All objects below the key as a folder, so ``model`` does not match ``model-2/``, by their relative name."""
    prefix = f"{uri.key}/"
    count = 0
    for page in client.get_paginator("list_objects_v2").paginate(
        Bucket=uri.bucket, Prefix=prefix, PaginationConfig={"PageSize": _PAGE}
    ):
        for found in page.get("Contents", ()):
            count += 1
            if count > MAX_OBJECTS:
                raise LayoutError(
                    f"{uri}: has more than {MAX_OBJECTS:,} objects; give the key of the model's own folder"
                )
            name = found["Key"].removeprefix(prefix)
            # Such names cannot be files below a folder.
            if not any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
                yield name, S3Object(found["Key"], name, found["Size"], found["ETag"])


def _without_folder_objects(listed: dict[str, S3Object]) -> dict[str, S3Object]:
    """Drop the empty objects named like a folder which some tools leave."""
    folders = {str(parent) for name in listed for parent in PurePosixPath(name).parents}
    return {name: entry for name, entry in listed.items() if name not in folders}


def _zip_object(client: S3Client, uri: S3Uri) -> S3Object | None:
    from botocore.exceptions import ClientError

    try:
        found = client.head_object(Bucket=uri.bucket, Key=uri.key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        client.list_objects_v2(Bucket=uri.bucket, Prefix=uri.key, MaxKeys=1)  # says why: HEAD's answer has no body
        raise
    return S3Object(uri.key, PurePosixPath(uri.key).name, found["ContentLength"], found["ETag"])


def _nothing_there(client: S3Client, uri: S3Uri) -> str:
    near = client.list_objects_v2(Bucket=uri.bucket, Prefix=uri.key, Delimiter="/", MaxKeys=5)
    keys = [found["Key"] for found in near.get("Contents", ())]
    if uri.key in keys:
        folder = f"s3://{uri.bucket}/{uri.key.rpartition('/')[0]}"
        hint = f"did you mean {folder}?\n" if PurePosixPath(uri.key).name.startswith("saved_model.pb") else ""
        return f"{uri}: this is an object, not a folder or a .zip; {hint}{EXPECTED}"
    keys += [found["Prefix"] for found in near.get("CommonPrefixes", ())]
    similar = f" (similar keys: {', '.join(keys)})" if keys else ""
    return f"{uri}: there is nothing below this key{similar}; {EXPECTED}"


def _fetch(client: S3Client, remote: RemoteModel, files: dict[S3Object, Path], progress: Progress | None) -> None:
    """Fetch objects to files, several at a time and large ones in ranges. An error or Ctrl-C cancels all of it."""
    from boto3.s3.transfer import ProgressCallbackInvoker, TransferConfig, create_transfer_manager

    done = 0
    lock = threading.Lock()

    def advance(count: int) -> None:  # negative when a range is fetched again
        nonlocal done
        with lock:
            done += count
            if progress:
                progress(done, remote.size)

    for target in files.values():
        target.parent.mkdir(parents=True, exist_ok=True)
    with create_transfer_manager(client, TransferConfig()) as manager:
        transfers = [
            manager.download(remote.uri.bucket, entry.key, str(target), subscribers=[ProgressCallbackInvoker(advance)])
            for entry, target in files.items()
        ]
        for transfer in transfers:
            transfer.result()


def _check_space(remote: RemoteModel, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if remote.size > free:
        raise DownloadError(
            f"{remote.uri}: needs {remote.size / _MIB:,.1f} MiB, but the disk of {folder.parent} has "
            f"{free / _MIB:,.1f} MiB free; free some space, or set XDG_CACHE_HOME to a folder on another disk"
        )


def _place(cache_dir: Path, remote: RemoteModel, client: S3Client) -> Path:
    """The cache entry's folder: its name is for people, its digest is the key."""
    content = [[entry.name, entry.size, entry.etag] for entry in remote.objects]
    identity = [client.meta.endpoint_url, remote.uri.bucket, remote.uri.key, remote.version, content]
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", remote.uri.key)[-80:]
    return cache_dir / remote.uri.bucket / f"{name}-{digest}"
