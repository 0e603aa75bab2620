"""A model server that is slow, silent, cut off, or somebody else's; the network to it likewise."""

import time
from collections.abc import Iterator

import pytest

from cortex_runtime.tf_serving import tensors
from tests.support.faulty_link import Fault, FaultyLink
from tests.support.load_generator import Load, numbers
from tests.support.replica import running
from tests.support.scripted_model_server import ScriptedModelServer, echo, signature_def
from tests.support.unharmed import BUSY, CLIENTS, SLOTS, nothing_leaks, options, ready_again_s

TIMEOUT_S = 1.0
EVERY = 50


@pytest.fixture(scope="module")
def scripted() -> Iterator[ScriptedModelServer]:
    """A model server whose answers a test may change."""
    floats = {"x": (1, (-1,))}
    server = ScriptedModelServer("127.0.0.1:0", {"predict": signature_def(floats, floats)}).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def link(scripted) -> Iterator[FaultyLink]:
    """The replica's way to the model server."""
    with FaultyLink(scripted.address) as link:
        yield link


@pytest.fixture(scope="module")
def replica(link, tmp_path_factory):
    """A replica that gives up a call after ``TIMEOUT_S``."""
    folder = tmp_path_factory.mktemp("model-server")
    with running(folder, link.address, **options(model_server={"timeout_s": TIMEOUT_S})) as replica:
        yield replica


@pytest.mark.parametrize("fault", [f for f in Fault if f not in (Fault.NONE, Fault.SLOW)], ids=lambda f: f.value)
def test_calls_fail_in_time_while_it_is_away_and_not_before_or_after(replica, link, fault, recovery):
    """Requests that need no model go on."""
    with (
        nothing_leaks(replica),
        Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load,
        Load(replica.port, clients=2) as others,
    ):
        load.wait_right(20)
        since = time.monotonic()
        link.switch(fault)
        load.wait_lost(2 * SLOTS, 500)
        assert "the model server" in replica.wait_not_ready()
        others.wait_right(2)
        link.switch(Fault.NONE)
        well_at = time.monotonic()
        ready_s = ready_again_s(replica, well_at)
        load.wait_right(20)
        load.stop()
        others.stop()
        assert not others.lost()
        lost = load.of(500)
        assert len(lost) == load.lost().total()
        assert all("the model server failed" in outcome.detail for outcome in lost)
        assert all(outcome.ended_at >= since for outcome in lost)
        recovery(f"model server: {fault.value}", load, well_at, ready_again=ready_s)


def test_a_slow_model_server_loses_nothing(replica, link):
    with nothing_leaks(replica), Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
        load.wait_right(20)
        link.switch(Fault.SLOW)
        load.wait_right(20)
        assert replica.get("/readyz").status == 200
        link.switch(Fault.NONE)  # which resets the connections: at most one call each is running there
        load.wait_right(20)
        load.stop()
        assert load.lost().total() == len(load.of(500)) <= SLOTS


def test_a_model_server_that_is_too_slow_for_single_requests_fails_those_alone(replica, scripted):
    def slow_for_some(request, context):
        if tensors.to_numpy(request.inputs["x"])[0] % EVERY == 0:
            time.sleep(2 * TIMEOUT_S)
        return echo(request, context)

    with nothing_leaks(replica):
        scripted.predict = slow_for_some
        with Load(replica.port, clients=CLIENTS, payload=lambda n: BUSY) as load:
            load.wait_right(2 * EVERY)
        scripted.predict = echo
        assert sorted(o.n for o in load.of(500)) == sorted(o.n for o in load.outcomes if o.n % EVERY == 0)
        assert load.lost().total() == len(load.of(500)) > 0
        assert "no answer within 1 s" in replica.log_records(level="error")[-1]["message"]


@pytest.mark.parametrize("answer", [b"\xff\xff\xff", b"\x0a\xff\x01", b"\xff" * 100_000], ids=len)
def test_an_answer_that_is_no_message_is_the_500_of_its_own_request(replica, scripted, answer):
    scripted.predict = lambda request, context: answer
    try:
        failed = replica.post({"n": next(numbers), **BUSY})
        assert failed.status == 500
        assert "the model server failed" in failed.json()["error"]
    finally:
        scripted.predict = echo
    with nothing_leaks(replica), Load(replica.port, payload=lambda n: BUSY) as load:
        load.wait_right(20)
    assert not load.lost()
