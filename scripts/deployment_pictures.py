"""Takes the pictures of the dashboards and of ``cortex-cdk top`` in docs/images: of an emulated deployment under load.

Needs Chromium, what `make deploy-emulated` needs (Debian, as root), and that nothing is deployed so. Takes a quarter of
an hour. Run it with ``python -m scripts.deployment_pictures``.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from playwright.sync_api import sync_playwright
from rich.console import Console

from cortex_cdk.cli.deployment import connect
from cortex_cdk.cli.top_cluster import ClusterSource
from cortex_cdk.cli.top_screen import State as Shown
from cortex_cdk.cli.top_screen import View, screen
from tests.emulator.harness import cdk, emulator, machine, projects
from tests.emulator.harness.cloud import CLUSTER_STACK, Api, Stack
from tests.emulator.harness.observer import Observer, wanted
from tests.support.dashboard_picture import draw
from tests.support.metric_store import MetricStore

IMAGES = machine.ROOT / "docs" / "images"
SAMPLE = json.loads((machine.ROOT / "examples/iris-classifier/sample.json").read_text())
MINUTE = 60

PREDICTOR = """
import random
import time

labels = ["setosa", "versicolor", "virginica"]


class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.client = tensorflow_client
        self.config = config

    def predict(self, payload):
        if random.random() < self.config["failing"]:
            raise RuntimeError("it fails now and then")
        time.sleep(random.gammavariate(4, self.config["mean_s"] / 4))
        return labels[int(self.client.predict(payload)["class_ids"][0])]
"""

APIS = {"iris-classifier": (0.2, 3), "iris-archive": (0.5, 2)}
"""The mean seconds of a request, and the most replicas."""

CLIENTS = {
    "iris-classifier": ((90, 1), (150, 5), (60, 7), (150, 2), (60, 1)),
    "iris-archive": ((150, 1), (120, 3), (240, 1)),
}
"""Seconds, and how many call one after the other."""


def main() -> None:
    """Deploy, call, look, draw, and remove it all."""
    emulator.up()
    try:
        cdk.bootstrap()
        projects.upload_iris()
        with tempfile.TemporaryDirectory() as folder:
            project = Path(folder)
            write(project, failing=0.0)
            cdk.deploy(project)
            apis = [Api(name) for name in APIS]
            for api in apis:
                api.wait_running(1)
            pictures(project, apis)
    finally:
        emulator.down()


def write(folder: Path, *, failing: float) -> None:
    """The project, whose first API fails with a probability."""
    (folder / "predictor.py").write_text(PREDICTOR)
    apis = [
        {
            "name": name,
            "predictor": {
                "type": "tensorflow",
                "path": "predictor.py",
                "model": f"s3://{projects.BUCKET}/iris-classifier",
                "config": {"mean_s": mean_s, "failing": failing if name == "iris-classifier" else 0.0},
            },
            "tracker": {"model_type": "classification"},
            "autoscaling": {
                "max_replicas": most,
                "window": "30s",
                "upscale_window": "10s",
                "downscale_stabilization_period": "1m",
            },
        }
        for name, (mean_s, most) in APIS.items()
    ]
    (folder / "cortex.yaml").write_text(yaml.safe_dump(apis, sort_keys=False))


def pictures(project: Path, apis: list[Api]) -> None:
    """Load, with a new release in its middle; then the pictures."""
    store = MetricStore()
    home = dashboard(CLUSTER_STACK)
    bodies = {api: dashboard(f"{CLUSTER_STACK}-{api.name}") for api in apis}
    start = int(time.time()) // MINUTE * MINUTE
    with Observer(store, bodies).watching(), calling(store, home, apis):
        time.sleep(200)
        top(IMAGES / "top.png")
        write(project, failing=0.03)
        cdk.deploy(project)
    time.sleep(2 * MINUTE)
    end = int(time.time()) // MINUTE * MINUTE
    take_logs(store)
    nobody = "not emulated: there are no instances"
    print(draw(home, store, start, end, IMAGES / "dashboard-cluster.png", nobody_sends=nobody))
    print(draw(bodies[apis[0]], store, start, end, IMAGES / "dashboard-api.png", nobody_sends=nobody))


def top(path: Path) -> None:
    """What ``cortex-cdk top`` shows in a terminal of 130 columns."""
    os.environ.update(emulator.environment())
    source = ClusterSource(connect(CLUSTER_STACK, None, None))
    shown = Shown(source.title, source.window, source.read(), known=True)
    console = Console(
        record=True, width=130, height=16, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(screen(shown, View(), console.width, console.height, time.time()))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.set_content(console.export_svg(title="cortex-cdk top"))
        page.locator("svg").screenshot(path=path)
        browser.close()


def dashboard(stack: str) -> dict[str, Any]:
    """The body of a stack's only dashboard."""
    name = Stack(stack).one("AWS::CloudWatch::Dashboard")
    body = emulator.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    return dict(json.loads(body))


def take_logs(store: MetricStore) -> None:
    """The metrics in all logs: those of replicas and of the scaler."""
    logs = emulator.client("logs")
    for stack in (CLUSTER_STACK, *(f"{CLUSTER_STACK}-{name}" for name in APIS)):
        for group in Stack(stack).resources("AWS::Logs::LogGroup"):
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
                for event in page["events"]:
                    if '"_aws"' in event["message"]:
                        store.log(event["message"])


@contextmanager
def calling(store: MetricStore, home: dict[str, Any], apis: list[Api]) -> Iterator[None]:
    """Callers of all APIs, who count what a load balancer would; the block ends when they have ended."""
    names = wanted(home)

    def count(name: str, value: float) -> None:
        store.put(names["AWS/ApplicationELB", name], time.time(), value)

    def call(api: Api, seconds: float) -> None:
        end = time.monotonic() + seconds
        with api.client() as client:
            while time.monotonic() < end:
                began = time.monotonic()
                payload = SAMPLE if random.random() > 1 / 50 else {"sepal_length": 5.2}
                try:
                    answer = client.post(f"/{api.name}", json=payload)
                except httpx.HTTPError:
                    count("HTTPCode_ELB_5XX_Count", 1)
                    continue
                count("RequestCount", 1)
                count("TargetResponseTime", time.monotonic() - began)
                if answer.status_code >= 500:
                    count("HTTPCode_Target_5XX_Count", 1)
                time.sleep(random.expovariate(10))

    def phases(api: Api) -> None:
        for seconds, clients in CLIENTS[api.name]:
            callers = [threading.Thread(target=call, args=(api, seconds)) for _ in range(clients)]
            count("ActiveConnectionCount", clients)
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.join()

    threads = [threading.Thread(target=phases, args=(api,)) for api in apis]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
