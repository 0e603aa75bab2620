"""Rules between keys of cluster.yaml: each side of each, and where they are reported."""

from __future__ import annotations

import pytest

from cortex_cdk.spec.cluster import rules
from cortex_cdk.spec.cluster.document import FORMAT
from cortex_cdk.spec.cluster.hints import OTHER_VERSIONS
from tests.spec.cluster.conftest import CERTIFICATE

SUBNETS = "private_subnet_ids: [subnet-0a1b2c3d, subnet-1a1b2c3d]"
ZONES = "availability_zones: [eu-central-1a, eu-central-1b]"
GIVEN = f"id: vpc-0a1b2c3d, cidr: 10.0.0.0/16, {ZONES}, {SUBNETS}"
GROUP = "instance_types: [m5.large]"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/mine/0a1b"


def group(keys: str) -> str:
    return f"instance_groups: [{{{keys}}}]"


VALID = [
    group(f"{GROUP}, min_instances: 3, max_instances: 3"),
    group(f"{GROUP}, spot: true, on_demand_base: 1"),
    group("instance_types: [g5.xlarge, g4dn.xlarge]"),
    group("instance_types: [m99.large], capacities: {m99.large: {vcpus: 2, memory_mib: 1}}"),
    f"instance_groups: [{{{GROUP}}}, {{name: b, {GROUP}}}]",
    f"vpc: {{{GIVEN}}}",
    "{region: eu-central-1, account: '123456789012', vpc: {id: vpc-0a1b2c3d}}",
    f"{{vpc: {{{GIVEN}, public_subnet_ids: [subnet-2a1b2c3d, subnet-3a1b2c3d]}}, "
    "endpoint: {internet_facing: true, allowed_cidrs: [0.0.0.0/0]}}",
    f"endpoint: {{jwt: {{issuer: a, jwks_uri: https://a}}, certificate_arns: ['{CERTIFICATE}']}}",
    f"{{region: eu-central-1, endpoint: {{certificate_arns: ['{CERTIFICATE}']}}}}",
    f"{{region: us-east-1, endpoint: {{web_acl_arn: '{WEB_ACL}'}}}}",
    f"endpoint: {{web_acl_arn: '{WEB_ACL}'}}",
    f"tags: {{{', '.join(f'a{n}: b' for n in range(rules.MAX_TAGS))}}}",
]


@pytest.mark.parametrize("content", VALID)
def test_valid(folder, content):
    folder.spec(content)


BROKEN = [
    (
        group(f"{GROUP}, min_instances: 3, max_instances: 2"),
        "instance_groups[0].min_instances",
        "min_instances (3) is greater than max_instances (2)",
    ),
    (
        group(f"{GROUP}, min_instances: 11"),
        "instance_groups[0].min_instances",
        "min_instances (11) is greater than max_instances (10 by default)",
    ),
    (group(f"{GROUP}, on_demand_base: 1"), "instance_groups[0].on_demand_base", "is for groups with spot instances"),
    (group("instance_types: [m5.large, g5.xlarge]"), "instance_groups[0].instance_types", "some have none"),
    (group("instance_types: [m5.large, m5.tiny]"), "instance_groups[0].instance_types[1]", "`m5.tiny` is not known"),
    (
        group(f"{GROUP}, capacities: {{m99.large: {{vcpus: 2, memory_mib: 1}}}}"),
        'instance_groups[0].capacities["m99.large"]',
        "m99.large is not one of the group's instance_types",
    ),
    (f"instance_groups: [{{{GROUP}}}, {{{GROUP}}}]", "instance_groups[1].name", "group 1 is called `default`, too"),
    (f"instance_groups: [{{name: default, {GROUP}}}, {{{GROUP}}}]", "instance_groups[1].name", "`default`, too"),
    ("vpc: {id: vpc-0a1b2c3d}", "vpc.id", "needs account and region, outside of `vpc`"),
    ("{region: eu-central-1, vpc: {id: vpc-0a1b2c3d}}", "vpc.id", "needs account, outside"),
    (f"vpc: {{id: vpc-0a1b2c3d, {SUBNETS}}}", "vpc.private_subnet_ids", "cidr, availability_zones are missing beside"),
    (
        "{region: us-east-1, account: '123456789012', "
        "vpc: {id: vpc-0a1b2c3d, public_subnet_ids: [subnet-2a1b2c3d, subnet-3a1b2c3d]}}",
        "vpc.public_subnet_ids",
        "cidr, availability_zones, private_subnet_ids are missing beside public_subnet_ids",
    ),
    (
        f"vpc: {{{GIVEN.replace('subnet-1a1b2c3d', 'subnet-1a1b2c3d, subnet-2a1b2c3d')}}}",
        "vpc.private_subnet_ids",
        "3 subnets cannot be as many in each of 2 availability zones",
    ),
    (f"{{region: us-east-1, vpc: {{{GIVEN}}}}}", "vpc.availability_zones[0]", "eu-central-1a is not of the region"),
    ("endpoint: {internet_facing: true}", "endpoint.internet_facing", "internet_facing needs allowed_cidrs"),
    (
        f"{{vpc: {{{GIVEN}}}, endpoint: {{internet_facing: true, allowed_cidrs: [0.0.0.0/0]}}}}",
        "endpoint.internet_facing",
        "internet_facing needs public_subnet_ids in `vpc`",
    ),
    ("endpoint: {jwt: {issuer: a, jwks_uri: https://a}}", "endpoint.jwt", "jwt needs certificate_arns"),
    (
        f"{{region: us-east-1, endpoint: {{certificate_arns: ['{CERTIFICATE}']}}}}",
        "endpoint.certificate_arns[0]",
        "it is of the region eu-central-1, the cluster of us-east-1",
    ),
    (f"{{region: eu-central-1, endpoint: {{web_acl_arn: '{WEB_ACL}'}}}}", "endpoint.web_acl_arn", "of the region us-"),
    (f"tags: {{{', '.join(f'a{n}: b' for n in range(rules.MAX_TAGS + 1))}}}", "tags", "26 tags, at most 25"),
]


