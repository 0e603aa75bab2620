"""The policy in a service's tags, there and back."""

import re
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.autoscaling import CountOrPercent, Policy
from cortex_cdk.scaler.service_tags import ScalerTarget, Strategy, TagError, parse, tags_of

VALUE = re.compile(r"[\w +\-=.:/@]{0,256}", re.ASCII)
SECONDS = st.floats(0, 1e7, allow_nan=False)


@st.composite
def policies(draw):
    least, span = draw(st.integers(0, 50)), draw(st.integers(0, 1000))
    window = draw(st.floats(10, 1e5))
    return Policy(
        min_replicas=least,
        max_replicas=max(1, least + span),
        init_replicas=draw(st.integers(least, max(1, least + span))),
        target_replica_concurrency=draw(st.floats(1e-9, 1e20)),
        window_s=window,
        upscale_window_s=draw(st.none() | st.floats(10, window)),
        downscale_stabilization_period_s=draw(SECONDS),
        upscale_stabilization_period_s=draw(SECONDS),
        max_downscale_factor=draw(st.floats(0, 1, exclude_max=True)),
        max_upscale_factor=draw(st.floats(1, 1e9, exclude_min=True)),
        downscale_tolerance=draw(st.floats(0, 1, exclude_max=True)),
        upscale_tolerance=draw(st.floats(0, 1e3)),
    )


shares = st.builds(CountOrPercent, st.integers(0, 100), st.just(True)) | st.builds(
    CountOrPercent, st.integers(0, 10_000), st.just(False)
)


@given(policies(), st.builds(Strategy, shares, shares), st.from_regex(r"[a-z][a-z0-9-]{0,40}", fullmatch=True))
def test_what_is_written_is_read_and_fits_into_tags(policy, strategy, api):
    tags = tags_of(policy, strategy, api)
    assert parse(tags | {"cortex:cluster": "c", "team": "x"}) == ScalerTarget(api, policy, strategy)
    for value in tags.values():
        assert VALUE.fullmatch(value)
    assert len(tags) <= 40  # of 50 that a service may have


def test_the_tags_of_a_policy():
    tags = tags_of(Policy(window_s=90, max_downscale_factor=0.75), Strategy(), "iris")
    assert tags["cortex:api"] == "iris"
    assert tags["cortex:window_s"] == "90"
    assert tags["cortex:max_downscale_factor"] == "0.75"
    assert tags["cortex:max_surge"] == "25 percent"
    optional = {field.name for field in fields(Policy) if getattr(Policy(), field.name) is None}
    assert optional
    assert not {f"cortex:{name}" for name in optional} & tags.keys()


@pytest.mark.parametrize("text", ["40 percent", "40percent", "40%"])
def test_shares_can_be_written_by_hand(text):
    target = parse({"cortex:api": "iris", "cortex:max_surge": text, "cortex:max_unavailable": "2"})
    assert target.update_strategy == Strategy(CountOrPercent(40, True), CountOrPercent(2, False))


def test_tags_that_have_not_changed_are_not_read_again():
    tags = tags_of(Policy(), Strategy(), "iris")
    assert parse(tags) is parse(dict(reversed(tags.items())) | {"team": "x"})
    assert parse(tags) is not parse(tags | {"cortex:max_replicas": "7"})


def test_tags_that_are_absent_have_their_defaults():
    assert parse({"cortex:api": "iris"}) == ScalerTarget("iris", Policy(), Strategy())


def test_tags_of_other_meaning_are_named():
    assert parse({"cortex:api": "iris", "cortex:min_replica": "3"}).ignored == ("cortex:min_replica",)


@pytest.mark.parametrize(
    ("tags", "named"),
    [
        ({}, "tag cortex:api is missing"),
        ({"cortex:api": "a", "cortex:window_s": "x"}, "tag cortex:window_s is 'x', must be a number"),
        ({"cortex:api": "a", "cortex:window_s": "nan"}, "window_s is nan, must be at least 10"),
        ({"cortex:api": "a", "cortex:max_replicas": "2.5"}, "tag cortex:max_replicas is '2.5', must be a whole number"),
        ({"cortex:api": "a", "cortex:init_replicas": "200"}, "init_replicas is 200, must be from"),
        ({"cortex:api": "a", "cortex:max_surge": "101 percent"}, "tag cortex:max_surge is '101 percent', must be"),
        ({"cortex:api": "a", "cortex:max_unavailable": "-1"}, "tag cortex:max_unavailable is '-1', must be"),
    ],
)
def test_wrong_tags_are_errors_that_say_which(tags, named):
    with pytest.raises(TagError, match=re.escape(named)):
        parse(tags)


def test_names_that_no_tag_can_hold_are_refused_when_the_service_is_made():
    with pytest.raises(ValueError, match="api is 'a%'"):
        tags_of(Policy(), Strategy(), "a%")


@given(policies())
def test_fingerprints_differ_when_policies_do(policy):
    target = ScalerTarget("iris", policy, Strategy())
    assert target.fingerprint == replace(target, ignored=("x",)).fingerprint
    assert target.fingerprint != replace(target, update_strategy=Strategy(CountOrPercent(7, False))).fingerprint
    other = replace(target, policy=replace(policy, window_s=policy.window_s + 1))
    assert target.fingerprint != other.fingerprint
