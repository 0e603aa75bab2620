"""The console of ``cortex-cdk serve`` with real processes: it shows what happens, and is in nobody's way."""

import asyncio
import contextlib
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from cortex_cdk.local.console import replica_side
from cortex_cdk.local.console.console import Console
from cortex_runtime.load import LoadReport
from tests.local.console.test_sampler import Replica
from tests.support.console import Events
from tests.support.replica import wait_until
from tests.support.serve import FLOWER, Serve, iris_project

HOLDING = """
import time
from pathlib import Path


class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        pass

    def predict(self, payload):
        while not Path("go").exists():
            time.sleep(0.01)
        return "gone"
"""

BROKEN = """
class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        raise RuntimeError("no <b>vocabulary</b>")

    def predict(self, payload):
        return 1
"""


@pytest.fixture
def shared(serve, model_server):
    """Starts ``serve`` with the session's model server."""
    return lambda project, *arguments: serve(project, "--model-server", model_server.address, *arguments)


def get(run: Serve, path: str = "/_console", **headers: str) -> httpx.Response:
    return httpx.get(run.url + path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_one_api(shared, tmp_path: Path):
    """Its replica answers at the port itself, and hands the console's requests on."""
    project = iris_project(tmp_path / "project", model=False)
    good = (project / "predictor.py").read_text()
    (project / "predictor.py").write_text(HOLDING)
    run = shared(project, "--reload").wait_ready()
    assert f"console: http://localhost:{run.port}/_console" in run.output()

    page = get(run)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert len(page.headers.get_list("date")) == 1
    assert httpx.head(run.url + "/_console").headers["content-length"] == page.headers["content-length"]
    assert get(run, Host="example.com").status_code == 403
    assert get(run, Origin="http://example.com").status_code == 403
    assert httpx.post(run.url + "/_console").status_code == 405
    assert get(run, "/_console/").status_code == 404
    assert "access-control-allow-origin" not in page.headers

    with Events(run.url) as events:
        found = events.wait("iris-classifier", lambda api: api["state"] == "ready", "it is ready")
        assert found["inputs"]["petal_width"] == {"dtype": "float32", "shape": [-1]}
        assert found["payload"] == (project / "sample.json").read_text()
        assert found["model"]["version"] == 1

        waiting = [threading.Thread(target=run.post, args=("/iris-classifier", FLOWER)) for _ in range(3)]
        for thread in waiting:
            thread.start()
        events.wait(
            "iris-classifier",
            lambda api: any(row[1:3] == [3.0, 2.0] for row in api["seconds"]),
            "three are in flight, of which two wait",
        )
        # Once a report of a whole bucket is in, the scaler wants a replica for each of them.
        found = events.wait("iris-classifier", lambda api: (api["decision"] or {}).get("desired") == 3, "it scales up")
        assert found["decision"]["steps"][0][0] == "load"
        (project / "go").touch()
        for thread in waiting:
            thread.join(60)
        assert run.post("/iris-classifier", None).status_code == 400
        wait_until(lambda: set(events.answered("iris-classifier")) == {"200", "400"}, "answers are counted by code")
        latency_s = [row[4] for row in events.api("iris-classifier")["seconds"] if row[4] is not None]
        assert max(latency_s) > 1  # they were held for longer than a second, or none would have had three in flight

    with Events(run.url) as events:  # a page that is opened later knows all of it
        assert set(events.answered("iris-classifier")) == {"200", "400"}
        assert events.whole["apis"][0]["decision"]["desired"] == 3

        (project / "predictor.py").write_text(BROKEN)
        assert events.ended.wait(60)  # let go of, or the replica could not stop
        assert events.error is None
    wait_until(lambda: "waiting for a change" in run.output(), "it is given up")
    with Events(run.url) as events:
        found = events.api("iris-classifier")
        assert found["state"] == "failed"
        assert any("no <b>vocabulary</b>" in reason for reason in found["reasons"])
        assert len(found["seconds"]) > 5
        answer = run.post("/iris-classifier", FLOWER)
        assert (answer.status_code, "cannot be served" in answer.json()["error"]) == (503, True)
        assert get(run, "/readyz").status_code == 503
        (project / "predictor.py").write_text(good)
        assert events.ended.wait(60)
    run.wait_ready()
    with Events(run.url) as events:
        assert run.post("/iris-classifier", FLOWER).json() == "setosa"
        assert run.stop() == 0
        assert events.ended.wait(60)
        assert events.error is None
    assert "/_console" not in run.output().replace(f"http://localhost:{run.port}/_console", "").replace(
        "/_console/", ""
    )
    assert "graceful shutdown exceeded" not in run.output()


def two_apis(folder: Path) -> Path:
    project = iris_project(folder, model=False)
    with (project / "cortex.yaml").open("a") as spec:
        spec.write(
            "- name: second\n  endpoint: /v2/second\n"
            "  predictor: {type: tensorflow, path: predictor.py, model: s3://models/none}\n"
        )
    return project


def test_two_apis(serve, model_server, tmp_path: Path):
    """A router answers at the port. The second API has no model here, and never is ready."""
    run: Serve = serve(two_apis(tmp_path / "project"), "--model-server", model_server.address, "--host", "0.0.0.0")
    wait_until(lambda: "iris-classifier is ready" in run.output(), "the first is ready")
    page = get(run)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "server" not in page.headers
    assert get(run, Host="example.com").status_code == 403
    assert httpx.post(run.url + "/_console").headers["allow"] == "GET, HEAD"
    with Events(run.url) as events:
        assert run.post("/iris-classifier", FLOWER).json() == "setosa"
        wait_until(lambda: events.answered("iris-classifier"), "the answer is counted")
        assert events.answered("second") == {}
        events.wait(
            "second", lambda api: any("NOT_FOUND" in reason for reason in api["reasons"]), "the reason is known"
        )
        assert events.api("second")["state"] == "starting"
        assert run.stop() == 0
        assert events.ended.wait(60)
        assert events.error is None


@pytest.mark.parametrize("apis", [1, 2])
def test_without_it(shared, tmp_path: Path, apis: int):
    project = two_apis(tmp_path / "project") if apis == 2 else iris_project(tmp_path / "project", model=False)
    run = shared(project, "--no-console")
    wait_until(lambda: "iris-classifier is ready" in run.output(), "it is ready")
    assert get(run).status_code == 404
    assert run.post("/iris-classifier", FLOWER).json() == "setosa"
    assert "console:" not in run.output()


def test_it_is_done_without_where_it_cannot_be_had(shared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Sockets have short paths on every system; predictions do not need the console's."""
    (deep := tmp_path / ("x" * 120)).mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    run = shared(iris_project(tmp_path / "project", model=False)).wait_ready()
    assert "there is no console" in run.output()
    assert get(run).status_code == 404
    assert run.post("/iris-classifier", FLOWER).json() == "setosa"


def test_a_browser_that_goes_away_or_reads_nothing(shared, tmp_path: Path):
    run = shared(iris_project(tmp_path / "project", model=False)).wait_ready()
    request = b"GET /_console?events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connections = [socket.create_connection(("127.0.0.1", run.port)) for _ in range(10)]
    for connection in connections:
        connection.sendall(request)
        assert connection.recv(12) == b"HTTP/1.1 200"
    for connection in connections[:5]:
        connection.close()
    assert run.post("/iris-classifier", FLOWER).json() == "setosa"
    with Events(run.url) as events:
        wait_until(lambda: len(events.seconds) >= 3, "others get their events")
    assert "cortex_in_flight 0.0" in get(run, "/metrics").text
    assert run.stop() == 0
    assert "graceful shutdown exceeded" not in run.output()


def side(folder: Path) -> tuple[replica_side.ReplicaSide, Replica]:
    replica = Replica()
    cast(Any, replica).settings = SimpleNamespace(api=SimpleNamespace(name="iris-classifier"))
    replica.reasons = []
    return replica_side.create(cast(Any, replica), str(folder / "samples.sock"), str(folder / "console.sock")), replica


def report(bucket: int) -> LoadReport:
    return LoadReport(api="a", replica="r", bucket=bucket, seconds=10, in_flight=1, in_flight_peak=1, requests={})


def test_a_reader_that_hangs_costs_a_bounded_memory(tmp_path: Path):
    async def main() -> None:
        hung = asyncio.Event()

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            hung.set()
            await asyncio.sleep(3600)

        server = await asyncio.start_unix_server(hang, tmp_path / "samples.sock", limit=1024)
        sender, _ = side(tmp_path)
        sender.start()
        await asyncio.wait_for(hung.wait(), 60)
        for n in range(50_000):  # some megabytes
            sender.reported(report(10 * n))
        assert sender._writer is not None
        unread = sender._writer.transport.get_write_buffer_size()
        assert replica_side.MOST_UNREAD_BYTES / 2 < unread < replica_side.MOST_UNREAD_BYTES * 2
        await sender.stop()
        server.close()

    asyncio.run(main())


def test_a_reader_that_comes_later_and_comes_back(tmp_path: Path):
    async def main() -> None:
        lines: asyncio.Queue[bytes] = asyncio.Queue()
        opened: list[asyncio.StreamWriter] = []

        async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            opened.append(writer)
            while line := await reader.readline():
                lines.put_nowait(line)

        sender, _ = side(tmp_path)
        sender.start()
        for _ in range(2):
            server = await asyncio.start_unix_server(read, tmp_path / "samples.sock")
            kinds = [(await asyncio.wait_for(lines.get(), 60)).split(b",")[0] for _ in range(3)]
            assert kinds == [b'{"type":"hello"', b'{"type":"condition"', b'{"type":"second"']
            server.close()
            for writer in opened:
                writer.close()
            (tmp_path / "samples.sock").unlink(missing_ok=True)
            await asyncio.sleep(0.1)
            while not lines.empty():
                lines.get_nowait()
        await sender.stop()

    asyncio.run(main())


def test_what_is_no_message_harms_nothing(tmp_path: Path):
    async def main() -> None:
        console = Console(tmp_path)
        await console.start()
        for line in (
            b"",
            b"\n",
            b"nonsense\n",
            b'{"type":"hello","api":"other"}\n',
            b"x" * 2_000_000,
            b'{"type":"load"}\n',
        ):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "samples.sock")
            writer.write(line)
            writer.write_eof()
            with contextlib.suppress(ConnectionResetError):  # hung up on, with something of it unread
                assert await reader.read() == b""
            writer.close()
        await console.stop()

    asyncio.run(main())
