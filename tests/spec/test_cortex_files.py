"""Files as they were written for Cortex 0.14 and 0.15 are valid unchanged; they are in ``files/``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent / "files").glob("*.yaml"))


@pytest.fixture
def with_predictors(workspace):
    for name in ("predictor_plates.py", "letters/predictor.py"):
        workspace.write(name, (workspace.folder / "predictor.py").read_text())
    return workspace


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_valid_unchanged(with_predictors, file):
    apis = with_predictors.apis(file.read_bytes(), allow_local_models=False)
    assert apis


def test_what_is_in_them(with_predictors):
    contents = {file.stem: with_predictors.apis(file.read_bytes()) for file in FILES}
    assert [api.endpoint for api in contents["two_apis"]] == ["/plates", "/plates/letters"]
    plates = contents["two_apis"][0]
    assert plates.predictor.config == {"settings_file": "settings.json"}
    assert plates.autoscaling.target_replica_concurrency == 12
    assert plates.compute.mem is not None
    assert plates.compute.mem.whole == 8 * 10**9
    (everything,) = contents["everything"]
    assert everything.predictor.config == {
        **{"top": 10, "weights": [0.5, 0.25], "bias": None, "since": "2020-03-01", "verbose": False},
        "limits": {"a": {"b": 1}},
    }
    assert everything.autoscaling.window == timedelta(minutes=2)
    assert everything.endpoint == "/search/rank"
