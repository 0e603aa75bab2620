"""An app whose dashboards, alarms and saved queries are looked at, and what its parts really send to CloudWatch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_sns as sns

from cortex_cdk.autoscaling import Decision, History, Observation, Rule, Step
from cortex_cdk.constructs import AlarmOptions, ApiAlarms, ApiImage, Cluster, ClusterAlarms, TensorFlowApi
from cortex_cdk.scaler import metrics as scaler_metrics
from cortex_cdk.scaler.settings import Settings
from cortex_cdk.scaler.tick import Scaler
from cortex_cdk.spec import ApiSpec
from cortex_cdk.spec.model import TrackerSpec
from cortex_runtime import embedded_metrics
from cortex_runtime.load import LoadReport
from tests.constructs.conftest import GROUPS, PINNED, imported_cluster
from tests.support.api_specs import api_spec
from tests.support.aws import NEW, FakeAws
from tests.support.cloud_template import Template
from tests.support.deployed import ACCOUNT, REGION, Deployed
from tests.support.metric_store import MetricStore

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:theirs"
PAGE = "https://docs.example.com/operations"
NAMESPACE = "Team/Models"
APIS = ("plain", "numbers", "bare")


def tracked(spec: ApiSpec, model_type: Any) -> ApiSpec:
    return replace(spec, tracker=TrackerSpec(model_type, None))


@pytest.fixture(scope="session")
def deployed(project: Path) -> Deployed:
    app = App()
    options: dict[str, Any] = {"image": ApiImage(project=project), "model": PINNED}

    def stack(name: str) -> Stack:
        return Stack(app, name, env=Environment(region=REGION))

    def api(spec: ApiSpec, cluster: Any, **more: Any) -> None:
        TensorFlowApi(stack(spec.name), "Api", cluster=cluster, spec=spec, **options | more)

    home = Cluster(
        stack("cluster"),
        "Cluster",
        instance_groups=GROUPS,
        metric_namespace=NAMESPACE,
        alarms=ClusterAlarms(emails=["on-call@example.com"]),
    )
    api(tracked(api_spec("plain", max_replicas=5, window="20s"), "classification"), home)
    api(tracked(api_spec("numbers", cpu="1", mem="2Gi", gpu=1), "regression"), home)
    changed = AlarmOptions(threshold=250, minutes=4, min_count=3)
    api(api_spec("bare"), home, alarms=ApiAlarms(latency=changed, server_errors=False, operations_page=PAGE))
    api(api_spec("off"), home, alarms=False, dashboard=False, queries=False)

    other = stack("other")
    mine = sns.Topic(other, "Mine")
    own = Cluster(
        other,
        "Cluster",
        alarms=ClusterAlarms(topic=mine, capacity_stuck=False, dead_letters=AlarmOptions(threshold=3)),
    )
    api(api_spec("there"), own)
    theirs = sns.Topic.from_topic_arn(other, "Theirs", TOPIC)
    api(api_spec("sent"), own, alarms=ApiAlarms(topic=theirs, latency=AlarmOptions(topic=mine)))
    Cluster(stack("silent"), "Cluster", alarms=False, dashboard=False, queries=False)
    api(api_spec("elsewhere"), imported_cluster(stack("importing")))
    return Deployed({made.stack_name: Template(made.template) for made in app.synth().stacks})


@pytest.fixture
def store() -> MetricStore:
    return MetricStore()


class Replicas:
    """Replicas of one API, which write their metrics as the runtime does, told what to do by its template."""

    def __init__(self, deployed: Deployed, api: str, store: MetricStore) -> None:
        containers = next(iter(deployed.all(api, "ECS::TaskDefinition").values()))["ContainerDefinitions"]
        (environment,) = [c["Environment"] for c in containers if c["Name"] == "api"]
        (document,) = [entry["Value"] for entry in environment if entry["Name"] == "CORTEX_SETTINGS"]
        settings = json.loads(document)
        reporting = settings["reporting"]
        self._names = {"cluster": reporting["cluster"], "namespace": reporting["metric_namespace"]}
        self.api: str = settings["api"]["name"]
        self.tracker: dict[str, Any] | None = settings["tracker"]
        self._store = store

    def report(
        self,
        bucket: int,
        *,
        requests: dict[str, int] | None = None,
        latency_s: list[float] | None = None,
        tracker: dict[str, Any] | None = None,
        replica: str = "r",
        dropped: int = 0,
    ) -> list[bytes]:
        """Take in what a replica writes about a bucket; the lines."""
        report = LoadReport(
            api=self.api,
            replica=replica,
            bucket=bucket,
            seconds=10.0,
            in_flight=1.0,
            in_flight_peak=2,
            requests=requests or {},
            tracker=tracker,
        )
        means = [(second, 1.0) for second in range(bucket, bucket + 10)]
        times = latency_s or []
        lines = list(embedded_metrics.lines(report, means, times, times, dropped=dropped, **self._names))
        for line in lines:
            self._store.log(line)
        return lines


class Ticks:
    """The scaler of a cluster, told what to do by its template, on services in memory."""

    def __init__(self, deployed: Deployed, stack: str, store: MetricStore) -> None:
        functions = deployed.all(stack, "Lambda::Function").values()
        (environment,) = [f["Environment"]["Variables"] for f in functions if "CORTEX_TABLE" in str(f)]
        self.fake = FakeAws()
        self.now = NEW
        self.lines: list[dict[str, Any]] = []
        self._store = store
        self.settings = replace(Settings.of_environment(environment), table="table", threads=2)
        self._scaler = Scaler(self.settings, self.fake.aws, clock=lambda: self.now, write=self._write)

    def _write(self, line: str) -> None:
        self._store.log(line)
        self.lines.append(json.loads(line))

    def minutes(self, count: int, **loads: float | None) -> None:
        """Ticks of so many minutes, with reports of APIs' loads before each."""
        for _ in range(6 * count):
            for api, load in loads.items():
                if load is not None:
                    self.fake.report(api, self.now - 5, load)
            self.now += 5
            self._scaler.tick()
            self.now += 5

    def close(self) -> None:
        self._scaler.close()


