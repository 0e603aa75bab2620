"""A bar on stderr for commands that take minutes; nothing where stderr is no terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from cortex_cdk.cli import output

_LEAST_STEP = 0.002  # of the bar: it is told of every 10 s that were simulated, which may be a million


class ProgressBar:
    """One line: what is being done, how much of all is done, and how long the rest will take."""

    def __init__(self) -> None:
        """Nothing is shown before the context begins."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = output.console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)
        self._what = ""
        self._done = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, what: str) -> None:
        """Something of unknown length."""
        self._bar.reset(self._task, description=what, total=None)
        self._what, self._done = what, 0.0

    def __call__(self, what: str, share: float) -> None:
        """How much of all is done, from 0 to 1, and what comes now; less than before begins anew."""
        if share < self._done or self._is_of_unknown_length():
            self._bar.reset(self._task, description=what, total=1.0)
        elif what == self._what and self._done + _LEAST_STEP > share:
            return
        self._what, self._done = what, share
        self._bar.update(self._task, description=what, completed=share)

    def note(self, message: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(message)

    def _is_of_unknown_length(self) -> bool:
        return self._bar.tasks[0].total is None
