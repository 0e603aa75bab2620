"""AWS as ``cortex_cdk.operations`` calls it, with answers of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cortex_cdk.operations.aws import Aws

Answer = Callable[..., dict[str, Any]]


@dataclass
class FakeAws(Aws):
    """Answers by the name of the operation; ``calls`` are all calls so far, with their arguments."""

    answers: dict[str, Answer | dict[str, Any]]
    region: str = "eu-west-1"
    profile: str | None = None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """The answer to one call."""
        self.calls.append((operation, arguments))
        answer = self.answers[operation]
        return answer(**arguments) if callable(answer) else answer

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """One page."""
        yield self.call(service, operation, **arguments)

    def called(self, operation: str) -> list[dict[str, Any]]:
        """The arguments of all calls of an operation."""
        return [arguments for name, arguments in self.calls if name == operation]
