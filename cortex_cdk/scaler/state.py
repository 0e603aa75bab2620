"""What the scaler remembers of an API between ticks, and how one of several ticks wins a slot.

An item has ``pk`` = ``scaler#<api>``, ``sk`` = ``state``. Time is divided into slots of 10 s, and ``slot`` is that of
the last decision. A tick reads the item, decides, and writes it back on condition that ``slot`` is still what it read.
So of ticks that were delivered twice, or run at once, one alone has its decision written; the others drop theirs.

The item is written **before** the service is updated, and only who wrote it updates the service:

- A crash between the two leaves the count as it was and the recommendation recorded, which is what a failed update
  means to the rules: nothing changed, and the next tick, which reads the count again, decides again.
- The other way round, two ticks at once would both update the service, perhaps by different reports; and after a
  crash the count would have changed without a record of why, so that the next tick could take it back at once.

A write whose answer is lost is sent again and then fails the condition by its own doing: ``claim`` tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cortex_cdk.autoscaling import TICK_S, History
from cortex_cdk.autoscaling.history import Record

from .json_client import AwsError, Client

SORT_KEY = "state"
KEPT_S = 2 * 86_400
"""Seconds after which DynamoDB may delete the state of an API that nobody scales any more."""

AHEAD_SLOTS = 6
"""A slot so far ahead of the clock was written by a wrong one, and holds nobody up."""

_READ_A_CALL = 100


@dataclass(frozen=True, kw_only=True)
class State:
    """The state of one API.

    Attributes:
        slot: number of the last slot in which was decided: seconds since the epoch divided by 10.
        desired: the count decided then.
        history: for the next decision.
        service: identity of the service it is about.
        policy: fingerprint of the policy decided by.
        initial: whether ``init_replicas`` was decided and has not been seen on the service yet.
    """

    slot: int
    desired: int
    history: History
    service: str
    policy: str
    initial: bool = False


@dataclass(frozen=True)
class Stored:
    """What the table holds of an API.

    Attributes:
        slot: the attribute ``slot`` as it is in the table; None when it is not there.
        state: None when there is none, or none that can be read.
    """

    slot: dict[str, str] | None = None
    state: State | None = None


def slot_of(now: float) -> int:
    """The slot that a moment, in seconds since the epoch, lies in."""
    return int(now // TICK_S)


def key_of(api: str) -> dict[str, dict[str, str]]:
    """The key of an API's state."""
    return {"pk": {"S": f"scaler#{api}"}, "sk": {"S": SORT_KEY}}


def read(dynamodb: Client, table: str, apis: Iterable[str], deadline: float) -> dict[str, Stored | AwsError]:
    """The states of APIs, in as few calls as can be. Where a call fails, its APIs have the error instead."""
    names = list(apis)
    found: dict[str, Stored | AwsError] = {}
    for start in range(0, len(names), _READ_A_CALL):
        some = names[start : start + _READ_A_CALL]
        try:
            items = _items(dynamodb, table, [key_of(api) for api in some], deadline)
        except AwsError as error:
            found |= dict.fromkeys(some, error)
        else:
            found |= {api: _stored(items.get(f"scaler#{api}")) for api in some}
    return found


def claim(
    dynamodb: Client, table: str, api: str, state: State, former: Stored, owner: str, now: float, deadline: float
) -> bool:
    """Write a state in place of ``former``; False when another tick has been faster.

    Args:
        owner: names this tick, unlike any other.

    Raises:
        AwsError: when the table cannot be written.
    """
    request: dict[str, Any] = {
        "TableName": table,
        "Item": {**key_of(api), **_attributes(state, owner, now)},
        "ConditionExpression": "attribute_not_exists(slot)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if former.slot is not None:
        request["ConditionExpression"] = "slot = :former"
        request["ExpressionAttributeValues"] = {":former": former.slot}
    try:
        dynamodb.call("PutItem", request, deadline=deadline)
    except AwsError as error:
        if error.code != "ConditionalCheckFailedException":
            raise
        winner = error.answer.get("Item", {}).get("owner", {}).get("S")
        return bool(winner == owner)
    return True


def dump_history(history: History) -> str:
    """A history as JSON."""
    document = {
        "began": history.began,
        "ticked": history.ticked,
        "desired": history.desired,
        "records": [[record.time, record.replicas] for record in history.records],
    }
    return json.dumps(document, separators=(",", ":"))


def load_history(text: str) -> History:
    """The history that ``dump_history`` wrote.

    Raises:
        ValueError, KeyError, TypeError, OverflowError, RecursionError: when it is none.
    """
    document = json.loads(text)
    return History(
        began=_optional(float, document["began"]),
        ticked=_optional(float, document["ticked"]),
        desired=_optional(int, document["desired"]),
        records=tuple(Record(float(time), int(replicas)) for time, replicas in document["records"]),
    )


def _optional(kind: Any, value: Any) -> Any:
    return None if value is None else kind(value)


def _items(
    dynamodb: Client, table: str, keys: list[dict[str, dict[str, str]]], deadline: float
) -> dict[str, dict[str, Any]]:
    """The items by their partition key."""
    found: dict[str, dict[str, Any]] = {}
    while keys:
        request = {"RequestItems": {table: {"Keys": keys, "ConsistentRead": True}}}
        answer = dynamodb.call("BatchGetItem", request, deadline=deadline)
        found |= {item["pk"]["S"]: item for item in answer.get("Responses", {}).get(table, [])}
        left = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        if len(left) == len(keys):
            raise AwsError("BatchGetItem", "UnprocessedKeys", f"none of {len(keys)} items was read")
        keys = left
    return found


def _stored(item: dict[str, Any] | None) -> Stored:
    if item is None:
        return Stored()
    try:
        state = State(
            slot=int(item["slot"]["N"]),
            desired=int(item["desired"]["N"]),
            history=load_history(item["history"]["S"]),
            service=item["service"]["S"],
            policy=item["policy"]["S"],
            initial=item["initial"]["BOOL"],
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return Stored(item.get("slot"))
    return Stored(item["slot"], state)


def _attributes(state: State, owner: str, now: float) -> dict[str, Any]:
    return {
        "slot": {"N": str(state.slot)},
        "desired": {"N": str(state.desired)},
        "history": {"S": dump_history(state.history)},
        "service": {"S": state.service},
        "policy": {"S": state.policy},
        "initial": {"BOOL": state.initial},
        "owner": {"S": owner},
        "expires": {"N": str(int(now) + KEPT_S)},
    }
