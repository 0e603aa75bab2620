"""The rules by which a soak passes or fails."""

import random
from collections import Counter

import pytest

from tests.soak.injection import Injected, Kind, plan
from tests.soak.ledger import Ledger, Lost, Second
from tests.soak.sampling import Life
from tests.soak.verdict import MEMORY, growths, problems, slope, unexplained
from tests.support.process_resources import Held

MB = 1e6


def life(role="front", *, seconds=100, memory=lambda t: 60 * MB, descriptors=lambda t: 20, threads=lambda t: 2):
    times = [1000.0 + t for t in range(seconds)]
    held = [
        Held(rss=0, pss=0, uss=int(memory(t)), descriptors=int(descriptors(t)), threads=int(threads(t)))
        for t in range(seconds)
    ]
    return Life(0, role, 4711, times, held)


def verdict(*lives, lost=(), injected=(), left=None):
    ledger = Ledger(seconds={1: Second(10, 1.0, 0.2)}, lost=list(lost))
    return problems(ledger, injected, lives, left or {})


def noisy(base, noise, seed=1):
    generator = random.Random(seed)
    return lambda t: base + generator.uniform(-noise, noise)


def test_a_process_that_stays_as_it_is_passes():
    assert verdict(life(memory=noisy(60 * MB, 3 * MB), descriptors=noisy(20, 8))) == []


@pytest.mark.parametrize(
    ("leak", "word"),
    [
        ({"memory": lambda t: 60 * MB + t * 0.2 * MB}, "MB"),
        ({"descriptors": lambda t: 20 + t // 5}, "descriptors"),
        ({"threads": lambda t: 2 + t // 30}, "threads"),
    ],
)
def test_a_process_that_grows_fails(leak, word):
    (problem,) = verdict(life("worker", **leak))
    assert problem.startswith("worker 4711 of replica 0: +")
    assert word in problem


def test_a_small_leak_is_found_in_a_long_life_alone():
    def leak(t):
        return 60 * MB + t * 0.03 * MB

    assert verdict(life(memory=leak, seconds=100)) == []
    assert len(verdict(life(memory=leak, seconds=600))) == 1


def test_what_a_process_takes_at_its_start_is_no_leak():
    assert verdict(life(memory=lambda t: min(60, 30 + 3 * t) * MB)) == []


def test_single_outliers_are_no_leak():
    assert verdict(life(memory=lambda t: (90 if t > 80 else 60) * MB)) == []


def test_a_short_life_is_not_judged():
    assert growths([life(seconds=30, memory=lambda t: t * 10 * MB)]) == []


def test_growth_is_the_trend_over_the_life():
    (memory, *_) = growths([life(seconds=116, memory=lambda t: 60 * MB + t * 0.5 * MB)])
    assert memory.bound is MEMORY
    assert memory.seconds == 100
    assert memory.amount == pytest.approx(50)


def test_slope_is_the_median_of_all_pairs():
    assert slope([0, 1, 2], [0.0, 1.0, 5.0]) == 2.5  # of 1, 4 and 2.5
    times = [float(t) for t in range(5000)]
    assert slope(times, [3 * t for t in times]) == pytest.approx(3)


def lost(kind, at=100.0, replica=0):
    return Lost("small", replica, kind, at, at + 0.1, "words")


FAULT = Injected(Kind.KILL_WORKER, 0, at=99.0, until=101.0, may_lose=Counter({502: 2}))


def test_a_fault_explains_as_many_losses_as_it_may_cost():
    assert unexplained([lost(502), lost(502)], [FAULT]) == []
    assert len(unexplained([lost(502)] * 3, [FAULT])) == 1
    assert len(unexplained([lost(502)] * 4, [FAULT, FAULT])) == 0


@pytest.mark.parametrize(
    "one", [lost(500), lost(502, replica=1), lost(502, at=101.5), lost(502, at=98.0), lost("wrong"), lost("unanswered")]
)
def test_what_no_fault_explains_is_a_problem(one):
    (problem,) = verdict(lost=[one], injected=[FAULT])
    assert "small request" in problem


def test_what_is_left_when_all_is_over_is_a_problem():
    assert verdict(left={"descriptors": (12, 12)}) == []
    assert verdict(left={"descriptors": (12, 13)}) == ["descriptors: 12 before, 13 after"]


def test_a_soak_without_an_answer_has_failed():
    assert problems(Ledger(), [], [], {}) == ["no request was answered"]


@pytest.mark.parametrize(("seconds", "rolls"), [(90, 1), (1800, 2)])
def test_the_plan_has_every_fault_and_restarts_each_replica_in_turn(seconds, rolls):
    steps = plan(seconds, 2, seed=1)
    assert [step.replica for step in steps if step.kind is Kind.RESTART] == [0, 1] * rolls
    assert all(0 < step.at_s < seconds for step in steps)
    assert sorted(steps, key=lambda step: step.at_s) == steps
    kinds = Counter(step.kind for step in steps)
    assert kinds.keys() >= {Kind.KILL_WORKER, Kind.HANG, Kind.MODEL_SERVER}
    assert (kinds[Kind.KILL_FRONT] > 0) == (seconds > 200)
    assert plan(seconds, 2, seed=1) == steps != plan(seconds, 2, seed=2)
