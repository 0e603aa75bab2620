"""Problems of a construct that synthesis reports together, each with the construct's path."""

from __future__ import annotations

from collections.abc import Sequence

import jsii
from constructs import Construct, IValidation


@jsii.implements(IValidation)
class _Problems:
    def __init__(self) -> None:
        self.found: list[str] = []

    def validate(self) -> list[str]:
        return self.found


class Problems:
    """Collects what is wrong with ``scope``; ``app.synth()`` raises with all problems of all constructs at once."""

    def __init__(self, scope: Construct) -> None:
        self._problems = _Problems()
        scope.node.add_validation(self._problems)

    def add(self, problems: Sequence[str]) -> None:
        """Add problems, in words."""
        self._problems.found.extend(problems)
