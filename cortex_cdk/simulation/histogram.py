"""Percentiles of any number of times in bounded memory: counts in bins whose edges grow by a constant factor.

Bin ``i`` holds times from ``SMALLEST_S * GROWTH**(i - 1)`` to ``SMALLEST_S * GROWTH**i``, and bin 0 all below. With
``GROWTH = (1 + e) / (1 - e)`` no time is further than ``e`` from the value that stands for its bin, relative to itself;
below 1 microsecond that value is 0. (https://www.vldb.org/pvldb/vol12/p2195-masson.pdf, section 2.1)
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.simulation.compiled import compiled

RELATIVE_ERROR = 0.005
SMALLEST_S = 1e-6
LARGEST_S = 1e8  # three years; longer times count as this
GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_PER_LOG = 1 / math.log(GROWTH)
_LOG_SMALLEST = math.log(SMALLEST_S)
BINS = math.ceil((math.log(LARGEST_S) - _LOG_SMALLEST) * _PER_LOG) + 2
_MIDDLE = 1 - RELATIVE_ERROR  # of a bin, as a share of its upper edge


@compiled
def bin_of(seconds: float) -> int:
    """The bin of a time."""
    if seconds < SMALLEST_S:
        return 0
    return min(1 + int((math.log(seconds) - _LOG_SMALLEST) * _PER_LOG), BINS - 1)


@compiled
def quantiles(counts: NDArray[np.int64], shares: NDArray[np.float64], into: NDArray[np.float64]) -> int:
    """The least times that are not exceeded by the given shares of all (nearest rank), NaN when there are none.

    Args:
        counts: times per bin.
        shares: from 0 to 1, ascending.
        into: seconds, one per share.

    Returns:
        How many times there are.
    """
    total = 0
    for count in counts:
        total += count
    if total == 0:
        into[:] = np.nan
        return 0
    seen, i = counts[0], 0
    for k in range(len(shares)):
        # The small subtraction keeps 0.95 * 20 = 19.000000000000004 at rank 19.
        rank = max(1, math.ceil(shares[k] * total * (1 - 1e-12)))
        while seen < rank:
            i += 1
            seen += counts[i]
        into[k] = 0.0 if i == 0 else math.exp(_LOG_SMALLEST + i / _PER_LOG) * _MIDDLE
    return total
