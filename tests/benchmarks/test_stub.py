"""What is served without a model answers as the model does."""

import csv

import pytest

from benchmarks.model_server import EXAMPLE, LABEL, SAMPLE
from benchmarks.rivals import catalog, server
from benchmarks.rivals.common import predictors


def test_the_stub_knows_irises(monkeypatch):
    monkeypatch.setenv("PREDICTOR", "stub")
    stub = predictors.chosen()
    assert stub(SAMPLE) == LABEL
    with (EXAMPLE / "iris.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    right = sum(stub({name: float(row[name]) for name in predictors.FEATURES}) == row["species"] for row in rows)
    assert right / len(rows) > 0.9


def test_a_replica_that_cannot_start_is_an_error_with_its_words(monkeypatch, tmp_path):
    monkeypatch.setattr(server.environments, "CACHE", tmp_path)
    monkeypatch.setattr(server, "START_TIMEOUT_S", 20.0)
    workload = server.Workload("neither", f"unix:{tmp_path}/absent", workers=101)
    with (
        pytest.raises(server.ServerError, match="ended with 2 and answered nothing") as caught,
        catalog.REPLICA.running(workload, SAMPLE, LABEL),
    ):
        pass
    assert "concurrency.workers" in str(caught.value)


def test_every_rival_pins_what_it_needs():
    for one in vars(catalog).values():
        if isinstance(one, server.Server) and one.folder is not None:
            pinned = (server.FOLDER / one.folder / "requirements.txt").read_text()
            assert all("==" in line for line in pinned.splitlines()), one.name
            assert all(f"\n{package}==" in f"\n{pinned}" for package in one.packages), one.name
            assert (server.FOLDER / one.folder / "serve.py").exists()


def test_an_open_inference_request_has_the_same_numbers():
    assert b'"data": [5.2, 3.6, 1.4, 0.3]' in catalog.MLSERVER.encode(SAMPLE)
    assert catalog.FASTAPI.encode(SAMPLE) == catalog.REPLICA.encode(SAMPLE)
