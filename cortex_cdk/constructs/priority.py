"""Priorities of listener rules that depend on an API's name alone.

A listener wants a unique number for each rule. A rule here matches exactly one path, so that the order of the rules
does not matter; what matters is that an API keeps its number whatever other APIs come and go.
"""

from __future__ import annotations

import hashlib

HIGHEST = 50_000
"""Of the priorities that a rule can have, 1 to 50,000
(https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html)."""


def priority_of(api: str) -> int:
    """The priority of an API's rule, 1 to 50,000, from its name."""
    digest = hashlib.sha256(api.encode()).digest()
    return int.from_bytes(digest[:8]) % HIGHEST + 1


class Claims:
    """Who has which priority and which path on one listener."""

    def __init__(self) -> None:
        self._priorities: dict[int, str] = {}
        self._paths: dict[str, str] = {}

    def claim(self, api: str, path: str, priority: int) -> list[str]:
        """Take ``priority`` and ``path`` for ``api``; what is wrong with that, in words."""
        problems = []
        if not 1 <= priority <= HIGHEST:
            problems.append(f"the rule's priority is {priority}, must be from 1 to {HIGHEST}")
        elif (other := self._priorities.setdefault(priority, api)) != api:
            problems.append(
                f"the priority {priority} of its listener rule is that of `{other}`, too; give one of them another "
                f"`priority`, from 1 to {HIGHEST}"
            )
        if (other := self._paths.setdefault(path, api)) != api:
            problems.append(f"its path {path} is that of `{other}`, too")
        return problems
