"""One version of a model for all replicas of a deployment, against moto's server over a real socket."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cortex_cdk.model_pin import handler
from cortex_cdk.model_pin.__main__ import main
from cortex_cdk.model_pin.pin import PinnedModel, fetch, pin
from cortex_cdk.models.errors import DownloadError, LayoutError
from cortex_cdk.spec.s3_uri import S3Uri
from tests.support.s3 import WHOLE, Bucket


def test_the_highest_version_is_pinned_and_stays(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_export("iris/9", b"nine")
    model = pin(S3Uri.parse(bucket.uri("iris")))
    assert (model.uri, model.version) == (bucket.uri("iris/9"), "9")
    bucket.put_export("iris/10", b"ten")  # a later deployment's
    folder = fetch(model, tmp_path / "models")
    assert folder == tmp_path / "models/model/9"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {*WHOLE}
    assert (folder / "saved_model.pb").read_bytes() == b"nine"
    assert pin(S3Uri.parse(bucket.uri("iris"))).version == "10"


def test_a_bare_export_is_version_1(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_export("iris")
    assert fetch(pin(S3Uri.parse(bucket.uri("iris"))), tmp_path).name == "1"


def test_a_zip_has_the_version_that_is_in_it(bucket: Bucket, tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in WHOLE:
            file.writestr(f"export/12/{name}", b"zipped")
    bucket.put("iris.zip", content.getvalue())
    model = pin(S3Uri.parse(bucket.uri("iris.zip")))
    assert model.version == ""
    assert fetch(model, tmp_path) == tmp_path / "model/12"


def test_overwritten_objects_are_no_model_of_the_deployment(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_export("iris/1", b"old")
    model = pin(S3Uri.parse(bucket.uri("iris")))
    bucket.put_export("iris/1", b"new")
    with pytest.raises(DownloadError, match="are not those of the deployment any more"):
        fetch(model, tmp_path)
    assert not (tmp_path / "model").exists()


def test_fetching_twice(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_export("iris/3")
    model = pin(S3Uri.parse(bucket.uri("iris")))
    first = fetch(model, tmp_path)
    bucket.proxy.seen.clear()
    assert fetch(model, tmp_path) == first
    assert bucket.proxy.seen == []


def test_no_model(bucket: Bucket) -> None:
    with pytest.raises(LayoutError, match="there is nothing below this key"):
        pin(S3Uri.parse(bucket.uri("iris")))


def test_the_environment_hands_it_over() -> None:
    model = PinnedModel(uri="s3://models/iris/3", version="3", fingerprint="abc")
    assert PinnedModel.of_environment(model.environment) == model
    with pytest.raises(DownloadError, match="CORTEX_MODEL_VERSION and CORTEX_MODEL_FINGERPRINT must be set"):
        PinnedModel.of_environment({"CORTEX_MODEL_URI": model.uri})


def test_the_program(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.put_export("iris/3")
    for name, value in pin(S3Uri.parse(bucket.uri("iris"))).environment.items():
        monkeypatch.setenv(name, value)
    assert main([str(tmp_path / "models")]) == 0
    assert "model/3 is there" in capsys.readouterr().out
    monkeypatch.setenv("CORTEX_MODEL_URI", "s3://absent-bucket/iris")
    assert main([str(tmp_path / "other")]) == 1
    assert "the model cannot be had: s3://absent-bucket/iris: there is no bucket" in capsys.readouterr().err
    assert main([]) == 2


@pytest.fixture
def answers() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where CloudFormation takes answers, and those it has got."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", got
        server.shutdown()


def event(url: str, kind: str, model: str, **more: str) -> dict[str, Any]:
    ids = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "Model", "ResponseURL": url}
    return {"RequestType": kind, "ResourceProperties": {"Model": model, "Deployment": "1"}, **ids, **more}


def test_the_custom_resource(bucket: Bucket, answers: tuple[str, list[dict[str, Any]]]) -> None:
    url, got = answers
    bucket.put_export("iris/4")
    handler.handler(event(url, "Create", bucket.uri("iris")), None)
    bucket.put_export("iris/5")
    handler.handler(event(url, "Update", bucket.uri("iris"), PhysicalResourceId="Model"), None)
    assert [answer["Status"] for answer in got] == ["SUCCESS", "SUCCESS"]
    assert [answer["Data"]["Version"] for answer in got] == ["4", "5"]
    assert got[0]["Data"]["Uri"] == bucket.uri("iris/4")
    # The same id: CloudFormation would delete the resource of another one.
    assert {answer["PhysicalResourceId"] for answer in got} == {"Model"}
    assert (got[0]["StackId"], got[0]["RequestId"]) == ("stack", "request")


def test_the_custom_resource_always_answers(bucket: Bucket, answers: tuple[str, list[dict[str, Any]]]) -> None:
    url, got = answers
    handler.handler(event(url, "Create", bucket.uri("absent")), None)
    handler.handler(event(url, "Create", "no uri"), None)
    broken = event(url, "Create", "")
    del broken["ResourceProperties"]["Model"]
    handler.handler(broken, None)
    handler.handler(event(url, "Delete", "no uri", PhysicalResourceId="Model"), None)
    assert [answer["Status"] for answer in got] == ["FAILED", "FAILED", "FAILED", "SUCCESS"]
    assert "there is nothing below this key" in got[0]["Reason"]
    assert got[1]["Reason"] == "does not begin with s3://"
    assert got[2]["Reason"] == "KeyError: 'Model'"
