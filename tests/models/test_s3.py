"""Models in S3, against moto's server over a real socket: which version is chosen, what lands on disk, what is said."""

from __future__ import annotations

import errno
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from cortex_cdk.models import s3
from cortex_cdk.models.errors import ArchiveError, DownloadError, LayoutError
from cortex_cdk.models.s3_client import explained, make_client
from cortex_cdk.spec.s3_uri import S3Uri
from tests.support.s3 import WHOLE, Answer, Bucket

DOWNLOAD = "import sys; from cortex_cdk.models import s3; print(s3.download(sys.argv[1]).path)"


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def cache_of(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "cortex-cdk" / "models"


def entries(tmp_path: Path) -> list[Path]:
    """What is in the cache, apart from the lock files."""
    return [path for path in cache_of(tmp_path).glob("*/*") if path.suffix != ".lock"]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for 60 s"
        time.sleep(0.02)


def zip_of(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, b"zipped")
    return buffer.getvalue()


def test_the_highest_version_is_downloaded_and_nothing_else(bucket: Bucket, tmp_path: Path) -> None:
    for version in ("9", "10", "0002"):
        bucket.put_export(f"team/iris/{version}", version.encode())
    export = s3.download(bucket.uri("team/iris"))
    assert export.version == 10
    assert export.path.name == "10"
    assert files_in(export.path) == set(WHOLE)
    assert (export.path / "saved_model.pb").read_bytes() == b"10"
    assert cache_of(tmp_path) in export.path.parents
    assert bucket.proxy.fetched("iris/9/saved_model.pb") == 0


@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_a_bare_export_with_or_without_a_slash(bucket: Bucket, slash: str) -> None:
    bucket.put_export("iris")
    export = s3.download(bucket.uri("iris") + slash)
    assert export.version == 1
    assert files_in(export.path) == set(WHOLE)


def test_a_prefix_is_a_folder_not_the_beginning_of_a_name(bucket: Bucket) -> None:
    bucket.put_export("model-2", b"other")
    bucket.put_export("model", b"this")
    assert (s3.download(bucket.uri("model")).path / "saved_model.pb").read_bytes() == b"this"
    with pytest.raises(LayoutError, match=r"nothing below this key \(similar keys: model-2/, model/\)"):
        s3.download(bucket.uri("mode"))


def test_empty_objects_that_stand_for_folders_are_no_files(bucket: Bucket) -> None:
    bucket.put_export("iris/3")
    for marker in ("iris/", "iris/3/", "iris/3/variables/", "iris/4/", "iris/3/assets/", "iris/3/variables"):
        bucket.put(marker, b"")
    export = s3.download(bucket.uri("iris"))
    assert export.version == 3
    assert files_in(export.path) == set(WHOLE)


def test_more_objects_than_a_page_holds(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_PAGE", 3)
    for version in range(1, 5):
        bucket.put_export(f"iris/{version}")
    assert s3.resolve(S3Uri.parse(bucket.uri("iris"))).version == 4
    assert sum("continuation-token" in path for _, path in bucket.proxy.seen) >= 3


def test_a_key_with_too_many_objects(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "MAX_OBJECTS", 5)
    bucket.put_export("all/iris/1")
    bucket.put_export("all/iris/2")
    with pytest.raises(LayoutError, match="more than 5 objects; give the key of the model's own folder"):
        s3.download(bucket.uri("all"))


@pytest.mark.parametrize("names", [list(WHOLE), [f"iris/12/{name}" for name in WHOLE]], ids=["flat", "top folder"])
def test_a_zip(bucket: Bucket, tmp_path: Path, names: list[str]) -> None:
    bucket.put("zips/iris.zip", zip_of(names))
    export = s3.download(bucket.uri("zips/iris.zip"))
    assert export.version == (12 if names[0].startswith("iris") else 1)
    assert files_in(export.path) == set(WHOLE)
    assert not list(cache_of(tmp_path).rglob("*.zip"))


def test_a_folder_whose_name_ends_in_zip(bucket: Bucket) -> None:
    bucket.put_export("iris.zip/5")
    assert s3.download(bucket.uri("iris.zip")).version == 5


def test_a_bad_zip_is_named_by_its_uri_and_leaves_nothing(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("iris.zip", b"no zip")
    with pytest.raises(ArchiveError, match=f"{bucket.uri('iris.zip')} cannot be read as a zip"):
        s3.download(bucket.uri("iris.zip"))
    assert entries(tmp_path) == []


def test_the_second_download_comes_from_the_cache(bucket: Bucket) -> None:
    bucket.put_export("iris/1")
    first = s3.download(bucket.uri("iris"))
    calls: list[tuple[int, int]] = []
    assert s3.download(bucket.uri("iris"), progress=lambda *call: calls.append(call)) == first
    assert bucket.proxy.fetched("saved_model.pb") == 1
    assert calls == []


def test_a_newer_version_and_new_content_are_noticed(bucket: Bucket) -> None:
    bucket.put_export("iris/1", b"a")
    assert s3.download(bucket.uri("iris")).version == 1
    bucket.put_export("iris/2", b"b")
    assert s3.download(bucket.uri("iris")).version == 2
    bucket.put_export("iris/2", b"c")
    assert (s3.download(bucket.uri("iris")).path / "saved_model.pb").read_bytes() == b"c"


def test_a_damaged_cache_entry_is_fetched_again(bucket: Bucket) -> None:
    bucket.put_export("iris/1", b"whole")
    path = s3.download(bucket.uri("iris")).path
    (path / "variables" / "variables.index").unlink()
    (path / "saved_model.pb").write_bytes(b"cut")
    assert s3.download(bucket.uri("iris")).path == path
    assert (path / "saved_model.pb").read_bytes() == b"whole"
    assert files_in(path) == set(WHOLE)


def test_the_same_key_in_two_accounts_or_endpoints_is_cached_apart(bucket: Bucket, moto_port: int) -> None:
    bucket.put_export("iris/1")
    first = s3.download(bucket.uri("iris"))
    other = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{moto_port}")
    assert s3.download(bucket.uri("iris"), client=other) != first


def test_progress_reaches_the_size(bucket: Bucket) -> None:
    bucket.put_export("iris/1", bytes(100_000))
    calls: list[tuple[int, int]] = []
    s3.download(bucket.uri("iris"), progress=lambda *call: calls.append(call))
    assert calls[-1] == (300_000, 300_000)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_a_large_object_arrives_whole_in_ranges(bucket: Bucket) -> None:
    content = os.urandom(20_000_000)
    bucket.put_export("iris/1")
    bucket.put("iris/1/variables/variables.data-00000-of-00001", content)
    path = s3.download(bucket.uri("iris")).path
    assert (path / "variables" / "variables.data-00000-of-00001").read_bytes() == content
    assert bucket.proxy.fetched("data-00000-of-00001") == 3


def test_the_cache_folder_can_be_given(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_export("iris/1")
    assert tmp_path / "mine" in s3.download(bucket.uri("iris"), tmp_path / "mine").path.parents


def test_a_model_replaced_during_the_download_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_export("iris/1", b"old")

    def replace(method: str, path: str) -> Answer | None:
        if method == "GET" and path.endswith("saved_model.pb"):
            bucket.proxy.rule = lambda method, path: None
            bucket.put("iris/1/variables/variables.index", b"new")
        return None

    bucket.proxy.rule = replace
    with pytest.raises(DownloadError, match="was replaced while it was being downloaded; run again"):
        s3.download(bucket.uri("iris"))
    assert entries(tmp_path) == []
    assert s3.download(bucket.uri("iris")).version == 1


def slow_variables(method: str, path: str) -> Answer | None:
    return Answer(pause=0.2) if method == "GET" and path.endswith("of-00001") else None


def test_a_killed_download_leaves_nothing_that_is_used(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_export("iris/1", bytes(5_000_000))
    bucket.proxy.rule = slow_variables
    child = subprocess.Popen([sys.executable, "-c", DOWNLOAD, bucket.uri("iris")])
    wait_until(lambda: any(cache_of(tmp_path).rglob("saved_model.pb")) and bucket.proxy.fetched("of-00001") == 1)
    child.kill()
    child.wait()
    assert [path.suffix for path in entries(tmp_path)] == [".partial"]
    bucket.proxy.rule = lambda method, path: None
    export = s3.download(bucket.uri("iris"))
    assert {(export.path / name).stat().st_size for name in WHOLE} == {5_000_000}
    assert entries(tmp_path) == [export.path.parent.parent]


def test_ctrl_c_stops_a_download_and_cleans_up(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_export("iris/1", bytes(5_000_000))
    bucket.proxy.rule = slow_variables
    child = subprocess.Popen([sys.executable, "-c", DOWNLOAD, bucket.uri("iris")], stderr=subprocess.PIPE)
    wait_until(lambda: bucket.proxy.fetched("of-00001") == 1)
    child.send_signal(signal.SIGINT)
    _, error = child.communicate(timeout=60)
    assert b"KeyboardInterrupt" in error
    assert entries(tmp_path) == []


def test_of_two_processes_one_downloads(bucket: Bucket) -> None:
    bucket.put_export("iris/1", bytes(1_000_000))
    both_ask = threading.Event()

    def slow(method: str, path: str) -> Answer | None:
        if method == "GET" and path.endswith("saved_model.pb"):
            both_ask.wait(60)
        return None

    bucket.proxy.rule = slow
    command = [sys.executable, "-c", DOWNLOAD, bucket.uri("iris")]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    wait_until(lambda: sum("list-type" in path for _, path in bucket.proxy.seen) == 2)
    both_ask.set()
    outputs = [child.communicate(timeout=60)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert outputs[0] == outputs[1]
    assert bucket.proxy.fetched("saved_model.pb") == 1


def deny(status: int, code: str) -> Callable[[str, str], Answer]:
    return lambda method, path: Answer(status, code)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AccessDenied", "access denied; the credentials need s3:ListBucket"),
        (403, "InvalidAccessKeyId", r"AWS does not accept the credentials \(InvalidAccessKeyId\)"),
        (400, "ExpiredToken", "credentials have expired"),
        (404, "NoSuchBucket", "there is no bucket models-"),
        (409, "Odd", "S3 answered: .*Odd"),
    ],
)
@pytest.mark.parametrize("key", ["iris", "iris.zip"])
def test_refusals(bucket: Bucket, status: int, code: str, words: str, key: str) -> None:
    bucket.proxy.rule = lambda method, path: None if method == "HEAD" and status == 404 else Answer(status, code)
    with pytest.raises(DownloadError, match=f"{bucket.uri(key)}: .*{words}"):
        s3.download(bucket.uri(key))


def test_a_bucket_that_does_not_exist(bucket: Bucket) -> None:
    for key in ("iris", "iris.zip"):
        with pytest.raises(DownloadError, match="there is no bucket no-such-bucket-here"):
            s3.download(f"s3://no-such-bucket-here/{key}")


def test_without_credentials_a_public_bucket_is_read(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put_export("iris/1", acl="public-read")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert s3.download(bucket.uri("iris")).version == 1


def test_without_credentials_a_private_bucket_says_so(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    bucket.proxy.rule = deny(403, "AccessDenied")
    with pytest.raises(DownloadError, match="not public and no AWS credentials were found; run `aws configure`"):
        s3.download(bucket.uri("iris"))


def test_half_a_pair_of_credentials(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(DownloadError, match=r"AWS configuration is wrong: .*AWS_SECRET_ACCESS_KEY"):
        s3.download(bucket.uri("iris"))


def test_a_profile_that_does_not_exist(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(DownloadError, match=r"AWS configuration is wrong: .*nobody"):
        s3.download(bucket.uri("iris"))


def test_no_network(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(DownloadError, match=r"cannot reach S3 at http://127.0.0.1:9: .*check the network"):
        s3.download(bucket.uri("iris"))


def test_an_endpoint_that_is_no_url(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(DownloadError, match=r"AWS configuration is wrong: .*nonsense"):
        s3.download(bucket.uri("iris"))


def test_nothing_there(bucket: Bucket) -> None:
    with pytest.raises(LayoutError, match="there is nothing below this key; expected a TensorFlow export"):
        s3.download(bucket.uri("iris"))
    with pytest.raises(LayoutError, match="there is nothing below this key"):
        s3.download(bucket.uri("iris.zip"))


def test_an_object_in_place_of_a_folder(bucket: Bucket) -> None:
    bucket.put_export("team/iris")
    with pytest.raises(LayoutError, match=f"an object, not a folder or a .zip; did you mean {bucket.uri('team/iris')}"):
        s3.download(bucket.uri("team/iris/saved_model.pb"))


def test_what_is_no_uri() -> None:
    with pytest.raises(DownloadError, match="s3:/iris: does not begin with s3://; write it as s3://bucket/key"):
        s3.download("s3:/iris")


def test_too_little_space_is_said_before_the_download(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put_export("iris/1", bytes(1 << 20))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 8, 1 << 20))
    with pytest.raises(DownloadError, match=r"needs 3.0 MiB, but the disk of .* has 1.0 MiB free"):
        s3.download(bucket.uri("iris"))
    assert bucket.proxy.fetched("saved_model.pb") == 0


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up(bucket: Bucket, code: int) -> None:
    with (
        pytest.raises(DownloadError, match="the disk is full at /cache/x; free some space"),
        explained(make_client(), S3Uri("bucket", "key")),
    ):
        raise OSError(code, os.strerror(code), "/cache/x")


def test_a_file_that_cannot_be_written(bucket: Bucket, tmp_path: Path) -> None:
    """With a real limit of the system on file sizes, which fails in the middle of a download."""
    bucket.put_export("iris/1", bytes(500_000))
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); {DOWNLOAD}"
    child = subprocess.run([sys.executable, "-c", limited, bucket.uri("iris")], capture_output=True, text=True)
    assert "DownloadError: " in child.stderr
    assert "cannot be written to disk: [Errno 27] File too large" in child.stderr
    assert entries(tmp_path) == []


def test_a_cache_that_cannot_be_made(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_export("iris/1")
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="cannot be written to disk"):
        s3.download(bucket.uri("iris"), tmp_path / "file")


def test_importing_does_not_import_boto3() -> None:
    code = "import sys, cortex_cdk.models.s3; assert not {'boto3', 'botocore', 'pydantic'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
