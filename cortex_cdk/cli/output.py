"""What people see: messages on stderr, results on stdout, with colours on terminals only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from cortex_cdk.spec.problem import Problem


def console(*, stderr: bool = False) -> Console:
    """A console that prints text as it is: no markup, no guessed highlights, lines left whole when redirected."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=True)


def error(message: str) -> None:
    """Print an error on stderr."""
    from rich.text import Text

    console(stderr=True).print(Text.assemble(("error: ", "bold red"), message))


def warning(message: str) -> None:
    """Print a warning on stderr."""
    from rich.text import Text

    console(stderr=True).print(Text.assemble(("warning: ", "bold yellow"), message))


def note(message: str) -> None:
    """Print on stderr what is not the command's result."""
    console(stderr=True).print(message)


def problems(found: Iterable[Problem]) -> None:
    """Print problems on stderr, one a line, and their number."""
    count = 0
    for count, problem in enumerate(found, 1):  # noqa: B007 - the last count is used
        error(str(problem))
    note(f"{count} problem{'s' if count != 1 else ''} found")
