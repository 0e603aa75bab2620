"""Load patterns from a short text, such as ``step:1..10@60s``: Poisson arrivals whose rate follows the pattern.

The grammar: a kind, a colon, rates in requests/s, then times. The signs mean the same everywhere: ``..`` from one rate
to another, ``@`` at a moment, ``-`` until, ``+`` how long, ``/`` how often it comes again.

=========================== ===========================================================================================
``constant:5``              5 requests/s
``step:1..10@60s``          1/s, from 60 s on 10/s; more steps may follow: ``step:1..10@60s..2@5m``
``ramp:1..10@60s-300s``     1/s until 60 s, then rising evenly to 10/s at 300 s, where it stays
``sine:10+-8/600s``         10 + 8 sin(2 pi t / 600 s)
``spike:1..50@120s+30s``    1/s, but 50/s for 30 s from 120 s on; ``/10m`` after it repeats that every 10 minutes
``bursty:10*5+30s/5m``      10/s on average, in bursts of 5 times that for 30 s on average, coming every 5 minutes on
                            average; without ``/5m`` as often as makes half of the requests come in bursts
=========================== ===========================================================================================

``bursty`` is a Markov-modulated Poisson process with two states: the lengths of bursts and of the time between them
are exponential, and the time between has the one rate that gives the mean; where that is 0 (``bursty:10*10+30s/5m``) it
is an on-off process. It begins between bursts or in one with the long-run probabilities.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from cortex_cdk.simulation.poisson import PatternTrace, Profile, Step
from cortex_cdk.simulation.seconds import ALLOWED, parse_seconds

KINDS = {
    "constant": "constant:5",
    "step": "step:1..10@60s",
    "ramp": "ramp:1..10@60s-300s",
    "sine": "sine:10+-8/600s",
    "spike": "spike:1..50@120s+30s",
    "bursty": "bursty:10*5+30s/5m",
}

_AFTER_S = 600.0  # how long a pattern goes on after its last change, unless told
_MAX_RATE = 1e6
_SINE_PIECES = 32  # pieces of a period with one upper bound each: 3 % of the candidates are thinned out
_RATE = r"([0-9.]+)"
_TIME = r"([0-9a-z.]+)"
_MAX_PIECES = 2_000_000


class PatternError(ValueError):
    """A pattern cannot be understood. The message says what was found and what is allowed, with an example."""


def pattern(text: str, duration_s: float | None = None) -> PatternTrace:
    """The trace that ``text`` stands for.

    Args:
        text: see the module.
        duration_s: its length in seconds. By default 10 minutes (``constant``), 10 minutes after the last change
            (``step``, ``ramp``, ``spike``), 3 periods (``sine``), 5 (``spike`` with one), 20 (``bursty``).

    Raises:
        PatternError: a ValueError.
    """
    kind, colon, rest = text.strip().partition(":")
    if not colon or kind not in KINDS:
        raise PatternError(f"pattern {text!r}: expected one of {', '.join(KINDS.values())}")
    if duration_s is not None and not 0 < duration_s < math.inf:
        raise PatternError(f"pattern {text!r}: the duration must be more than 0 seconds, not {duration_s:g}")
    return _PARSERS[kind](_Parts(text, kind, rest.replace(" ", "")), duration_s)


class _Parts:
    """The text behind the colon, and the checks that every kind needs."""

    def __init__(self, text: str, kind: str, rest: str) -> None:
        self.text = text
        self.kind = kind
        self.rest = rest

    def match(self, expression: str) -> re.Match[str]:
        found = re.fullmatch(expression, self.rest)
        if found is None:
            raise self.error(f"write it as {KINDS[self.kind]}")
        return found

    def rate(self, text: str) -> float:
        try:
            rate = float(text)
        except ValueError:
            raise self.error(f"{text!r} is not a rate in requests/s; write it as {KINDS[self.kind]}") from None
        if rate > _MAX_RATE:
            raise self.error(f"{text} requests/s are more than {_MAX_RATE:,.0f}")
        return rate

    def seconds(self, text: str, *, zero: bool = False) -> float:
        try:
            seconds = parse_seconds(text)
        except ValueError:
            raise self.error(f"{text!r} is not {ALLOWED}; write it as {KINDS[self.kind]}") from None
        if seconds == 0 and not zero:
            raise self.error(f"{text!r} must be more than 0")
        return seconds

    def pieces(self, number: float) -> None:
        """Refuse a period so short that the pattern would need more memory than it is worth."""
        if number > _MAX_PIECES:
            raise self.error("the period is too short for this duration")

    def error(self, problem: str) -> PatternError:
        return PatternError(f"pattern {self.text!r}: {problem}")


def _constant(parts: _Parts, duration_s: float | None) -> PatternTrace:
    rate = parts.rate(parts.match(_RATE)[1])
    return PatternTrace(parts.text, duration_s or _AFTER_S, Profile.constant([0.0], [rate]))


def _step(parts: _Parts, duration_s: float | None) -> PatternTrace:
    parts.match(rf"{_RATE}(?:\.\.{_RATE_LAZY}@{_TIME_LAZY})+")
    first, *later = re.split(r"\.\.", parts.rest)
    rates, times = [parts.rate(first)], [0.0]
    for piece in later:
        rate, _, time = piece.partition("@")
        rates.append(parts.rate(rate))
        times.append(parts.seconds(time, zero=False))
        if times[-1] <= times[-2]:
            raise parts.error(f"the step at {time} must come after the one before")
    length = duration_s or times[-1] + _AFTER_S
    if times[-1] >= length:
        raise parts.error(f"the step at {times[-1]:g} s lies outside the duration of {length:g} s")
    steps = tuple(
        Step(at_s=at, from_rate=before, to_rate=after)
        for at, before, after in zip(times[1:], rates, rates[1:], strict=False)
    )
    return PatternTrace(parts.text, length, Profile.constant(times, rates), steps)


def _ramp(parts: _Parts, duration_s: float | None) -> PatternTrace:
    found = parts.match(rf"{_RATE_LAZY}\.\.{_RATE}@{_TIME}-{_TIME}")
    low, high = parts.rate(found[1]), parts.rate(found[2])
    begin, end = parts.seconds(found[3], zero=True), parts.seconds(found[4])
    if end <= begin:
        raise parts.error(f"the ramp ends at {end:g} s, which is not after {begin:g} s")
    length = duration_s or end + _AFTER_S
    if begin >= length:
        raise parts.error(f"the ramp from {begin:g} s on lies outside the duration of {length:g} s")
    times, rates = [0.0, begin, end], [low, low, high]
    return PatternTrace(parts.text, length, Profile.linear(times, rates, length))


def _sine(parts: _Parts, duration_s: float | None) -> PatternTrace:
    found = parts.match(rf"{_RATE}\+-{_RATE}/{_TIME}")
    mean, amplitude, period = parts.rate(found[1]), parts.rate(found[2]), parts.seconds(found[3])
    if amplitude > mean:
        raise parts.error(f"with an amplitude above the mean ({amplitude:g} > {mean:g}) the rate would be negative")
    length = duration_s or 3 * period
    parts.pieces(length / period * _SINE_PIECES)
    return PatternTrace(parts.text, length, Profile.sine(mean, amplitude, period, length, _SINE_PIECES))


def _spike(parts: _Parts, duration_s: float | None) -> PatternTrace:
    found = parts.match(rf"{_RATE_LAZY}\.\.{_RATE}@{_TIME}\+{_TIME}(?:/{_TIME})?")
    low, high = parts.rate(found[1]), parts.rate(found[2])
    at, lasting = parts.seconds(found[3], zero=True), parts.seconds(found[4])
    period = parts.seconds(found[5]) if found[5] else math.inf
    if lasting >= period:
        raise parts.error(f"spikes of {lasting:g} s cannot come every {period:g} s")
    length = duration_s or at + (5 * period if found[5] else lasting + _AFTER_S)
    if at >= length:
        raise parts.error(f"the spike at {at:g} s lies outside the duration of {length:g} s")
    parts.pieces(2 * (length - at) / period)
    number = math.ceil((length - at) / period) if found[5] else 1
    begins = [at + i * period if i else at for i in range(number)]
    times, rates = [0.0], [low]
    steps = []
    for begin in begins:
        for moment, before, after in ((begin, low, high), (begin + lasting, high, low)):
            if moment == 0.0:
                rates[0] = after
            elif moment < length:
                times.append(moment)
                rates.append(after)
                steps.append(Step(at_s=moment, from_rate=before, to_rate=after))
    return PatternTrace(parts.text, length, Profile.constant(times, rates), tuple(steps))


def _bursty(parts: _Parts, duration_s: float | None) -> PatternTrace:
    found = parts.match(rf"{_RATE}\*{_RATE}\+{_TIME}(?:/{_TIME})?")
    mean, factor, lasting = parts.rate(found[1]), parts.rate(found[2]), parts.seconds(found[3])
    if factor <= 1:
        raise parts.error(f"a burst must have more than the mean rate: the factor is {factor:g}, not above 1")
    period = parts.seconds(found[4]) if found[4] else 2 * factor * lasting
    share = lasting / period
    if share * factor > 1 + 1e-9:
        raise parts.error(
            f"bursts of {factor:g} times the mean for {lasting:g} s every {period:g} s are more than the mean; "
            f"with these bursts the period is {factor * lasting:g} s or more"
        )
    quiet = mean * max(0.0, 1 - share * factor) / (1 - share)
    length = duration_s or 20 * period
    parts.pieces(2 * length / period)
    profile = Profile.modulated((quiet, mean * factor), (period - lasting, lasting))
    return PatternTrace(parts.text, length, profile)


_RATE_LAZY = r"([0-9]*\.?[0-9]+|[0-9]+\.)"  # leaves the two dots alone
_TIME_LAZY = r"([0-9a-z]+(?:\.[0-9a-z]+)*)"

_PARSERS: dict[str, Callable[[_Parts, float | None], PatternTrace]] = {
    "constant": _constant,
    "step": _step,
    "ramp": _ramp,
    "sine": _sine,
    "spike": _spike,
    "bursty": _bursty,
}
