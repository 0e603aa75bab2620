"""The state of an API: there and back, and won by one tick alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import History
from cortex_cdk.scaler import state
from cortex_cdk.scaler.json_client import AwsError
from cortex_cdk.scaler.state import KEPT_S, State, Stored
from tests.support.aws import NEW, TABLE, FakeAws, fails

STATE = State(slot=7, desired=3, history=History(), service="s", policy="p")


@pytest.fixture
def fake():
    return FakeAws()


def claim(fake, made, former, owner="me"):
    return state.claim(fake, TABLE, "iris", made, former, owner, NEW, 1e18)


def stored(fake):
    return state.read(fake, TABLE, ["iris"], 1e18)["iris"]


@given(st.lists(st.tuples(st.floats(0, 2e9), st.integers(0, 500)), max_size=60))
def test_a_history_is_read_as_it_was_written(ticks):
    history = History()
    for time, replicas in sorted(ticks):
        history = replace(history.recorded(time, replicas), ticked=time, desired=replicas)
    assert state.load_history(state.dump_history(history)) == history


@given(st.lists(st.integers(0, 100), min_size=1, max_size=500))
def test_a_long_history_fits_into_an_item_that_costs_little(recommendations):
    history = History()
    for tick, replicas in enumerate(recommendations):
        history = history.recorded(NEW + 10 * tick + 0.123, replicas)
    assert len(state.dump_history(history)) < 201 * 24 + 100


def test_what_is_claimed_is_what_is_read(fake):
    made = replace(STATE, history=History().recorded(5.0, 4), initial=True)
    assert claim(fake, made, Stored())
    assert stored(fake) == Stored({"N": "7"}, made)
    (item,) = fake.items.values()
    assert item["expires"] == {"N": str(int(NEW) + KEPT_S)}


def test_of_two_that_read_the_same_one_wins(fake):
    assert claim(fake, STATE, Stored(), "a")
    former = stored(fake)
    assert claim(fake, replace(STATE, slot=8, desired=5), former, "b")
    assert not claim(fake, replace(STATE, slot=8, desired=9), former, "c")
    assert not claim(fake, replace(STATE, slot=8, desired=9), Stored(), "d")
    assert stored(fake).state.desired == 5


def test_who_won_and_did_not_hear_of_it_is_told(fake):
    """The write is sent again by the client, and finds what it has written itself."""
    fake.lost = [fails("PutItem")]
    with pytest.raises(AwsError):
        claim(fake, STATE, Stored())
    fake.lost = []
    assert claim(fake, STATE, Stored())
    assert not claim(fake, STATE, Stored(), "another")


def test_states_of_many_apis_are_read_in_few_calls(fake):
    for number in range(150):
        item_state = replace(STATE, desired=number)
        state.claim(fake, TABLE, f"api-{number}", item_state, Stored(), "me", NEW, 1e18)
    found = state.read(fake, TABLE, [f"api-{number}" for number in range(250)], 1e18)
    assert [found[f"api-{number}"].state.desired for number in range(150)] == list(range(150))
    assert all(found[f"api-{number}"] == Stored() for number in range(150, 250))
    assert len(fake.called("BatchGetItem")) == 3


def test_where_a_call_fails_its_apis_have_the_error(fake):
    bad = fails("BatchGetItem", when=lambda request: "scaler#api-3'" in str(request))
    fake.faults = [bad]
    found = state.read(fake, TABLE, [f"api-{number}" for number in range(150)], 1e18)
    assert sum(isinstance(value, AwsError) for value in found.values()) == 100


def test_keys_that_were_left_out_are_asked_for_again(fake, monkeypatch):
    for number in range(10):
        state.claim(fake, TABLE, f"api-{number}", STATE, Stored(), "me", NEW, 1e18)
    whole = fake._BatchGetItem

    def in_parts(request):
        keys = request["RequestItems"][TABLE]["Keys"]
        answer = whole({"RequestItems": {TABLE: {"Keys": keys[:4]}}})
        return answer | {"UnprocessedKeys": {TABLE: {"Keys": keys[4:]}} if keys[4:] else {}}

    monkeypatch.setattr(fake, "_BatchGetItem", in_parts)
    found = state.read(fake, TABLE, [f"api-{number}" for number in range(10)], 1e18)
    assert all(value.state == STATE for value in found.values())


def test_when_no_key_is_processed_it_is_an_error(fake, monkeypatch):
    monkeypatch.setattr(
        fake, "_BatchGetItem", lambda request: {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}
    )
    assert isinstance(stored(fake), AwsError)
