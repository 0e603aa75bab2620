"""Replicas on instances: never over what there is, as few instances as can be, and just as one by one."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_cdk.constructs.placement import Share
from cortex_cdk.plan.packing import Alike, Replicas, Room, instances, pack

shares = st.builds(Share, st.integers(0, 12), st.integers(1, 12), st.integers(0, 2))
rooms = st.builds(
    Room, st.builds(Share, st.integers(12, 20), st.integers(12, 20), st.integers(2, 4)), st.none() | st.integers(1, 6)
)


def named(wanted: Sequence[tuple[Share, int]]) -> list[Replicas]:
    return [Replicas(f"api-{place}", share, count) for place, (share, count) in enumerate(wanted)]


def contents(packed: Sequence[Alike]) -> Counter[tuple[tuple[str, int], ...]]:
    """How many instances have what on them."""
    found: Counter[tuple[tuple[str, int], ...]] = Counter()
    for alike in packed:
        found[tuple(sorted(alike.replicas.items()))] += alike.count
    return found


@given(st.lists(st.tuples(shares, st.integers(0, 300)), max_size=6), rooms)
def test_all_are_placed_and_nothing_is_overbooked(wanted: list[tuple[Share, int]], empty: Room) -> None:
    replicas = named(wanted)
    packed = pack(replicas, empty)
    by_name = {one.api: one.share for one in replicas}
    placed: Counter[str] = Counter()
    for alike in packed:
        assert alike.count > 0
        on_it = [(by_name[name], count) for name, count in alike.replicas.items()]
        used = Share(*(sum(getattr(s, key) * n for s, n in on_it) for key in ("cpu_units", "memory_mib", "gpus")))
        left = alike.left.share
        assert min(left.cpu_units, left.memory_mib, left.gpus) >= 0
        assert used.cpu_units + left.cpu_units == empty.share.cpu_units
        assert used.memory_mib + left.memory_mib == empty.share.memory_mib
        assert used.gpus + left.gpus == empty.share.gpus
        if empty.replicas is not None:
            assert sum(alike.replicas.values()) + (alike.left.replicas or 0) == empty.replicas
            assert alike.left.replicas is not None
            assert alike.left.replicas >= 0
        for name, count in alike.replicas.items():
            placed[name] += alike.count * count
    assert placed == Counter({one.api: one.count for one in replicas if one.count})


@given(st.lists(st.tuples(shares, st.integers(0, 12)), max_size=4), rooms)
def test_the_same_as_one_by_one_where_the_least_memory_is_left(wanted: list[tuple[Share, int]], empty: Room) -> None:
    replicas = named(wanted)

    def part(share: Share) -> tuple[float, int]:
        room = empty.share
        parts = [share.cpu_units / room.cpu_units, share.memory_mib / room.memory_mib, share.gpus / room.gpus]
        return max(parts), share.memory_mib

    one_by_one: list[Room] = []
    for one in sorted(replicas, key=lambda one: part(one.share), reverse=True):
        for _ in range(one.count):
            fitting = [place for place, left in enumerate(one_by_one) if left.holds(one.share)]
            best = min(fitting, key=lambda place: one_by_one[place].least_memory_first, default=None)
            if best is None:
                one_by_one.append(empty)
                best = -1
            one_by_one[best] = one_by_one[best].without(one.share, 1)
    left_over: Counter[Room] = Counter()
    for alike in pack(replicas, empty):
        left_over[alike.left] += alike.count
    assert left_over == Counter(one_by_one)


@given(shares, st.integers(1, 2000), rooms)
def test_of_one_size_there_are_as_few_as_can_be(share: Share, count: int, empty: Room) -> None:
    assert instances(pack([Replicas("one", share, count)], empty)) == -(-count // empty.holds(share))


def fewest(replicas: tuple[Share, ...], empty: Room) -> int:
    """The least number of instances, by trying every way."""

    @functools.cache
    def more(rest: tuple[Share, ...], open_ones: tuple[tuple[int, int, int, int], ...]) -> int:
        if not rest:
            return len(open_ones)
        share, best = rest[0], len(open_ones) + len(rest)
        need = (share.cpu_units, share.memory_mib, share.gpus, 1)
        new = (empty.share.cpu_units, empty.share.memory_mib, empty.share.gpus, empty.replicas or 99)
        for place in range(len(open_ones) + 1):
            free = open_ones[place] if place < len(open_ones) else new
            left = tuple(have - want for have, want in zip(free, need, strict=True))
            if min(left) >= 0:
                others = open_ones[:place] + open_ones[place + 1 :]
                best = min(best, more(rest[1:], tuple(sorted([*others, left]))))  # type: ignore[list-item, arg-type]
        return best

    return more(replicas, ())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(shares, st.integers(1, 3)), min_size=1, max_size=3), rooms)
def test_of_several_sizes_the_fewest_are_never_undercut_and_hardly_missed(
    wanted: list[tuple[Share, int]], empty: Room
) -> None:
    replicas = named(wanted)
    least = fewest(tuple(one.share for one in replicas for _ in range(one.count)), empty)
    assert least <= instances(pack(replicas, empty)) <= least + 1


def test_millions_take_no_time() -> None:
    (alike,) = pack([Replicas("many", Share(1, 1), 2**31 - 1)], Room(Share(1, 1)))
    assert alike.count == 2**31 - 1


def test_the_smaller_go_where_the_larger_left_room() -> None:
    large, small = Share(6, 10), Share(2, 2)
    packed = pack([Replicas("small", small, 3), Replicas("large", large, 2)], Room(Share(10, 12)))
    assert contents(packed) == {(("large", 1), ("small", 1)): 2, (("small", 1),): 1}


def test_what_fits_nowhere_is_an_error() -> None:
    with pytest.raises(ValueError, match="a replica of big does not fit onto an empty instance"):
        pack([Replicas("big", Share(1, 1, gpus=1), 1)], Room(Share(10, 10)))
