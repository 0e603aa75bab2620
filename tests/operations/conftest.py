"""A deployment on moto's server for all tests here: the server takes seconds to start."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.support.aws_server import aws_server
from tests.support.deployment import Deployment, percentiles

IRIS_TASK = "1a" * 16
OTHER_TASK = "2b" * 16


@pytest.fixture(scope="package")
def deployment() -> Iterator[Deployment]:
    """A cluster with the APIs ``iris`` and ``other``, with reports, decisions, metrics and logs of the first."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with percentiles(), aws_server() as server:
        made = Deployment(server)
        made.add_api("iris", tracker="classification", max_replicas=9)
        made.add_stack("iris")
        made.add_api("other", desired=1)
        now = made.began
        for minutes in range(3, 0, -1):
            made.decide("iris", 2, 2.0, at=now - 60 * minutes)
        made.decide("iris", 2, 5.0, at=now - 30, result="updated")
        made.count("iris", "Requests2xx", 12)
        made.count("iris", "Requests5xx", 1)
        for milliseconds in (100, 120, 500):
            made.count("iris", "Latency", milliseconds, "Milliseconds")
        made.count("iris", "Predictions", 7, Class="setosa")
        made.count("iris", "Predictions", 3, Class="virginica")
        record = '{"level":"info","message":"POST /v1/iris 200","worker":1,"request_id":"r%d"}'
        made.log_of("iris", IRIS_TASK, [(now - 20 + 2 * number, record % number) for number in range(3)])
        made.log_of("iris", IRIS_TASK, [(now - 25, "model loaded")], container="serve")
        made.log_of("iris", OTHER_TASK, [(now - 3000, '{"level":"info","message":"old"}'), (now - 17, record % 9)])
        made.log_of("iris", OTHER_TASK, [(now - 16, '{"message":"in flight","_aws":{}}')])
        yield made


@pytest.fixture
def account(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """The same, with the environment that leads there."""
    for name, value in deployment.server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    return deployment
