"""Every key of cluster.yaml: its default, what it accepts, what it refuses."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cortex_cdk.spec.cluster import (
    AlarmSpec,
    AlarmsSpec,
    ClusterSpec,
    EndpointSpec,
    InstanceCapacity,
    InstanceGroup,
    JwtVerification,
    VpcSpec,
    check,
)
from cortex_cdk.spec.cluster.document import FORMAT
from tests.spec.cluster.conftest import CERTIFICATE

API_ALARMS = {
    name: AlarmSpec()
    for name in (
        *("server_errors", "latency", "unhealthy_replicas"),
        *("at_max_replicas", "no_load_reports", "deployment_failed"),
    )
}
CLUSTER_ALARMS = {name: AlarmSpec() for name in ("scaler_stopped", "scaler_errors", "dead_letters", "capacity_stuck")}
DEFAULTS = ClusterSpec(
    cluster_name="cortex",
    account=None,
    region=None,
    instance_groups=(InstanceGroup(instance_types=("m5.large",)),),
    vpc=None,
    endpoint=EndpointSpec(
        internet_facing=False,
        allowed_cidrs=(),
        certificate_arns=(),
        host_name=None,
        jwt=None,
        web_acl_arn=None,
        access_logs=True,
        request_timeout=timedelta(seconds=60),
    ),
    alarms=AlarmsSpec(
        enabled=True,
        emails=(),
        topic_arn=None,
        operations_page="docs/operations.md",
        of_cluster=CLUSTER_ALARMS,
        of_apis=API_ALARMS,
        of_single_apis={},
    ),
    dashboards=True,
    log_retention_days=30,
    removal_policy="retain",
    tags={},
)
TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call"
SENT = AlarmSpec(threshold=2.5, minutes=3, min_count=20, topic_arn=TOPIC)
WEB_ACL = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/mine/0a1b"


@pytest.mark.parametrize("content", ["", "# nothing\n", "{}", "endpoint: {}\nalarms: {}\ntags: {}\n"])
def test_all_defaults(folder, content):
    assert folder.spec(content) == DEFAULTS


def test_without_a_file(tmp_path):
    assert check(tmp_path / "cluster.yaml") == (DEFAULTS, [])


def test_a_link_to_nothing_is_no_absent_file(tmp_path):
    (tmp_path / "cluster.yaml").symlink_to(tmp_path / "gone")
    spec, (problem,) = check(tmp_path / "cluster.yaml")
    assert spec is None
    assert "cannot be read: No such file" in problem.message


def test_a_folder_of_that_name(tmp_path):
    (tmp_path / "cluster.yaml").mkdir()
    assert "Is a directory" in check(tmp_path / "cluster.yaml")[1][0].message


def test_everything(folder):
    spec = folder.spec(f"""\
        cluster_name: Search-2
        region: eu-central-1
        account: "012345678901"
        instance_groups:
          - instance_types: [m5.large, m99.large]
            capacities: {{m99.large: {{vcpus: 2, memory_mib: 8192}}}}
          - name: gpu
            instance_types: [g5.xlarge]
            min_instances: 1
            max_instances: 4
            spot: true
            on_demand_base: 1
            volume_gib: 200
        vpc:
          id: vpc-0a1b2c3d4e5f60718
          cidr: 10.0.0.0/16
          availability_zones: [eu-central-1a, eu-central-1b]
          private_subnet_ids: [subnet-0a1b2c3d, subnet-1a1b2c3d]
          public_subnet_ids: [subnet-2a1b2c3d, subnet-3a1b2c3d]
        endpoint:
          internet_facing: true
          allowed_cidrs: [203.0.113.0/24, 198.51.100.7/32]
          certificate_arns: ["{CERTIFICATE}"]
          host_name: api.example.com
          jwt: {{issuer: https://a.example, jwks_uri: https://a.example/keys}}
          web_acl_arn: {WEB_ACL}
          access_logs: my-logs
          request_timeout: 2m30s
        alarms:
          emails: [on-call@example.com]
          operations_page: https://wiki.example.com/on-call
          server_errors: {{threshold: 2.5, minutes: 3, min_count: 20, topic_arn: "{TOPIC}"}}
          dead_letters: {{enabled: false}}
          apis: {{my-api: {{latency: {{threshold: 800}}}}}}
        dashboards: false
        log_retention_days: 365
        removal_policy: destroy
        tags: {{team: search, "cost center": "1234"}}
        """)
    assert spec == ClusterSpec(
        cluster_name="Search-2",
        account="012345678901",
        region="eu-central-1",
        instance_groups=(
            InstanceGroup(
                instance_types=("m5.large", "m99.large"), capacities={"m99.large": InstanceCapacity(2, 8192)}
            ),
            InstanceGroup(
                name="gpu",
                instance_types=("g5.xlarge",),
                min_instances=1,
                max_instances=4,
                spot=True,
                on_demand_base=1,
                volume_gib=200,
            ),
        ),
        vpc=VpcSpec(
            id="vpc-0a1b2c3d4e5f60718",
            cidr="10.0.0.0/16",
            availability_zones=("eu-central-1a", "eu-central-1b"),
            private_subnet_ids=("subnet-0a1b2c3d", "subnet-1a1b2c3d"),
            public_subnet_ids=("subnet-2a1b2c3d", "subnet-3a1b2c3d"),
        ),
        endpoint=EndpointSpec(
            internet_facing=True,
            allowed_cidrs=("203.0.113.0/24", "198.51.100.7/32"),
            certificate_arns=(CERTIFICATE,),
            host_name="api.example.com",
            jwt=JwtVerification(issuer="https://a.example", jwks_uri="https://a.example/keys"),
            web_acl_arn=WEB_ACL,
            access_logs="my-logs",
            request_timeout=timedelta(seconds=150),
        ),
        alarms=AlarmsSpec(
            enabled=True,
            emails=("on-call@example.com",),
            topic_arn=None,
            operations_page="https://wiki.example.com/on-call",
            of_cluster=CLUSTER_ALARMS | {"dead_letters": AlarmSpec(enabled=False)},
            of_apis=API_ALARMS | {"server_errors": SENT},
            of_single_apis={"my-api": API_ALARMS | {"server_errors": SENT, "latency": AlarmSpec(threshold=800)}},
        ),
        dashboards=False,
        log_retention_days=365,
        removal_policy="destroy",
        tags={"team": "search", "cost center": "1234"},
    )


ACCEPTED = [
    *[("cluster_name", name) for name in ["a", "A", "my-Cluster-2", "a" * 60]],
    *[("region", name) for name in ["us-east-1", "us-gov-west-1", "ap-southeast-12", "eusc-de-east-1"]],
    *[("instance_groups.name", name) for name in ["a", "GPU_1-b", "a" * 64]],
    *[("instance_groups.instance_types", types) for types in ["[m5.large]", "[c7i-flex.xlarge, c6i.32xlarge]"]],
    *[("instance_groups.min_instances", "0"), ("instance_groups.max_instances", "1"), ("instance_groups.spot", "yes")],
    ("instance_groups.volume_gib", "30"),
    *[("instance_groups.capacities.gpus", "0"), ("instance_groups.capacities.vcpus", "1")],
    *[("endpoint.allowed_cidrs", cidrs) for cidrs in ["[]", "[0.0.0.0/0]", "[10.0.0.0/8, 10.1.2.3/32]"]],
    *[("endpoint.certificate_arns", f"[{CERTIFICATE.replace('aws:', part)}]") for part in ["aws:", "aws-us-gov:"]],
    *[("endpoint.host_name", name) for name in ["a.bc", "API.example.co.uk", "x--y.example.com"]],
    *[("endpoint.access_logs", value) for value in ["true", "false", "my.bucket-1"]],
    *[("endpoint.request_timeout", value) for value in ["1s", "4000s", "1h6m40s", "90s"]],
    *[("alarms.emails", value) for value in ["[]", "[a@b.cd, a.b+c@d-e.example.com]"]],
    *[("alarms.topic_arn", arn) for arn in [TOPIC, "arn:aws-us-gov:sns:us-gov-west-1:123456789012:A_b-1"]],
    *[("alarms.operations_page", page) for page in ["docs/on-call.md", "http://wiki/on-call?a=b", "a" * 256]],
    *[("alarms.enabled", word) for word in ["true", "off"]],
    *[("alarms.latency.threshold", value) for value in ["0", "0.5", "800", "1e6"]],
    *[("alarms.apis.server_errors.threshold", value) for value in ["0", "100"]],
    *[("alarms.scaler_stopped.minutes", value) for value in ["1", "1440"]],
    *[("alarms.server_errors.min_count", value) for value in ["1", "1000000"]],
    *[("alarms.apis", "{}"), ("alarms.apis.latency", "{}"), ("alarms.deployment_failed", "{enabled: false}")],
    *[("log_retention_days", days) for days in ["1", "731", "3653"]],
    *[("removal_policy", word) for word in ["retain", "destroy"]],
    *[("dashboards", word) for word in ["true", "off"]],
    *[("tags", value) for value in ["{}", '{"a b+-=._:/@c": ""}', "{awsome: x, Cortex: y}"]],
]


@pytest.mark.parametrize(("key", "written"), ACCEPTED)
def test_accepted(folder, key, written):
    folder.spec(folder.with_key(key, written))


REFUSED = [
    *[("cluster_name", name) for name in ["1a", "-a", "a-", "a_b", "a.b", '""', "a" * 61, "1", "on"]],
    *[("region", name) for name in ["eu-central-1a", "Frankfurt", "eu_central_1", "EU-central-1", "1", '""', "[a]"]],
    *[("account", number) for number in ["123456789012", '"12345678901"', '"1234567890123"', "my-account"]],
    *[("instance_groups", value) for value in ["{}", "m5.large", "[]", "[m5.large]", "[[]]"]],
    *[("instance_groups.name", name) for name in ['""', "a/b", "a b", "a" * 65, "1"]],
    *[("instance_groups.instance_types", value) for value in ["m5.large", "[]", "[m5]", "[1]", "[M5.large]", "{}"]],
    *[("instance_groups.instance_types", value) for value in ["[m5.large, m5.large]", "[m5.large, null]"]],
    *[("instance_groups.min_instances", value) for value in ["-1", "1.0", '"1"', "true"]],
    *[("instance_groups.max_instances", value) for value in ["0", "-1", "1.0"]],
    *[("instance_groups.spot", value) for value in ['"yes"', "1", "maybe"]],
    *[("instance_groups.on_demand_base", value) for value in ["-1", "a"]],
    *[("instance_groups.volume_gib", value) for value in ["29", "100Gi"]],
    *[("instance_groups.capacities", value) for value in ["[]", "m5.large", "{m5.large: 2}"]],
    *[("instance_groups.capacities.vcpus", value) for value in ["0", "0.5"]],
    *[("instance_groups.capacities.memory_mib", value) for value in ["0", "8Gi"]],
    *[("instance_groups.capacities.gpus", value) for value in ["-1", "true"]],
    *[("vpc.id", value) for value in ["vpc-1", "vpc-XYZ45678", "subnet-0a1b2c3d", "1"]],
    *[("vpc.cidr", value) for value in ["10.0.0.0/8", "10.0.0.0/29", "10.0.0.0", "10.0.0.1/16", '"::/64"', "1"]],
    *[("vpc.availability_zones", value) for value in ["[]", "[eu-central-1a]", "[a, b]", "eu-central-1a"]],
    *[("vpc.private_subnet_ids", value) for value in ["[]", "[subnet-0a1b2c3d]", "[a, b]", "subnet-0a1b2c3d"]],
    *[("vpc.public_subnet_ids", value) for value in ["[]", "[subnet-0a1b2c3d]", "[a, b]", "subnet-0a1b2c3d"]],
    *[("endpoint.internet_facing", value) for value in ['"true"', "1", "internal"]],
    *[("endpoint.allowed_cidrs", value) for value in ["10.0.0.0/8", "[10.0.0.1]", "[10.0.0.1/8]", "[10.0.0.0/33]"]],
    *[("endpoint.allowed_cidrs", value) for value in ["[256.0.0.0/8]", '["::/0"]', "[1]", "[a, a]", "[null]"]],
    *[("endpoint.certificate_arns", value) for value in [CERTIFICATE, "[a]", f"[{WEB_ACL}]", "[arn:aws:acm:::x]"]],
    *[("endpoint.host_name", value) for value in ["api", "https://api.example.com", "a..b", "-a.bc", '"a.b c"', "1.2"]],
    *[("endpoint.jwt.issuer", value) for value in ['""', '"a b"', "1", "a" * 257]],
    *[("endpoint.jwt.jwks_uri", value) for value in ["http://a.example", "a", "https://", "1"]],
    *[("endpoint.web_acl_arn", value) for value in [CERTIFICATE, WEB_ACL.replace("regional", "global"), "a"]],
    *[("endpoint.access_logs", value) for value in ["1", "My_Bucket", '"yes"', "a", "[]"]],
    *[("endpoint.request_timeout", value) for value in ["0s", "60", "4001s", "1500ms", "-1s", "a"]],
    *[("alarms.emails", value) for value in ["a@b.cd", "[a]", "[a@b]", "['a b@c.de']", "[a@b.cd, a@b.cd]"]],
    *[("alarms.topic_arn", arn) for arn in ["on-call", f"{TOPIC}.fifo", f"{TOPIC}:{'a' * 36}", f"[{TOPIC}]", "1"]],
    *[("alarms.operations_page", page) for page in ['""', '"a b"', '"page#top"', "a" * 257, "1"]],
    *[("alarms.enabled", value) for value in ['"no"', "0"]],
    *[("alarms.latency.enabled", value) for value in ['"true"', "1"]],
    *[("alarms.latency.threshold", value) for value in ["-1", '"800"', "true", ".inf", ".nan", "1s"]],
    *[("alarms.latency.minutes", value) for value in ["0", "1441", "1.0", '"5"', "5m"]],
    *[("alarms.latency.min_count", value) for value in ["0", "-1", "1.0", "true"]],
    *[("alarms.apis.latency.threshold", value) for value in ["-1", "[800]"]],
    *[("alarms.apis.latency.topic_arn", value) for value in ["on-call", f"[{TOPIC}]"]],
    *[("alarms.apis", value) for value in ["[]", "my-api", "{my-api: 800}", "[my-api]"]],
    *[("log_retention_days", value) for value in ["0", "2", "31", "4000", "30.0", '"30"', "true", "1m"]],
    *[("removal_policy", value) for value in ["keep", "RETAIN", "1"]],
    *[("dashboards", value) for value in ["1", '"no"']],
    *[("tags", value) for value in ["[]", "{a: 1}", '{"": a}', '{"aws:a": b}', '{"cortex:a": b}', '{"a!": b}']],
    *[("tags", value) for value in ['{"cortex-cdk:cluster": b}', "{a: '?'}", f"{{{'a' * 129}: b}}"]],
]
# What JSON Schema cannot say.
BEYOND_THE_SCHEMA = {
    *[
        ("instance_groups.min_instances", "1.0"),
        ("instance_groups.max_instances", "1.0"),
        ("log_retention_days", "30.0"),
        ("alarms.latency.minutes", "1.0"),
        ("alarms.latency.min_count", "1.0"),
    ],
    *[("vpc.cidr", "10.0.0.1/16"), ("endpoint.allowed_cidrs", "[10.0.0.1/8]"), ("endpoint.access_logs", '"yes"')],
    *[("endpoint.request_timeout", value) for value in ["0s", "4001s", "1500ms"]],
}


@pytest.mark.parametrize(("key", "written"), REFUSED)
def test_refused(folder, key, written):
    text = folder.with_key(key, written)
    for problem in folder.problems(text):
        assert problem.api is None
        assert key.rpartition(".")[2] in (problem.key or "")
        assert problem.line is not None
        assert f"{key.rpartition('.')[2]}:" in text.splitlines()[problem.line - 1]
        assert problem.allowed or problem.hint
    assert folder.accepted_by_schema(text) == ((key, written) in BEYOND_THE_SCHEMA)


ALL_KEYS = [f"{section}.{key}" if section else key for section, keys in FORMAT.keys.items() for key in keys]


@pytest.mark.parametrize("key", ALL_KEYS)
@pytest.mark.parametrize("written", ["null", ""])
def test_null_is_refused_everywhere(folder, key, written):
    text = folder.with_key(key, written)
    problem = next(problem for problem in folder.problems(text) if problem.message == "null is not allowed")
    assert (problem.key or "").rpartition(".")[2] == key.rpartition(".")[2]
    assert problem.hint == "remove the key or give it a value"
    assert problem.allowed
    assert not folder.accepted_by_schema(text)


@pytest.mark.parametrize("key", [section for section in FORMAT.sections if section])
@pytest.mark.parametrize("written", ["a", "1", "true", "[a]"])
def test_sections_are_maps_or_lists_of_maps(folder, key, written):
    text = folder.with_key(key, written)
    assert all(key.rpartition(".")[2] in (problem.key or "") for problem in folder.problems(text))
    assert not folder.accepted_by_schema(text)


def test_required_keys(folder):
    problems = folder.problems("""\
        instance_groups: [{name: a, capacities: {m5.large: {}}}]
        vpc: {}
        endpoint: {jwt: {}}
        """)
    assert [(problem.key, problem.message) for problem in problems if problem.message.startswith("required")] == [
        ("instance_groups[0].instance_types", "required, but not there"),
        ('instance_groups[0].capacities["m5.large"].vcpus', "required, but not there"),
        ('instance_groups[0].capacities["m5.large"].memory_mib', "required, but not there"),
        ("vpc.id", "required, but not there"),
        ("endpoint.jwt.issuer", "required, but not there"),
        ("endpoint.jwt.jwks_uri", "required, but not there"),
    ]


@pytest.mark.parametrize(
    ("key", "written", "hint"),
    [
        ("region", "eu-central-1b", "that is a zone; write eu-central-1"),
        ("account", "123456789012", 'write it in quotes: "123456789012"'),
        ("instance_groups.instance_types", "m5.large", "write it as a list: [m5.large]"),
        ("instance_groups.spot", '"yes"', "write it without quotes"),
        ("endpoint.allowed_cidrs", "[198.51.100.7]", "write 198.51.100.7/32"),
        ("endpoint.allowed_cidrs", "[198.51.100.7/24]", "write 198.51.100.0/24"),
        ("endpoint.host_name", "https://api.example.com/v1", "write api.example.com"),
        ("endpoint.host_name", "api.example.com:443", "write api.example.com"),
        ("endpoint.request_timeout", "60", "write 60s for seconds"),
        ("endpoint.allowed_cidrs", "[10.0.0.0/8, 10.0.0.0/8]", "remove one of them"),
        ("log_retention_days", "31", "the next that is allowed is 60"),
        ("log_retention_days", "9999", "the next that is allowed is 3653"),
        ("log_retention_days", '"30"', "write 30"),
        ("alarms", "false", "write {enabled: false}"),
        ("alarms.at_max_replicas", "off", "write {enabled: false}"),
        ("alarms.apis.latency", "true", "write {enabled: true}"),
        ("alarms.apis", "false", None),
        ("tags", "false", None),
    ],
)
def test_what_to_do_about_it(folder, key, written, hint):
    assert folder.problem(folder.with_key(key, written)).hint == hint
