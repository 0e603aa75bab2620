"""What holds for any policy, load and past."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cortex_cdk.autoscaling import Decision, History, Observation, Policy, Rule, decide, explain
from tests.support.autoscaling_strategies import COUNTS, LOADS, PERIODS, histories, policies

NOW = 1_700_000_000.25
ANY_LOAD = st.one_of(st.none(), LOADS)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    return Observation(
        replicas=draw(COUNTS),
        average_in_flight=draw(ANY_LOAD),
        average_if_full=draw(ANY_LOAD),
        burst_in_flight=draw(ANY_LOAD),
    )


@given(policies(), observations(), histories(NOW))
def test_the_count_is_within_the_bounds_and_the_same_inputs_give_the_same_decision(
    policy: Policy, observation: Observation, history: History
) -> None:
    decision = decide(policy, observation, history, NOW)
    assert policy.min_replicas <= decision.desired <= policy.max_replicas
    assert decision == decide(policy, observation, history, NOW)


@given(policies(), COUNTS, histories(NOW))
def test_without_data_the_count_is_held_and_nothing_is_recorded(policy: Policy, count: int, history: History) -> None:
    decision = decide(policy, Observation(replicas=count, average_in_flight=None), history, NOW)
    assert not decision.valid
    assert decision.desired == policy.bounded(count)
    assert decision.history == history


@given(policies(), COUNTS, histories(NOW), st.lists(LOADS, min_size=2, max_size=2))
def test_more_load_never_gives_fewer_replicas(policy: Policy, count: int, history: History, loads: list[float]) -> None:
    less, more = (
        decide(policy, Observation(replicas=count, average_in_flight=load), history, NOW) for load in sorted(loads)
    )
    assert less.desired <= more.desired
    assert less.recommendation is not None
    assert more.recommendation is not None
    assert less.recommendation <= more.recommendation


@given(policies(), COUNTS, histories(NOW), LOADS, st.lists(LOADS, min_size=2, max_size=2), PERIODS)
def test_more_missing_reports_never_give_fewer_replicas_nor_any_step_up(
    policy: Policy, count: int, history: History, load: float, if_full: list[float], window: float
) -> None:
    known, less, more = (
        decide(policy, Observation(replicas=count, average_in_flight=load, average_if_full=full), history, NOW)
        for full in (None, *sorted(if_full))
    )
    assert known.desired <= less.desired <= more.desired
    assert more.desired <= max(known.desired, policy.bounded(count))


@given(policies(window_s=60.0, upscale_window_s=10.0), COUNTS, histories(NOW), LOADS, LOADS)
def test_the_upscale_window_never_gives_fewer_replicas(
    policy: Policy, count: int, history: History, load: float, burst: float
) -> None:
    observation = Observation(replicas=count, average_in_flight=load, burst_in_flight=burst)
    without = decide(replace(policy, upscale_window_s=None), observation, history, NOW)
    assert decide(policy, observation, history, NOW).desired >= without.desired


@given(policies(), COUNTS, histories(NOW), LOADS)
def test_never_below_the_floor_while_going_down(policy: Policy, count: int, history: History, load: float) -> None:
    decision = decide(policy, Observation(replicas=count, average_in_flight=load), history, NOW)
    current, period = policy.bounded(count), policy.downscale_stabilization_period_s
    younger = [made.replicas for made in decision.history.records if NOW - made.time < period]
    if decision.desired < current:
        assert history.began is not None
        assert NOW - history.began >= period
        assert all(decision.desired >= made for made in younger)
        assert decision.desired >= min(current - 1, current * policy.max_downscale_factor)


@given(policies(), COUNTS, histories(NOW), LOADS)
def test_never_above_the_ceiling_while_going_up(policy: Policy, count: int, history: History, load: float) -> None:
    decision = decide(policy, Observation(replicas=count, average_in_flight=load), history, NOW)
    current, period = policy.bounded(count), policy.upscale_stabilization_period_s
    younger = [made.replicas for made in decision.history.records if NOW - made.time < period]
    if decision.desired > current:
        assert history.began is not None
        assert NOW - history.began >= period
        assert all(decision.desired <= made for made in younger)
        assert decision.desired < max(current + 1, current * policy.max_upscale_factor) + 1


@given(policies(), COUNTS, histories(NOW), LOADS, ANY_LOAD, st.floats(0, 4.9))
def test_a_tick_that_comes_twice_changes_nothing(
    policy: Policy, count: int, history: History, load: float, later_load: float | None, later: float
) -> None:
    first = decide(policy, Observation(replicas=count, average_in_flight=load), history, NOW)
    observation = Observation(replicas=first.desired, average_in_flight=later_load)
    again = decide(policy, observation, first.history, NOW + later)
    assert again.desired == first.desired
    assert again.history == first.history


@settings(deadline=None)
@given(policies(), COUNTS, st.lists(st.tuples(st.integers(-30, 30), LOADS, policies()), max_size=60))
def test_the_history_stays_small_whatever_the_clock_and_the_policy_do(
    policy: Policy, count: int, ticks: list[tuple[int, float, Policy]]
) -> None:
    history, now = History(), NOW
    for seconds, load, changed in ticks:
        now += seconds
        decision = decide(changed, Observation(replicas=count, average_in_flight=load), history, now)
        history, count = decision.history, decision.desired
        counts = [made.replicas for made in history.records]
        times = [made.time for made in history.records]
        assert len(set(counts)) == len(counts)
        assert times == sorted(times)
        assert not times or times[-1] <= now


@settings(deadline=None)
@given(st.lists(LOADS, max_size=200))
def test_a_policy_of_few_counts_leaves_few_records(loads: list[float]) -> None:
    policy, history, count = Policy(max_replicas=4), History(), 1
    for number, load in enumerate(loads):
        decision = decide(policy, Observation(replicas=count, average_in_flight=load), history, NOW + 10 * number)
        history, count = decision.history, decision.desired
        assert len(history.records) <= 4


@given(policies(window_s=60.0, upscale_window_s=10.0), observations(), histories(NOW), st.booleans())
def test_the_steps_tell_how_the_count_came_about(
    policy: Policy, observation: Observation, history: History, twice: bool
) -> None:
    decision = decide(policy, observation, history, NOW)
    if twice:
        decision = decide(policy, observation, decision.history, NOW + 1)
    check_story(decision)


def check_story(decision: Decision) -> None:
    steps = decision.steps
    assert steps[0].before == decision.observation.replicas
    assert [step.after for step in steps[:-1]] == [step.before for step in steps[1:]]
    assert steps[-1].after == decision.desired
    order = list(Rule)
    after_bounds = [order.index(step.rule) for step in steps if "now" not in step.reason or step.rule in order[:5]]
    assert after_bounds == sorted(after_bounds)
    silent = {Rule.NO_DATA, Rule.REPEATED, Rule.LOAD, Rule.MISSING_REPORTS}
    assert all(step.before != step.after for step in steps if step.rule not in silent)
    assert all(step.reason for step in steps)
    assert all(step.reason in decision.reason for step in steps)
    assert len(explain(decision)) == len(steps) + 1
