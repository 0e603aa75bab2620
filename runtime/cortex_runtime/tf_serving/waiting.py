"""Waiting for a model server at start, with progress in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from cortex_runtime.errors import ModelServerError
from cortex_runtime.tf_serving.channel import Channel
from cortex_runtime.tf_serving.signature import Signature
from cortex_runtime.tf_serving.status import ModelState, model_state, read_signatures

logger = logging.getLogger("cortex_runtime.tf_serving")

_CALL_TIMEOUT_S = 5.0
_FIRST_REPORT_S, _REPORT_EVERY_S = 2.0, 10.0


def states(channel: Channel, model_name: str, timeout_s: float | None) -> Iterator[ModelState]:
    """The state of a model, again and again (after 0.1 s, later 1 s) until ``timeout_s`` is over; at least once."""
    end = float("inf") if timeout_s is None else time.monotonic() + timeout_s
    pause = 0.1
    while True:
        yield model_state(channel, model_name, timeout_s=max(0.1, min(_CALL_TIMEOUT_S, end - time.monotonic())))
        if time.monotonic() + pause >= end:
            return
        time.sleep(pause)
        pause = min(1.0, pause * 1.2)


def wait_until_available(
    channel: Channel, address: str, model_name: str, timeout_s: float | None
) -> dict[str, Signature]:
    """Block until the model is AVAILABLE, and return its signatures.

    Writes to the log what it waits for: after 2 s, then every 10 s.

    Args:
        address: of the model server, for the log.
        timeout_s: give up after so many seconds; None waits for ever.

    Raises:
        ModelServerError: the time is over; the message has the state that was seen last.
    """
    start = time.monotonic()
    report_at = _FIRST_REPORT_S
    seen = ModelState("UNKNOWN")
    for state in states(channel, model_name, timeout_s):
        seen = state
        if state.available:
            try:
                signatures = read_signatures(channel, model_name)
            except ModelServerError as error:
                seen = ModelState(error.code, state.version, f"its signatures cannot be read: {error}")
            else:
                if report_at > _FIRST_REPORT_S:
                    logger.info("model %r is available after %.1f s", model_name, time.monotonic() - start)
                return signatures
        waited = time.monotonic() - start
        if waited >= report_at:
            level = logging.WARNING if seen.state == "END" else logging.INFO
            logger.log(level, "waiting for model %r of the model server at %s: %s", model_name, address, seen)
            report_at = waited + _REPORT_EVERY_S
    raise ModelServerError(
        f"model {model_name!r} of the model server at {address} is not available after {timeout_s:g} s: {seen}",
        "DEADLINE_EXCEEDED",
    )
