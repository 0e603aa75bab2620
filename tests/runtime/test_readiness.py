"""Ready means: every worker has built its predictor and the model server reports the model AVAILABLE."""

import subprocess
import sys
from pathlib import Path

from cortex_runtime.tf_serving import messages
from tests.support.replica import free_port, wait_until

ROOT = Path(__file__).parents[2]
State = messages.ModelVersionStatus


def test_every_worker_must_have_built_its_predictor(start_replica):
    replica = start_replica(ready=False, files={"hold-build": ""}, concurrency={"workers": 3}).wait_listening()
    replica.wait_arrived("build", 3)
    assert "0 of 3 workers" in replica.wait_not_ready()
    assert replica.status("/livez") == 200
    assert replica.metric("cortex_ready") == 0
    assert replica.get().status == 200
    with replica.clients(1) as submit:
        early = submit(replica.evaluate, "'patience'")
        replica.wait_metric("cortex_queued", 1)
        replica.release("build")
        assert early.result().json() == "patience"
    replica.wait_ready()
    assert replica.get("/readyz").json() == {"ready": True, "reasons": [], "model_state": "AVAILABLE"}
    assert replica.metric("cortex_ready") == 1


def test_the_model_must_be_available(start_replica, own_model):
    replica = start_replica(address=own_model.address)
    for name in ("NOT_FOUND", "START", "LOADING", "UNLOADING", "END"):
        own_model.state = None if name == "NOT_FOUND" else State.State.Value(name)
        own_model.error = f"the reason of {name}"
        reason = replica.wait_not_ready()
        assert f"model server: {name}" in reason
        assert own_model.state is None or own_model.error in reason
        assert replica.metric("cortex_ready") == 0
        assert replica.evaluate("1").status == 200  # still served: only the model is missing
        own_model.state, own_model.error = State.AVAILABLE, ""
        replica.wait_ready()


def test_a_model_server_that_comes_late_is_waited_for(start_replica, own_model):
    own_model.stop()
    replica = start_replica(ready=False, address=own_model.address).wait_listening()
    reasons = replica.wait_not_ready()
    assert "0 of 1 workers" in reasons
    assert "model server" in reasons
    assert replica.get().json()["inputs"] is None
    own_model.state = State.LOADING
    own_model.start()
    wait_until(lambda: "LOADING" in replica.wait_not_ready(), "the state is LOADING")
    assert replica.noted("built") == []
    own_model.state = State.AVAILABLE
    replica.wait_ready()
    assert set(replica.get().json()["inputs"]) == {"x", "name"}


def test_a_model_server_that_restarts(start_replica, own_model):
    replica = start_replica(address=own_model.address)
    ask = "self.client.predict({'x': [[1, 2]], 'name': ['n']})"
    assert replica.evaluate(ask).status == 200
    own_model.stop()
    assert "model server" in replica.wait_not_ready()
    assert replica.wait_log("the model server no longer answers")["level"] == "error"
    own_model.start()
    replica.wait_ready()
    assert replica.evaluate(ask).status == 200
    assert replica.noted("built") == replica.noted("built")[:1]


def test_killing_the_model_server_under_load_loses_only_what_it_was_running(start_replica):
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "tests.support.scripted_model_server", address, "0.05"]

    def start():
        return subprocess.Popen(command, cwd=ROOT)

    model_server = start()
    try:
        replica = start_replica(address=address, concurrency={"workers": 2})
        expression = "[note('asking', 1), self.client.predict({'x': [payload['i']]})][1]"
        with replica.clients(4) as submit:
            futures = [submit(replica.post, {"eval": expression, "i": i}) for i in range(60)]
            wait_until(lambda: len(replica.noted("asking")) > 10, "some requests have been asked for")
            model_server.kill()
            model_server.wait()
            replica.wait_not_ready()
            model_server = start()
            answers = [future.result() for future in futures]
        lost = [answer for answer in answers if answer.status != 200]
        assert len(lost) <= 2  # one for each slot
        assert all(answer.status == 500 and "model server" in answer.json()["error"] for answer in lost)
        replica.wait_ready()
        assert replica.metric("cortex_worker_restarts_total") == 0
    finally:
        model_server.kill()
        model_server.wait()
