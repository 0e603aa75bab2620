"""Whether a soak has passed: nothing grows, no answer is wrong, and nothing is lost but what a fault explains."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from tests.soak.injection import Injected
from tests.soak.ledger import Ledger, Lost
from tests.soak.sampling import Life
from tests.support.load_generator import UNANSWERED, WRONG

WARM_UP_S = 15.0
"""The first seconds of a process are left out: memory is taken in then that is used again and again."""
LEAST_S = 20.0
"""What is then left of a process's life must be as long as this, else nothing can be said of it."""
MAX_POINTS = 600


class Bound(NamedTuple):
    """By how much something may grow over a process's life."""

    name: str
    unit: str
    most: float


MEMORY = Bound("memory", "MB", 12.0)
"""The allocator keeps a few large blocks or gives them back, which is worth up to 7 MB."""
DESCRIPTORS = Bound("descriptors", "descriptors", 10.0)
"""Connections come and go. What is left of them when all is over is counted exactly."""
THREADS = Bound("threads", "threads", 1.0)


class Growth(NamedTuple):
    """How much more a process holds at the end of its life than at the start, as its trend has it.

    Attributes:
        seconds: what of its life was judged.
        amount: of growth, in the bound's unit.
    """

    life: Life
    bound: Bound
    seconds: float
    amount: float

    def __str__(self) -> str:
        life = self.life
        return (
            f"{life.role} {life.pid} of replica {life.replica}: {self.amount:+.2f} {self.bound.unit} "
            f"in {self.seconds:.0f} s (at most {self.bound.most:g})"
        )


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """The Theil-Sen estimate of the growth per second: the median of the slopes between all pairs of points.

    It stays the same when up to 29 % of the points are anything at all.
    """
    step = -(-len(times) // MAX_POINTS)
    points = list(zip(times[::step], values[::step], strict=True))
    return statistics.median((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2))


def growths(lives: Sequence[Life]) -> list[Growth]:
    """The growth of each process that lived long enough: of its own memory (USS), its descriptors and its threads."""
    found = []
    for life in lives:
        start = next((i for i, at in enumerate(life.times) if at >= life.times[0] + WARM_UP_S), len(life.times))
        times, held = life.times[start:], life.held[start:]
        if len(times) < 3 or times[-1] - times[0] < LEAST_S:
            continue
        seconds = times[-1] - times[0]
        for bound, values in (
            (MEMORY, [h.uss / 1e6 for h in held]),
            (DESCRIPTORS, [float(h.descriptors) for h in held]),
            (THREADS, [float(h.threads) for h in held]),
        ):
            found.append(Growth(life, bound, seconds, slope(times, values) * seconds))
    return found


def unexplained(lost: Sequence[Lost], injected: Sequence[Injected]) -> list[Lost]:
    """The lost requests that no fault explains: each may cost its replica so many, of those that it met."""
    budgets = [(fault, Counter(fault.may_lose)) for fault in injected]
    found = []
    for one in lost:
        for fault, left in budgets:
            if fault.met(one.replica, one.sent_at, one.ended_at) and left[one.kind] > 0:
                left[one.kind] -= 1
                break
        else:
            found.append(one)
    return found


def problems(
    ledger: Ledger, injected: Sequence[Injected], lives: Sequence[Life], left: dict[str, tuple[float, float]]
) -> list[str]:
    """All that speaks against the replicas, in words; empty when the soak has passed.

    Args:
        left: what must be the same before and after all traffic, by name.
    """
    found = [str(growth) for growth in growths(lives) if growth.amount > growth.bound.most]
    for one in unexplained(ledger.lost, injected):
        what = "wrong answer" if one.kind == WRONG else "no answer" if one.kind == UNANSWERED else f"lost ({one.kind})"
        found.append(f"{what}: {one.traffic} request to replica {one.replica}: {one.detail}")
    found += [
        f"{name}: {before:g} before, {after:g} after" for name, (before, after) in left.items() if before != after
    ]
    if not ledger.seconds:
        found.append("no request was answered")
    return found