@pytest.fixture
def ticks(deployed: Deployed, store: MetricStore) -> Iterator[Ticks]:
    made = Ticks(deployed, "cluster", store)
    yield made
    made.close()


def held_by(rule: Rule) -> Decision:
    """A decision that a rule has made otherwise than the load asks for."""
    observation = Observation(replicas=1, average_in_flight=1.0)
    step = Step(rule, 1, 2, "because")
    return Decision(desired=1, valid=True, history=History(), observation=observation, recommendation=1, steps=(step,))


@pytest.fixture(scope="session")
def sent(deployed: Deployed) -> MetricStore:
    """Everything that the replicas of all APIs and the scaler can send."""
    store = MetricStore()
    for api in APIS:
        replicas = Replicas(deployed, api, store)
        kind = (replicas.tracker or {}).get("model_type")
        tracker = {
            None: None,
            "classification": {"classes": {"setosa": 2}},
            "regression": {"count": 2, "min": 1.0, "max": 3.0, "mean": 2.0},
        }[kind]
        codes = {"200": 5, "404": 1, "500": 1, "503": 1}
        replicas.report(int(NEW), requests=codes, latency_s=[0.1], tracker=tracker, dropped=1)
    made = Ticks(deployed, "cluster", store)
    for api in APIS:
        made.fake.add_service(api)
    made.minutes(1, **dict.fromkeys(APIS, 1.0))
    made.close()
    for api in APIS:
        for rule in Rule:
            values = scaler_metrics.of_decision(held_by(rule), 1.0, 1)
            names = {"Cluster": made.settings.cluster_name, "Api": api}
            store.log(scaler_metrics.line("info", "", NEW, made.settings.namespace, names, values, {}))
    return store
