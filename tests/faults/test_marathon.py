"""Very many requests of all kinds: nothing is left of them."""

import json

import pytest

from tests.support.load_generator import Load, numbers
from tests.support.process_resources import held_by
from tests.support.unharmed import SLOTS, nothing_leaks

REQUESTS, THOROUGH = 10_000, 100_000
GROWTH = 8 << 20
"""Bytes by which a process may grow: 800 for each of the 10,000 requests, 80 for each of the 100,000."""


def payload(n):
    """Mostly small ones; some through the model, large, or failing."""
    match n % 20:
        case 0 | 1 | 2:
            return {"model": True}
        case 3:
            return {"ballast": [0.5] * 5_000, "padding": 50_000}
        case 4:
            return {"harm": "fail"}
    return {}


def hang_up(replica):
    """Requests that break off within their body, are not JSON, or are not waited for."""
    whole = json.dumps({"n": next(numbers), "sleep_s": 0.01}).encode()
    for data in (whole[:-3], b"no json".ljust(len(whole)), whole):
        with replica.wire() as wire:
            wire.send(b"POST /api HTTP/1.1\r\nhost: test\r\ncontent-length: %d\r\n\r\n" % len(whole) + data)


@pytest.mark.timeout(1800)
def test_nothing_is_left_of_many_requests(start_replica, pytestconfig):
    """``--hypothesis-profile=thorough`` sends ten times as many."""
    count = THOROUGH if pytestconfig.getoption("--hypothesis-profile") == "thorough" else REQUESTS
    replica = start_replica(log={"level": "error"})
    with nothing_leaks(replica):
        before = [held_by(pid) for pid in replica.pids()]
        with (
            Load(replica.port, clients=3 * SLOTS, payload=payload) as load,
            Load(replica.port, clients=SLOTS, payload=payload, chunked=True) as chunked,
        ):
            while len(load.outcomes) + len(chunked.outcomes) < count:
                hang_up(replica)
                load.wait_right(50)
        for part in (load, chunked):
            assert part.lost().keys() == {500}
            assert {outcome.n for outcome in part.of(500)} == {o.n for o in part.outcomes if o.n % 20 == 4}
    for pid, was in zip(replica.pids(), before, strict=True):
        now = held_by(pid)
        assert now.uss - was.uss < GROWTH, (was, now)
