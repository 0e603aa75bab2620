"""The commands about a deployment, with boto3, against a server of AWS's protocols."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.operations.conftest import IRIS_TASK, OTHER_TASK
from tests.support.cli import PROGRAM, Result, call
from tests.support.deployment import DASHBOARD, Deployment
from tests.support.http_server import fake_api

pytestmark = pytest.mark.xdist_group("operations")


def ran(account: Deployment, tmp_path: Path, *arguments: str) -> Result:
    result = call(*arguments, "--cluster", account.stack, cwd=tmp_path)
    assert (result.code, result.err) == (0, ""), result.err
    return result


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


def failed(tmp_path: Path, *arguments: str) -> str:
    result = call(*arguments, cwd=tmp_path)
    assert (result.code, result.raw) == (1, b"")
    assert result.err.count("\n") == 1
    return result.err.strip()


def started(command: list[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_get_all(account: Deployment, tmp_path: Path) -> None:
    account.report("iris", 3.25)
    account.report("iris", 1.5, replica="ip-10-0-0-2")
    lines = ran(account, tmp_path, "get").out.splitlines()
    assert " ".join(lines[0].split()) == "api status ready requested in flight 2xx 4xx 5xx p50 p99 updated"
    assert " ".join(lines[2].split()).startswith("iris updating 0 2 4.75 12 - 1 120 ms 500 ms ")
    assert " ".join(lines[3].split()).startswith("other updating 0 1 - - - - - - ")
    dashboard = f"dashboard: {DASHBOARD}{account.stack}"
    assert lines[4:] == ["other: the scaler has not decided yet", dashboard]


def test_get_one(account: Deployment, tmp_path: Path) -> None:
    out = ran(account, tmp_path, "get", "iris").out
    assert "http://models.example.com/v1/iris" in out
    assert f"{DASHBOARD}{account.stack}-iris" in out
    assert "1 to 9 replicas, target 1 in flight per replica" in out
    assert out.index("setosa              7") < out.index("virginica           3")
    assert "Scale up from 2 to 5 replicas." in out
    assert "curl http://models.example.com/v1/iris -H 'Content-Type: application/json' -d @sample.json" in out
    assert "other" not in out


def test_get_as_json(account: Deployment, tmp_path: Path) -> None:
    document = json.loads(ran(account, tmp_path, "get", "iris", "--json", "--since", "5m").out)
    assert (document["cluster"], document["region"]) == (account.stack, "us-east-1")
    assert document["dashboard"] == DASHBOARD + account.stack
    (iris,) = document["apis"]
    assert iris["dashboard"] == f"{DASHBOARD}{account.stack}-iris"
    assert iris["traffic"] == {
        "window_s": 300,
        "requests": {"2xx": 12, "4xx": 0, "5xx": 1},
        "latency_ms": {"p50": 120.0, "p90": 500.0, "p99": 500.0},
        "classes": {"setosa": 7, "virginica": 3},
        "regression": None,
    }
    assert iris["scaler"]["last"]["desired"] == 5
    assert [one["name"] for one in json.loads(ran(account, tmp_path, "get", "--json").out)["apis"]] == ["iris", "other"]


def test_an_api_whose_stack_has_another_name_has_no_dashboard(account: Deployment, tmp_path: Path) -> None:
    (other,) = json.loads(ran(account, tmp_path, "get", "other", "--json").out)["apis"]
    assert other["dashboard"] is None
    assert "dashboard" not in ran(account, tmp_path, "get", "other").out


def test_watching_prints_a_line_at_a_time_until_it_is_interrupted(account: Deployment, tmp_path: Path) -> None:
    command = [PROGRAM, "get", "--watch", "--json", "--cluster", account.stack]
    process = started(command, tmp_path)
    assert process.stdout is not None
    documents = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert documents[0]["time"] < documents[1]["time"]
    assert all([api["name"] for api in one["apis"]] == ["iris", "other"] for one in documents)


def test_logs_of_all_replicas_in_the_order_of_time(account: Deployment, tmp_path: Path) -> None:
    lines = ran(account, tmp_path, "logs", "iris").out.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "1a1a1a1a  serve       model loaded",
        "1a1a1a1a  api         worker 1  POST /v1/iris 200  request_id=r0",
        "1a1a1a1a  api         worker 1  POST /v1/iris 200  request_id=r1",
        "2b2b2b2b  api         worker 1  POST /v1/iris 200  request_id=r9",
        "1a1a1a1a  api         worker 1  POST /v1/iris 200  request_id=r2",
    ]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--replica", "2b2b"], ["r9"]),
        (["--container", "api"], ["r0", "r1", "r9", "r2"]),
        (["--container", "api", "--replica", IRIS_TASK], ["r0", "r1", "r2"]),
        (["--container", "serve"], [None]),
        (["--replica", "2b", "--metrics"], ["r9", None]),
        (["--replica", "2b", "--since", "1h"], [None, "r9"]),
    ],
)
def test_parts_of_logs(account: Deployment, tmp_path: Path, options: list[str], ids: list[str | None]) -> None:
    found = objects(ran(account, tmp_path, "logs", "iris", "--json", *options))
    assert [one["log"].get("request_id") if isinstance(one["log"], dict) else None for one in found] == ids
    assert {one["replica"] for one in found} <= {IRIS_TASK, OTHER_TASK}


def test_logs_of_a_replica_that_is_not_there(account: Deployment, tmp_path: Path) -> None:
    result = call("logs", "iris", "--replica", "77", "--cluster", account.stack, cwd=tmp_path)
    assert (result.code, result.raw) == (0, b"")
    assert result.err == "replica 77 of iris has written nothing within 10m; --since looks further back\n"


def test_following_shows_what_comes_each_line_once_also_of_new_replicas(account: Deployment, tmp_path: Path) -> None:
    home = Deployment(account.server)
    home.add_api("iris")
    command = [PROGRAM, "logs", "iris", "--follow", "--json", "--since", "5m", "--cluster", home.stack]
    process = started(command, tmp_path)
    found: list[dict[str, Any]] = []
    assert process.stdout is not None
    out = process.stdout
    reader = threading.Thread(target=lambda: found.extend(json.loads(line) for line in out), daemon=True)
    reader.start()
    sent = 0
    for round_ in range(6):
        task = f"{round_ // 2:x}" * 32
        home.log_of("iris", task, [(time.time(), f'{{"message":"m{number}"}}') for number in range(sent, sent + 3)])
        sent += 3
        time.sleep(1)
    home.log_of("iris", "9" * 32, [(time.time() - 20, '{"message":"late"}')])
    end = time.monotonic() + 60
    while len(found) < sent + 1 and time.monotonic() < end:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    reader.join(60)
    assert process.stderr is not None
    assert (process.returncode, process.stderr.read()) == (0, "")
    shown = [one["log"]["message"] for one in found]
    assert sorted(shown) == sorted([*(f"m{number}" for number in range(sent)), "late"])
    assert [one for one in shown if one != "late"] == [f"m{number}" for number in range(sent)]


def test_explain_the_last_hour(account: Deployment, tmp_path: Path) -> None:
    lines = ran(account, tmp_path, "explain", "iris").out.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(": Scale up from 2 to 5 replicas.")
    assert lines[1].startswith("  load:            5 requests in flight on average over 10 s")
    assert lines[1].endswith("-> 5")


def test_explain_a_moment(account: Deployment, tmp_path: Path) -> None:
    began = datetime.fromtimestamp(account.began)
    before = (began - timedelta(seconds=50)).isoformat(timespec="seconds")
    (found,) = objects(ran(account, tmp_path, "explain", "iris", "--at", before, "--json"))
    assert (found["requested"], found["desired"], found["words"][0]) == (2, 2, "Keep 2 replicas.")
    (later,) = objects(ran(account, tmp_path, "explain", "iris", "--at", f"{began:%H:%M:%S}", "--json"))
    assert (later["desired"], later["result"], later["in_flight"]) == (5, "updated", 5.0)
    nothing = failed(tmp_path, "explain", "iris", "--at", "2h", "--cluster", account.stack)
    assert "the scaler did not decide about iris in the minute before" in nothing


def test_explain_what_has_no_decision(account: Deployment, tmp_path: Path) -> None:
    message = failed(tmp_path, "explain", "other", "--since", "5m", "--cluster", account.stack)
    assert message == "error: the scaler has not decided about other within 5m; --since looks further back"


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain"],
        ["explain", "iris", "--simulation", "x"],
        ["explain", "iris", "--policy", "hpa"],
        ["explain", "iris", "--changes", "--at", "1m"],
        ["explain", "iris", "--at", "soon"],
        ["explain", "iris", "--since", "0s"],
        ["get", "--since", "2d"],
        ["get", "--since", "x"],
        ["logs", "iris", "--container", "web"],
    ],
)
def test_wrong_usage(account: Deployment, tmp_path: Path, arguments: list[str]) -> None:
    result = call(*arguments, "--cluster", account.stack, cwd=tmp_path)
    assert (result.code, result.raw) == (2, b"")


@pytest.mark.parametrize("command", [["get"], ["logs"], ["explain"], ["predict", "-", "--deployed"]])
def test_an_api_that_is_not_there(account: Deployment, tmp_path: Path, command: list[str]) -> None:
    name, *rest = command
    message = call(name, "iri", *rest, "--cluster", account.stack, cwd=tmp_path, stdin=b"1").err
    assert message == f"error: the cluster {account.stack} in us-east-1 has no API iri; did you mean iris?\n"
    assert "it has iris, other" in call(name, "zebra", *rest, "--cluster", account.stack, cwd=tmp_path, stdin=b"1").err


def test_a_stack_that_is_not_there(account: Deployment, tmp_path: Path) -> None:
    message = failed(tmp_path, "get")
    assert message.startswith("error: there is no stack cortex in us-east-1; deploy it (`cdk deploy --all`)")
    (tmp_path / "cluster.yaml").write_text("cluster_name: mine\nregion: eu-west-1\n")
    assert failed(tmp_path, "get").startswith("error: there is no stack mine in eu-west-1;")
    assert failed(tmp_path, "get", "--region", "eu-west-2").startswith("error: there is no stack mine in eu-west-2;")


def test_a_stack_without_a_cluster(account: Deployment, tmp_path: Path) -> None:
    template = {"Resources": {"Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {}}}}
    account.client("cloudformation").create_stack(StackName="plain", TemplateBody=json.dumps(template))
    assert "the stack plain in us-east-1 (CREATE_COMPLETE) is no cluster of APIs" in failed(
        tmp_path, "get", "--cluster", "plain"
    )


def test_a_cluster_without_apis(account: Deployment, tmp_path: Path) -> None:
    empty = Deployment(account.server)
    assert ran(empty, tmp_path, "get").out.startswith(f"the cluster {empty.stack} in us-east-1 has no APIs; deploy")
    assert "has no APIs; deploy them" in failed(tmp_path, "logs", "iris", "--cluster", empty.stack)


def test_without_credentials(account: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert failed(tmp_path, "get").startswith("error: no AWS credentials were found; run `aws configure`")


def test_an_endpoint_that_does_not_answer(account: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert failed(tmp_path, "get").startswith("error: cannot reach CloudFormation at http://127.0.0.1:9; check")


def test_top_as_json(account: Deployment, tmp_path: Path) -> None:
    account.report("iris", 3.25)
    document = json.loads(ran(account, tmp_path, "top", "--json").out)
    assert (document["source"], document["window"]) == (f"{account.stack} in us-east-1", "5 min")
    iris, other = document["apis"]
    assert (iris["name"], other["name"]) == ("iris", "other")
    assert (iris["status"], iris["in_flight"]) == ("updating", 3.25)
    assert (iris["replicas"]["ready"], iris["replicas"]["requested"]) == (0, 2)
    assert iris["latency_ms"] == {"p50": 120.0, "p99": 500.0}


def test_top_needs_a_terminal(account: Deployment, tmp_path: Path) -> None:
    assert failed(tmp_path, "top").startswith("error: top needs a terminal; programs read")


def test_predict_asks_the_deployed_api(account: Deployment, tmp_path: Path) -> None:
    with fake_api() as api:
        home = Deployment(account.server, url=api.url)
        home.add_api("iris")
        api.body = b'"setosa"'
        result = call("predict", "iris", "-", "--deployed", "--cluster", home.stack, cwd=tmp_path, stdin=b"[1]")
        assert (result.code, result.out) == (0, '"setosa"\n')
        assert (api.asked[0].path, api.asked[0].body) == ("/v1/iris", b"[1]")
        # The name of a cluster says enough, and a forwarded port has the same endpoint.
        call("predict", "iris", "-", "--cluster", account.stack, "--url", api.url, cwd=tmp_path, stdin=b"[2]")
        assert (api.asked[1].path, api.asked[1].body) == ("/v1/iris", b"[2]")


def test_an_internal_load_balancer_that_cannot_be_reached(account: Deployment, tmp_path: Path) -> None:
    home = Deployment(account.server, url="http://internal-lb.localhost:9")
    home.add_api("iris")
    message = call("predict", "iris", "-", "--cluster", home.stack, cwd=tmp_path, stdin=b"1").err
    assert "its load balancer is internal, reached from its VPC alone; connect by VPN, or forward a port" in message
    assert "host=internal-lb.localhost,portNumber=9,localPortNumber=8081" in message
    public = Deployment(account.server, url="http://lb.localhost:9")
    public.add_api("iris")
    message = call("predict", "iris", "-", "--cluster", public.stack, cwd=tmp_path, stdin=b"1").err
    assert "takes connections from the addresses in `allowed_cidrs` alone" in message