@pytest.mark.parametrize(("content", "key", "words"), BROKEN)
def test_broken(folder, content, key, words):
    problem, *rest = folder.problems(content)
    assert problem.key == key
    assert words in problem.message
    assert problem.line == 1
    assert all(words.split()[-1] in other.message or "is not of the region" in other.message for other in rest)


def test_rules_run_whatever_else_is_wrong(folder):
    problems = folder.problems("""\
        region: Frankfurt
        instance_groups:
          - min_instances: 5
            max_instances: 1
            volume: 3
          - instance_types: [m5.tiny, 7]
            name: 1
        endpoint:
          internet_facing: true
          host_name: 7
        nothing: {}
        """)
    assert [(problem.line, problem.key) for problem in problems] == [
        (1, "region"),
        (3, "instance_groups[0].instance_types"),
        (3, "instance_groups[0].min_instances"),
        (5, "instance_groups[0].volume"),
        (6, "instance_groups[1].instance_types[1]"),
        (7, "instance_groups[1].name"),
        (9, "endpoint.internet_facing"),
        (10, "endpoint.host_name"),
        (11, "nothing"),
    ]


@pytest.mark.parametrize(
    ("content", "key", "hint"),
    [
        ("regoin: a", "regoin", "did you mean `region`?"),
        ("spot: true", "spot", "write it in an entry of `instance_groups`"),
        ("instance_type: m5.large", "instance_type", "write `instance_types: [...]` in an entry of `instance_groups`"),
        ("ssl_certificate_arn: a", "ssl_certificate_arn", "write `certificate_arns: [...]` in `endpoint`"),
        ("host_name: a.bc", "host_name", "it belongs in `endpoint`; check the indentation"),
        ("endpoint: {region: a}", "endpoint.region", "it belongs in the file itself, outside of any section; check "),
        ("endpoint: {issuer: a}", "endpoint.issuer", "it belongs in `endpoint.jwt`; check the indentation"),
        (group(f"{GROUP}, instance_type: a"), "instance_groups[0].instance_type", "here it is the list"),
        (group(f"{GROUP}, volumeGib: 1"), "instance_groups[0].volumeGib", "did you mean `volume_gib`?"),
        (
            group(f"{GROUP}, capacities: {{m5.large: {{vcpus: 2, memory_mib: 1, cpus: 3}}}}"),
            'instance_groups[0].capacities["m5.large"].cpus',
            "did you mean `vcpus`?",
        ),
    ],
)
def test_unknown_keys(folder, content, key, hint):
    problem = folder.problem(content)
    assert (problem.key, problem.message) == (key, "unknown key")
    assert (problem.hint or "").startswith(hint)


def test_hints_about_other_versions_are_about_keys_that_are_not_here():
    for section, hints in OTHER_VERSIONS.items():
        assert not set(hints) & set(FORMAT.keys[section])


def test_hints_name_keys_that_are_here():
    every = {key for keys in FORMAT.keys.values() for key in keys} | {"gpu", "true", "false"}
    for hints in OTHER_VERSIONS.values():
        for hint in hints.values():
            named = [part.partition(":")[0] for part in hint.split("`")[1::2]]
            assert {name for name in named if "(" not in name} <= every, hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "found a list"),
        ("cortex", 'found "cortex"'),
        ("null", "null is not allowed"),
        ("a: [", "not valid YAML"),
        ("a: 1\n---\nb: 1", "a second YAML document begins here"),
        ("region: a\nregion: b", "the same key twice"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_what_is_no_map(folder, content, words):
    assert any(words in problem.message for problem in folder.problems(content))
