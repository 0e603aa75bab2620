"""Waiting for the model server, what it says about a model, and the log."""

import logging
import threading
import time

import pytest

from cortex_runtime.errors import ModelServerError
from cortex_runtime.tf_serving import messages, status, waiting
from cortex_runtime.tf_serving.channel import Channel
from cortex_runtime.tf_serving.status import ModelState
from tests.support.scripted_model_server import AVAILABLE, signature_def

START, LOADING, END = (getattr(messages.ModelVersionStatus, name) for name in ("START", "LOADING", "END"))


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture
def channel(server):
    with Channel(server.address) as channel:
        yield channel


@pytest.fixture
def report_soon(monkeypatch):
    monkeypatch.setattr(waiting, "_FIRST_REPORT_S", 0.0)
    monkeypatch.setattr(waiting, "_REPORT_EVERY_S", 0.0)


def logged(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "cortex_runtime.tf_serving"]


def wait_for_log(caplog, words):
    deadline = time.monotonic() + 30
    while not any(words in line for line in logged(caplog)):
        assert time.monotonic() < deadline, f"{words!r} is not in {logged(caplog)}"
        time.sleep(0.02)


@pytest.mark.parametrize("state", ["START", "LOADING", "AVAILABLE", "UNLOADING", "END"])
def test_the_states_of_a_model(server, channel, state):
    server.state = messages.ModelVersionStatus.State.Value(state)
    found = status.model_state(channel)
    assert found == ModelState(state, version=1)
    assert found.available == (state == "AVAILABLE")


def test_why_a_model_has_ended(server, channel):
    server.state, server.error = END, "no variables"
    assert str(status.model_state(channel)) == "END: no variables"


def test_a_model_that_the_server_does_not_know(server, channel):
    found = status.model_state(channel, "other")
    assert found.state == "NOT_FOUND"
    assert "other" in found.message


def test_a_server_that_cannot_be_reached(server, channel):
    server.stop()
    found = status.model_state(channel, timeout_s=1)
    assert found.state == "UNREACHABLE"
    assert found.message
    assert not found.available
    with pytest.raises(ModelServerError) as caught:
        status.read_signatures(channel, timeout_s=1)
    assert caught.value.code == "UNAVAILABLE"


def test_an_available_version_counts_before_a_higher_one(monkeypatch, channel):
    def versions(*states):
        response = messages.GetModelStatusResponse()
        for version, state in states:
            response.model_version_status.add(version=version, state=state)
        monkeypatch.setattr(channel, "call", lambda *args, **kwargs: response.SerializeToString())

    versions((9, AVAILABLE), (10, LOADING))
    assert status.model_state(channel) == ModelState("AVAILABLE", 9)
    versions((10, START), (9, END))
    assert status.model_state(channel) == ModelState("START", 10)
    versions()
    assert status.model_state(channel).state == "NOT_FOUND"


def test_the_signatures_of_a_model(make_server):
    tensors = {"x": (1, (-1,))}
    server = make_server(signatures={k: signature_def(tensors, tensors) for k in ("b", "a", "__saved_model_init_op")})
    with Channel(server.address) as channel:
        found = status.read_signatures(channel)
    assert list(found) == ["a", "b"]
    assert found["a"].inputs["x"].shape == (-1,)


def test_a_client_waits_until_the_model_is_available(make_server, make_client, caplog, report_soon):
    caplog.set_level(logging.INFO, "cortex_runtime.tf_serving")
    server = make_server()
    server.stop()
    clients = []
    thread = threading.Thread(target=lambda: clients.append(make_client(server, wait_timeout_s=None)))
    thread.start()
    wait_for_log(caplog, "UNREACHABLE")
    server.state = None
    server.start()
    wait_for_log(caplog, "NOT_FOUND")
    server.state = START
    wait_for_log(caplog, "START")
    server.state = LOADING
    wait_for_log(caplog, "LOADING")
    server.state, server.error = END, "the file is damaged"
    wait_for_log(caplog, "END: the file is damaged")
    assert {r.levelname for r in caplog.records if "END" in r.getMessage()} == {"WARNING"}
    assert thread.is_alive()
    server.state, server.error = AVAILABLE, ""
    thread.join(timeout=30)
    assert clients[0].predict({"x": [1]}) == {"x": [1.0]}
    wait_for_log(caplog, "model 'model' is available after")
    assert server.address in logged(caplog)[0]


def test_a_model_that_is_there_is_not_worth_a_line(server, make_client, caplog):
    caplog.set_level(logging.INFO, "cortex_runtime.tf_serving")
    make_client(server)
    assert logged(caplog) == []


def test_the_log_is_not_flooded(server, make_client, caplog, monkeypatch):
    caplog.set_level(logging.INFO, "cortex_runtime.tf_serving")
    monkeypatch.setattr(waiting, "_FIRST_REPORT_S", 0.0)
    server.state = LOADING
    with pytest.raises(ModelServerError):
        make_client(server, wait_timeout_s=1.0)
    assert len(logged(caplog)) == 1  # the next one is due after 10 s


def test_giving_up(server, make_client):
    server.state = LOADING
    with pytest.raises(ModelServerError, match=r"not available after 0\.2 s: LOADING") as caught:
        make_client(server, wait_timeout_s=0.2)
    assert caught.value.code == "DEADLINE_EXCEEDED"
