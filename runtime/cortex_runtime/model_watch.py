"""Watches the model server for the front: whether it reports the model AVAILABLE, and the model's signatures.

Its calls run in a thread of its own, away from the event loop; what it learns is handed over to the loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import ModelServerError
from .settings import ModelServer

if TYPE_CHECKING:
    from .tf_serving.channel import Channel
    from .tf_serving.signature import Signature

INTERVAL_S = 1.0
TIMEOUT_S = 2.0


@dataclass(frozen=True)
class ModelStatus:
    """What the model server last said of the model.

    Attributes:
        available: whether it can answer predictions.
        detail: the state in words, with its reason.
        state: the state alone, such as ``LOADING``; ``END`` when the model cannot be loaded.
        version: the version that is available.
        signatures: by key, once the model has been available.
    """

    available: bool
    detail: str
    state: str = "UNREACHABLE"
    version: int | None = None
    signatures: Mapping[str, Signature] | None = None


class ModelWatch:
    """Polls the model server every second.

    Args:
        settings: which server and model.
        on_change: called in the event loop with each status that differs from the one before.
    """

    def __init__(self, settings: ModelServer, on_change: Callable[[ModelStatus], None]) -> None:
        self._settings = settings
        self._on_change = on_change
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; needs a running event loop."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="model-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop polling; a poll under way is not waited for."""
        self._stopped.set()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        from .tf_serving.channel import Channel  # takes a while to import: not before the socket listens

        last = None
        with Channel(self._settings.address) as channel:
            while not self._stopped.is_set():
                now = self._poll(channel, last)
                if now != last:
                    last = now
                    try:
                        loop.call_soon_threadsafe(self._on_change, now)
                    except RuntimeError:  # the loop has closed
                        return
                self._stopped.wait(INTERVAL_S if now.available else INTERVAL_S / 4)

    def _poll(self, channel: Channel, last: ModelStatus | None) -> ModelStatus:
        from .tf_serving.status import model_state, read_signatures

        state = model_state(channel, self._settings.model_name, TIMEOUT_S)
        if not state.available:
            return ModelStatus(False, str(state), state.state, state.version)
        if last is not None and last.available and last.version == state.version:
            return last
        try:
            signatures = read_signatures(channel, self._settings.model_name)
        except ModelServerError as error:
            return ModelStatus(False, f"no signatures: {error}", state.state, state.version)
        return ModelStatus(True, str(state), state.state, state.version, signatures)
