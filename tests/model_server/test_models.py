"""Which models load, and what GetModelStatus says of them."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import numpy as np
import pytest

from cortex_runtime.tf_serving import messages
from tests.support.model_server import Calls
from tests.support.sample_models import REFUSAL

WORDS = {"words": np.array([b"trois", b"one", b"unknown"], object)}


def test_a_model_with_optimizer_slots_loads(calls: Calls, sample_models: Path) -> None:
    # The premise: TensorFlow 2's own loader refuses it.
    assert "_UserObject" in json.loads((sample_models / REFUSAL).read_text())
    assert calls.arrays("optimizer", {"x": [[1.0, 1.0]]})["y"].tolist() == [[5.0]]


@pytest.mark.parametrize("model", ["vocabulary-v1", "vocabulary-v2"])
def test_tables_are_filled_from_the_exports_assets(calls: Calls, model: str) -> None:
    assert calls.arrays(model, WORDS)["ids"].tolist() == [3, 1, 4]


def test_a_zip_with_a_top_folder_and_versions(calls: Calls) -> None:
    assert calls.arrays("zipped", {"x": np.array([0, 0])})["version"].tolist() == [10, 10]


@pytest.mark.parametrize(
    ("model", "version"), [("shapes", 1), ("versions", 10), ("zipped", 10), ("iris-classifier", 1)]
)
def test_status_of_an_available_model(calls: Calls, model: str, version: int) -> None:
    for asked in (None, version):
        status = calls.status(model, asked)
        assert (status.version, status.state) == (version, 30)
        assert (status.status.error_code, status.status.error_message) == (0, "")


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("corrupt", grpc.StatusCode.DATA_LOSS, "file is too short to be an sstable"),
        ("untagged", grpc.StatusCode.UNKNOWN, "'serve' could not be found in SavedModel"),
    ],
)
def test_status_of_a_model_that_cannot_be_loaded(calls: Calls, model: str, code: grpc.StatusCode, words: str) -> None:
    status = calls.status(model)
    assert (status.state, status.status.error_code) == (50, code.value[0])
    assert words in status.status.error_message
    assert "Detected at node" not in status.status.error_message


def test_status_errors(calls: Calls) -> None:
    for model, version, words in [
        ("none", None, "Could not find any versions of model none"),
        ("versions", 9, "Could not find version 9 of model versions"),
        ("none", 1, "Could not find version 1 of model none"),
    ]:
        with pytest.raises(grpc.RpcError) as raised:
            calls.status(model, version)
        assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.NOT_FOUND, words)
    with pytest.raises(grpc.RpcError, match="Missing ModelSpec"):
        calls.call(messages.GET_MODEL_STATUS, messages.GetModelStatusRequest(), messages.GetModelStatusResponse)
