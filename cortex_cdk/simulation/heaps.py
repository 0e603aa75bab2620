"""Binary heaps in arrays, compiled: the least value is first. A tagged heap moves a second array along."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cortex_cdk.simulation.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@compiled
def replace_first(heap: Floats, value: float) -> None:
    """Put ``value`` in the place of the least of a heap that fills its array."""
    _sift_down(heap, len(heap), value)


@compiled
def push(heap: Floats, size: int, value: float) -> None:
    """Add to a heap of ``size``; its array must have room."""
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if heap[parent] <= value:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = value


@compiled
def pop(heap: Floats, size: int) -> None:
    """Take the least from a heap, of which ``size`` remain."""
    _sift_down(heap, size, heap[size])


@compiled
def push_tagged(heap: Floats, tags: Ints, size: int, value: float, tag: int) -> None:
    """Add to a tagged heap of ``size``; its arrays must have room."""
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if heap[parent] <= value:
            break
        heap[place] = heap[parent]
        tags[place] = tags[parent]
        place = parent
    heap[place] = value
    tags[place] = tag


@compiled
def pop_tagged(heap: Floats, tags: Ints, size: int) -> None:
    """Take the least from a tagged heap, of which ``size`` remain."""
    value, tag = heap[size], tags[size]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[place] = heap[child]
        tags[place] = tags[child]
        place = child
    heap[place] = value
    tags[place] = tag


@compiled
def _sift_down(heap: Floats, size: int, value: float) -> None:
    """Put ``value`` where it belongs in a heap of ``size`` whose first place is free."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = value
