"""What ``cortex-cdk simulate`` is told about the traffic and what it runs on."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cortex_cdk.cli.errors import UserError

if TYPE_CHECKING:
    from cortex_cdk.cli.progress_bar import ProgressBar
    from cortex_cdk.simulation.trace import Trace

STDIN = "-"


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The options about traffic, as given; None for those that are not."""

    trace: str | None
    pattern: str | None
    duration: str | None
    start: str | None
    end: str | None
    scale: float | None
    interval: str | None
    time_column: str | None
    count_column: str | None

    def check(self) -> None:
        """See whether the options fit each other.

        Raises:
            UserError: when they do not.
        """
        if self.trace is None and self.pattern is None:
            raise UserError("there is no traffic: give a --pattern, such as step:1..10@60s, or the file of a --trace")
        if self.trace is not None and self.pattern is not None:
            raise UserError("--trace and --pattern are two kinds of traffic: give one of them")
        names = ("start", "end", "scale", "interval", "time_column", "count_column")
        of_trace = [f"--{name.replace('_', '-')}" for name in names if getattr(self, name) is not None]
        if self.pattern is not None and of_trace:
            raise UserError(f"{of_trace[0]} is for --trace, not for --pattern")
        if self.trace is not None and self.duration is not None:
            raise UserError("--duration is for --pattern; cut a trace with --start and --end")

    def read(self, bar: ProgressBar) -> Trace:
        """The pattern or the trace; how a trace's file was understood is printed on stderr.

        Raises:
            UserError: when an option is wrong.
            ValueError: when the traffic is, or its file cannot be read.
        """
        from cortex_cdk.simulation.patterns import pattern
        from cortex_cdk.simulation.trace_file import read_trace

        if self.pattern is not None:
            return pattern(self.pattern, seconds("--duration", self.duration, above_0=True) if self.duration else None)
        assert self.trace is not None
        source = self.trace
        if source == STDIN:
            source = "standard input"
            if sys.stdin.isatty():
                bar.note("reading the trace from the terminal; Ctrl-D ends it")
        bar.begin(f"reading {source}")
        recorded = read_trace(
            self.trace,
            time_column=self.time_column,
            count_column=self.count_column,
            interval_s=seconds("--interval", self.interval, above_0=True) if self.interval else None,
            start=self.start,
            end=self.end,
            scale=1.0 if self.scale is None else self.scale,
        )
        for note in recorded.notes:
            bar.note(f"{recorded.name}: {note}")
        return recorded


def seconds(option: str, text: str, *, above_0: bool = False) -> float:
    """The seconds that an option's value stands for.

    Raises:
        UserError: when it stands for none, or for 0 where that makes no sense.
    """
    from cortex_cdk.simulation.seconds import parse_seconds

    try:
        found = parse_seconds(text)
    except ValueError as error:
        raise UserError(f"{option}: {error}") from None
    if above_0 and found == 0:
        raise UserError(f"{option} {text}: must be more than 0 seconds")
    return found


def node_price(instance_type: str | None, price: str | None, prices: Path | None) -> float:
    """Dollars per hour of a node; 0 when nothing is said about it.

    Raises:
        UserError: when the options do not fit each other.
        PriceError: a ValueError, when there is no such price.
    """
    from cortex_cdk.simulation.prices import parse_price, read_prices

    if price is not None:
        if instance_type is not None or prices is not None:
            raise UserError(f"give either --price or {'--instance-type' if instance_type else '--prices'}, not both")
        return parse_price(price)
    if instance_type is None:
        if prices is not None:
            raise UserError("--prices needs --instance-type, to know which price to take")
        return 0.0
    return read_prices(prices).instance(instance_type).price_per_hour
