"""Code that is not part of the runtime and runs in the front process of a replica, where the settings ask for it.

It sees the replica from within, without a request, and may answer one path beside the endpoint. Serving on a
developer's machine uses it; nothing in the cloud does.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from . import settings

if TYPE_CHECKING:
    from .load import LoadReport
    from .replica import Replica

_Message = MutableMapping[str, Any]


class Extension(Protocol):
    """What the factory returns. Nothing of it may block, and it never counts as load."""

    def start(self) -> None:
        """Begin; the event loop runs."""

    async def stop(self) -> None:
        """End, after the last load report."""

    def reported(self, report: LoadReport) -> None:
        """Take a load report, every 10 seconds and at the end."""

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Answer a request to the path of the settings (ASGI)."""


def find(wanted: settings.Extension) -> Callable[..., Extension]:
    """The factory that the settings name, called as ``factory(replica, **options)``.

    Raises:
        SettingsError: when there is no such factory.
    """
    module, _, function = wanted.factory.partition(":")
    try:
        return cast("Callable[..., Extension]", getattr(importlib.import_module(module), function))
    except (ImportError, AttributeError) as error:
        raise settings.SettingsError(f"{wanted.factory}: {error} - at `$.extension.factory`") from None


def load(wanted: settings.Extension, replica: Replica) -> Extension:
    """The extension of a replica."""
    return find(wanted)(replica, **wanted.options)
