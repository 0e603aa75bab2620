"""Which tests stay together when several processes run them (pytest-xdist)."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

EMULATED = "tests/emulator/"
LONGEST = (EMULATED, "tests/soak/")


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """A file's tests share fixtures, and go to one process; all that deploy do so: there is one emulator."""

    def _split_scope(self, nodeid: str) -> str:
        return EMULATED if nodeid.startswith(EMULATED) else str(nodeid.partition("::")[0])
