"""The models of a project as a model server finds them, and which model server that is."""

import dataclasses
import os
import re
import shutil
from pathlib import Path

import pytest
from google.protobuf import text_format

from cortex_cdk.local import model_server_process
from cortex_cdk.local.model_server_process import NoModelServerError, model_server_command
from cortex_cdk.local.model_store import ModelStore
from cortex_cdk.models.errors import ModelError, SavedModelError
from cortex_cdk.models.layout import Export
from cortex_cdk.spec import load
from tests.support.serve import IRIS, iris_project


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    folder = tmp_path / "store"
    folder.mkdir()
    return ModelStore(folder, lambda uri: pytest.fail("nothing is to be downloaded"))


@pytest.fixture
def api(tmp_path: Path):
    return load(iris_project(tmp_path / "project") / "cortex.yaml").apis[0]


def with_model(api, location):
    return dataclasses.replace(api, predictor=dataclasses.replace(api.predictor, model_location=location))


def test_a_folder_of_versions(store: ModelStore, api, tmp_path: Path):
    shutil.copytree(tmp_path / "project/model/1", tmp_path / "project/model/10")
    shutil.copytree(tmp_path / "project/model/1", tmp_path / "project/model/9")
    model = store.add(api)
    assert model.export.version == 10
    assert [p.name for p in store.path(api.name).iterdir()] == ["10"]
    assert (store.path(api.name) / "10" / "saved_model.pb").is_file()


def test_any_change_of_a_local_model_is_noticed(store: ModelStore, api, tmp_path: Path):
    zipped = with_model(api, Path(shutil.make_archive(str(tmp_path / "m"), "zip", IRIS / "model")))
    apis = [api, zipped]
    seen = [store.fingerprint(apis)]
    assert store.fingerprint(apis) == seen[0]
    shutil.copytree(tmp_path / "project/model/1", tmp_path / "project/model/2")
    seen.append(store.fingerprint(apis))
    (tmp_path / "project/model/1/variables/variables.index").write_bytes(b"changed")
    seen.append(store.fingerprint(apis))
    os.utime(tmp_path / "m.zip", (1, 1))
    seen.append(store.fingerprint(apis))
    shutil.rmtree(tmp_path / "project/model")
    seen.append(store.fingerprint(apis))
    assert len(set(seen)) == len(seen)


def test_a_bare_export_and_a_zip(store: ModelStore, api, tmp_path: Path):
    assert store.add(with_model(api, IRIS / "model" / "1")).export.version == 1
    zipped = Path(shutil.make_archive(str(tmp_path / "m"), "zip", IRIS / "model"))
    model = store.add(with_model(api, zipped))
    assert model.export.version == 1
    assert (store.path(api.name) / "1" / "variables" / "variables.index").is_file()
    assert store.add(with_model(api, zipped)) == model  # on a reload: the server need not load it again
    os.utime(zipped, (1, 1))
    assert store.add(with_model(api, zipped)) != model


def test_a_new_version_takes_the_place_of_the_old(store: ModelStore, api, tmp_path: Path):
    store.add(api)
    shutil.copytree(tmp_path / "project/model/1", tmp_path / "project/model/2")
    store.add(api)
    assert [p.name for p in store.path(api.name).iterdir()] == ["2"]


def test_a_replacement(api, tmp_path: Path):
    (tmp_path / "store").mkdir()
    store = ModelStore(tmp_path / "store", lambda uri: pytest.fail("no"), {api.name: IRIS / "model"})
    model = store.add(with_model(api, tmp_path / "absent"))
    assert model.export.path == IRIS / "model" / "1"


def test_a_download(api, tmp_path: Path):
    from cortex_cdk.spec import S3Uri

    (tmp_path / "store").mkdir()
    asked = []

    def download(uri: S3Uri) -> Export:
        asked.append(str(uri))
        return Export(IRIS / "model" / "1", 7)

    store = ModelStore(tmp_path / "store", download)
    assert store.add(with_model(api, S3Uri("bucket", "models/iris"))).export.version == 7
    assert asked == ["s3://bucket/models/iris"]


def test_errors_name_the_api(store: ModelStore, api, tmp_path: Path):
    with pytest.raises(ModelError, match=r"^iris-classifier: .*absent"):
        store.add(with_model(api, tmp_path / "absent"))
    wrong_key = dataclasses.replace(api, predictor=dataclasses.replace(api.predictor, signature_key="nope"))
    with pytest.raises(SavedModelError, match=r"^iris-classifier: .*'nope'.*predict, serving_default"):
        store.add(wrong_key)


def test_tensorflow_model_server_is_preferred(store: ModelStore, api, tmp_path: Path, monkeypatch):
    binary = tmp_path / "bin" / "tensorflow_model_server"
    binary.parent.mkdir()
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}:{os.environ['PATH']}")
    store.add(api)
    found = model_server_command(store, [api.name, "other"], tmp_path, "text")
    assert found.command[0] == str(binary)
    assert f"--port={found.address.removeprefix('127.0.0.1:')}" in found.command
    (config,) = (a.removeprefix("--model_config_file=") for a in found.command if "config_file" in a)
    text = Path(config).read_text()
    assert f'name: "{api.name}" base_path: "{store.path(api.name)}"' in text
    # The format is protobuf's: an equivalent map of maps parses as a Struct-like text without errors.
    tokenizer = text_format.Tokenizer(text.splitlines())
    words = []
    while not tokenizer.AtEnd():
        words.append(tokenizer.token)
        tokenizer.NextToken()
    assert words.count("config") == 2
    assert words.count("{") == words.count("}") == 3


def test_our_own_serves_where_that_is_not(store: ModelStore, api, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = model_server_command(store, [api.name], tmp_path, "json")
    assert found.address == f"unix:{tmp_path}/model-server.sock"
    assert f"{api.name}={store.path(api.name)}" in found.command


@pytest.mark.parametrize("name", ["long" * 30, "with space", "50%25"])
def test_our_own_listens_on_a_port_where_no_socket_can_be(store: ModelStore, api, tmp_path: Path, monkeypatch, name):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = model_server_command(store, [api.name], tmp_path / name, "json")
    assert re.fullmatch(r"127\.0\.0\.1:[0-9]+", found.address)
    assert found.address in found.command


def test_without_either_it_says_what_to_install(store: ModelStore, api, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(model_server_process.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NoModelServerError, match=r"cortex-cdk\[local\].*--model-server"):
        model_server_command(store, [api.name], tmp_path, "text")
