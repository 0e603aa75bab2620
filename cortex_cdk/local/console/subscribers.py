"""The open pages: each gets every event, or none of the rest when it is too slow."""

from __future__ import annotations

import asyncio
import json
from typing import Any

MOST = 50
"""Pages at once."""
MOST_UNSENT = 30
"""Events that wait for one page, half a minute of them; a page with more is cut off, and asks again by itself."""


class Subscriber:
    """One open page."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[bytes] = asyncio.Queue(MOST_UNSENT)
        self.ended = asyncio.Event()
        self.too_slow = False

    def offer(self, event: bytes) -> None:
        """Add an event; ends the subscription when too many wait."""
        try:
            self._events.put_nowait(event)
        except asyncio.QueueFull:
            self.too_slow = True
            self.ended.set()

    async def next(self) -> bytes:
        """Wait for the next event."""
        return await self._events.get()


class Subscribers:
    """All open pages."""

    def __init__(self) -> None:
        self._all: set[Subscriber] = set()
        self._open = True

    def __len__(self) -> int:
        return len(self._all)

    def add(self) -> Subscriber | None:
        """One more; None when there are too many, or none are wanted now."""
        if not self._open or len(self._all) >= MOST:
            return None
        subscriber = Subscriber()
        self._all.add(subscriber)
        return subscriber

    def remove(self, subscriber: Subscriber) -> None:
        """One less."""
        self._all.discard(subscriber)

    def send(self, name: str, data: Any) -> None:
        """Send an event to all."""
        if self._all:
            event = encoded(name, data)
            for subscriber in self._all:
                subscriber.offer(event)

    def close(self) -> None:
        """End all, and take none until ``open``: a stream without an end would keep its replica from stopping."""
        self._open = False
        for subscriber in self._all:
            subscriber.ended.set()

    def open(self) -> None:
        """Take pages again."""
        self._open = True


def encoded(name: str, data: Any) -> bytes:
    """A server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'), allow_nan=False)}\n\n".encode()
