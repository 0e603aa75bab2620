"""The progress that a user sees while a model is downloaded."""

from __future__ import annotations

import sys

import pexpect
import pytest

from cortex_cdk.cli.model_download import download
from cortex_cdk.spec.s3_uri import S3Uri
from tests.support.s3 import Answer, Bucket

CODE = (
    "import sys; from cortex_cdk.cli.model_download import download; from cortex_cdk.spec import S3Uri;"
    "print(download(S3Uri.parse(sys.argv[1])).version)"
)


def test_without_a_terminal_one_line_is_shown_and_nothing_from_the_cache(
    bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.put_export("iris/7", bytes(1_000_000))
    uri = S3Uri.parse(bucket.uri("iris"))
    assert download(uri).version == 7
    assert capsys.readouterr() == ("", f"downloading {uri} (3.0 MB)\n")
    download(uri)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_a_bar_shows_the_bytes(bucket: Bucket) -> None:
    bucket.put_export("iris/7", bytes(1_000_000))
    bucket.proxy.rule = lambda method, path: Answer(pause=0.05) if method == "GET" else None
    child = pexpect.spawn(sys.executable, ["-c", CODE, bucket.uri("iris")], dimensions=(24, 160), timeout=60)
    child.expect(f"downloading {bucket.uri('iris')}")
    child.expect(r"/3\.0 MB")
    child.expect(r"7\r\n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
