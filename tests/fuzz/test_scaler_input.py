"""What reaches the scaler from outside: load reports, its own state, tags of services, messages of the queue.

Whatever one API's are, the other APIs are scaled as ever.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import Policy
from cortex_cdk.scaler import dispatch, handler, state
from cortex_cdk.scaler.service_tags import PREFIX, ScalerTarget, TagError, parse
from cortex_cdk.scaler.settings import Settings
from cortex_cdk.scaler.tick import Result, Scaler
from tests.support.aws import CLUSTER, NEW, TABLE, FakeAws

NOW = NEW + 5
SETTINGS = Settings(cluster=CLUSTER, table=TABLE, threads=2)
NUMBERS = st.sampled_from(
    [
        "0",
        "-0",
        "1",
        "2.5",
        "-1",
        "1E+125",
        "-1E-130",
        "9" * 38,
        "9" * 5000,
        "NaN",
        "Infinity",
        "-Infinity",
        "1_0",
        "٣",
        "",
        "a",
    ]
) | st.floats().map(repr)
ATTRIBUTES = (
    st.builds(lambda value: {"N": value}, NUMBERS)
    | st.builds(lambda value: {"S": value}, st.text(max_size=8) | NUMBERS)
    | st.sampled_from([{"NULL": True}, {"BOOL": True}, {"L": []}, {"M": {}}, {"SS": ["a"]}, {"B": "AA=="}])
)
BUCKETS = st.integers(-4, 2).map(lambda back: f"{int(NOW // 10 + back) * 10:010d}") | st.sampled_from(
    ["1793279999", "1793280000.5", "٣", "", " 1793279990", "-1793279990", "1_793_279_990"]
)
REPORTS = st.fixed_dictionaries(
    {"sk": st.builds("{}#{}".format, BUCKETS, st.sampled_from(["a", "b", "", "#", "\ud7ff", "x" * 300]))},
    optional=dict.fromkeys(("in_flight", "seconds", "queued", "arrived", "served"), ATTRIBUTES),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)
HISTORIES = st.builds(json.dumps, JSON) | st.fixed_dictionaries(
    {"began": JSON, "ticked": JSON, "desired": JSON, "records": st.lists(st.lists(JSON, max_size=3), max_size=3) | JSON}
).map(json.dumps)
STATES = st.fixed_dictionaries(
    {},
    optional={
        "slot": ATTRIBUTES | st.just({"N": str(state.slot_of(NOW) - 1)}),
        "desired": ATTRIBUTES | st.just({"N": "2"}),
        "history": st.builds(lambda text: {"S": text}, HISTORIES),
        "service": st.just({"S": "s"}) | ATTRIBUTES,
        "policy": st.just({"S": "p"}) | ATTRIBUTES,
        "initial": st.just({"BOOL": False}) | ATTRIBUTES,
    },
)
WHOLE_STATE = {
    "slot": {"N": str(state.slot_of(NOW) - 1)},
    "desired": {"N": "2"},
    "service": {"S": "s"},
    "policy": {"S": "p"},
    "initial": {"BOOL": False},
}


def history(desired: str) -> dict[str, Any]:
    return WHOLE_STATE | {"history": {"S": f'{{"began": 0, "ticked": 0, "desired": {desired}, "records": []}}'}}


TAG_NAMES = st.sampled_from(
    [f"{PREFIX}{name}" for name in ("min_replicas", "window_s", "max_surge", "x", "max_replicas")]
)
TAGS = st.dictionaries(
    TAG_NAMES | st.sampled_from([f"{PREFIX}{name}" for name in vars(Policy())]), NUMBERS | st.text(max_size=6)
)


class World:
    """A cluster with a healthy API, a sick one, and what the scaler logs."""

    def __init__(self) -> None:
        self.fake = FakeAws()
        self.fake.add_service("healthy", Policy(max_replicas=10))
        self.fake.report("healthy", NOW - 10, 3.0)
        self.fake.report("healthy", NOW - 20, 3.0)
        self.lines: list[str] = []

    def put(self, partition: str, item: dict[str, Any]) -> None:
        """Write an item as DynamoDB has it; ``sk`` as text."""
        key = item["sk"]
        self.fake.items[partition, key] = item | {"pk": {"S": partition}, "sk": {"S": key}}

    def check_tick(self) -> None:
        """A tick scales the healthy API, and each line of its log is JSON."""
        scaler = Scaler(SETTINGS, self.fake.aws, clock=lambda: NOW, write=self.lines.append)
        try:
            results = scaler.tick()
        finally:
            scaler.close()
        assert results[Result.UPDATED] >= 1
        assert self.fake.desired("healthy") == 3
        for line in self.lines:
            assert "\n" not in line
            json.loads(line, parse_constant=pytest.fail)


@given(st.lists(REPORTS, max_size=8))
def test_any_load_reports(items: list[dict[str, Any]]) -> None:
    world = World()
    world.fake.add_service("sick")
    for item in items:
        world.put("load#sick", item)
    world.check_tick()
    assert 1 <= world.fake.desired("sick") <= 100


@given(STATES)
@example(history("Infinity"))
@example(history("1e400"))
@example(history("[" * 100_000 + "]" * 100_000))
@example(history("9" * 5000))
def test_any_state(item: dict[str, Any]) -> None:
    world = World()
    world.fake.add_service("sick")
    world.fake.report("sick", NOW - 10, 2.0)
    world.put("scaler#sick", item | {"sk": "state"})
    world.check_tick()
    assert 1 <= world.fake.desired("sick") <= 100


@given(TAGS, st.sampled_from(["sick", "", "é", "a" * 300]))
def test_any_tags(tags: dict[str, str], api: str) -> None:
    tags = tags | {f"{PREFIX}api": api}
    with contextlib.suppress(TagError):
        assert isinstance(parse(tags), ScalerTarget)
    world = World()
    world.fake.add_service("sick", tags=tags)
    world.fake.report("sick", NOW - 10, 1000.0)
    world.check_tick()


@pytest.fixture(scope="module", autouse=True)
def _environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORTEX_CLUSTER", CLUSTER)
        patch.setenv("CORTEX_TABLE", TABLE)
        yield


BODIES = (
    st.text(max_size=20)
    | st.builds(json.dumps, JSON)
    | st.builds(lambda due: json.dumps({"due": due}), JSON | st.sampled_from([NOW, 10**400]))
)


@given(st.lists(BODIES, max_size=4))
@example(['{"due": ' + "9" * 400 + "}"])
@example(["[" * 100_000])
@example(['{"due": NaN}'])
def test_any_messages_of_the_queue(bodies: list[str]) -> None:
    world = World()
    scaler = Scaler(SETTINGS, world.fake.aws, clock=lambda: NOW, write=world.lines.append)
    records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "_scaler", scaler)
        try:
            assert handler.handler({"Records": records}, None) == {"batchItemFailures": []}
        finally:
            scaler.close()
    stale = all(dispatch.is_stale(body, handler.time.time()) for body in bodies)
    assert world.fake.desired("healthy") == (1 if stale else 3)
