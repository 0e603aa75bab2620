"""An extension (``cortex_runtime.extension``) that tells what the event loop of a replica's front holds."""

from __future__ import annotations

import asyncio
import json
from typing import Any

SETTINGS = {"factory": "tests.support.inside_front:create", "path": "/_inside"}
"""The section ``extension`` of a replica's settings."""


class InsideFront:
    """Answers with the number of asyncio tasks."""

    def start(self) -> None:
        """Nothing is to be done."""

    async def stop(self) -> None:
        """Nothing is to be done."""

    def reported(self, report: Any) -> None:
        """Nothing is to be done."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = json.dumps({"tasks": len(asyncio.all_tasks())}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def create(replica: Any) -> InsideFront:
    """The extension of a replica."""
    return InsideFront()
