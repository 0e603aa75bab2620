"""Several APIs behind one port: each request reaches the API with exactly its path, whole and unchanged."""

import asyncio
import json
import threading
from collections.abc import Iterator

import httpx
import pytest
from aiohttp import web

from cortex_cdk.local.router import FAILED, Router
from tests.support.replica import free_port, wait_until


class Upstream:
    """Stands behind the router and tells what it received."""

    def __init__(self) -> None:
        self.ready = {"a": True, "b": True}
        self.disconnected = threading.Event()

    def app(self, name: str) -> web.Application:
        async def echo(request: web.Request) -> web.StreamResponse:
            if request.query.get("wait"):
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    self.disconnected.set()
                    raise
            if request.query.get("stream"):
                response = web.StreamResponse(headers={"X-Kind": "stream"})
                await response.prepare(request)
                for i in range(3):
                    await response.write(f"part {i};".encode())
                return response
            body = await request.read()
            answer = {
                "api": name,
                "method": request.method,
                "path": request.raw_path,
                "length": len(body),
                "body": body.decode(errors="replace")[:100],
                "headers": {name.lower(): value for name, value in request.headers.items()},
            }
            return web.json_response(answer, status=418, headers={"X-Request-Id": "from-upstream"})

        async def readyz(request: web.Request) -> web.Response:
            return web.json_response({"ready": self.ready[name], "reasons": [] if self.ready[name] else ["asleep"]})

        app = web.Application(client_max_size=1 << 30)

        async def openapi(request: web.Request) -> web.Response:
            operation = {"operationId": "predict", "summary": name}
            paths = {f"/{name}": {"post": operation}, "/metrics": {"get": operation}}
            return web.json_response({"openapi": "3.1.1", "info": {"title": name, "version": "2"}, "paths": paths})

        app.router.add_get("/readyz", readyz)
        app.router.add_get("/openapi.json", openapi)
        app.router.add_route("*", "/{path:.*}", echo)
        return app


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture(scope="module")
def url(upstream: Upstream) -> Iterator[str]:
    ports = {"a": free_port(), "b": free_port(), "router": free_port()}
    loop = asyncio.new_event_loop()
    router = Router({f"/{name}": f"http://127.0.0.1:{ports[name]}" for name in ("a", "b")})
    router.targets["/down"] = f"http://127.0.0.1:{free_port()}"
    router.targets["/failed"] = None
    runners = []

    async def start() -> None:
        for name in ("a", "b"):
            runner = web.AppRunner(upstream.app(name), handler_cancellation=True)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", ports[name]).start()
            runners.append(runner)
        await router.start("127.0.0.1", ports["router"])

    async def stop() -> None:
        await router.stop()
        for runner in runners:
            await runner.cleanup()

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"http://127.0.0.1:{ports['router']}"
    asyncio.run_coroutine_threadsafe(stop(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)
    loop.close()


@pytest.mark.parametrize("name", ["a", "b"])
def test_each_path_has_its_api(url: str, name: str):
    answer = httpx.post(f"{url}/{name}?debug=true&x=%2F", content=b"[1]", headers={"X-Request-Id": "mine"})
    assert answer.status_code == 418
    assert answer.headers["x-request-id"] == "from-upstream"
    assert answer.json() | {"headers": None} == {
        "api": name,
        "method": "POST",
        "path": f"/{name}?debug=true&x=%2F",
        "length": 3,
        "body": "[1]",
        "headers": None,
    }
    assert answer.json()["headers"]["x-request-id"] == "mine"


@pytest.mark.parametrize("path", ["/", "/c", "/a/", "/a/b", "/A", "/metrics"])
def test_other_paths_have_none(url: str, path: str):
    answer = httpx.post(url + path, content=b"1")
    assert answer.status_code == 404
    assert "/a, /b" in answer.json()["error"]
    assert len(answer.json()["request_id"]) == 32


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_every_method_is_passed_on(url: str, method: str):
    answer = httpx.request(method, f"{url}/a")
    assert answer.status_code == 418
    assert method == "HEAD" or answer.json()["method"] == method


def test_large_bodies_and_chunked_ones(url: str):
    large = b"x" * 30_000_000
    assert httpx.post(f"{url}/a", content=large, timeout=60).json()["length"] == len(large)
    answer = httpx.post(f"{url}/a", content=iter([b"ab", b"cd"]), timeout=60)
    assert answer.json()["body"] == "abcd"


def test_answers_stream_through(url: str):
    answer = httpx.get(f"{url}/a?stream=1")
    assert answer.text == "part 0;part 1;part 2;"
    assert answer.headers["x-kind"] == "stream"


def test_a_client_that_goes_away_is_passed_on(url: str, upstream: Upstream):
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/a?wait=1", content=b"1", timeout=httpx.Timeout(10, read=0.3))
    wait_until(upstream.disconnected.is_set, "the API learns that its client has gone")


def test_an_api_that_does_not_listen(url: str):
    answer = httpx.post(f"{url}/down", content=b"1", headers={"X-Request-Id": "mine"})
    assert answer.status_code == 503
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "mine"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "starting" in answer.json()["error"]


def test_an_api_that_cannot_be_served(url: str):
    answer = httpx.post(f"{url}/failed", content=b"1")
    assert answer.status_code == 503
    assert "retry-after" not in answer.headers
    assert "cannot be served" in answer.json()["error"]


def test_health(url: str, upstream: Upstream):
    assert httpx.get(f"{url}/livez").json() == {"live": True}
    upstream.ready["b"] = False
    answer = httpx.get(f"{url}/readyz")
    upstream.ready["b"] = True
    assert answer.status_code == 503
    assert json.loads(answer.text)["reasons"] == {
        "/b": ["asleep"],
        "/down": ["it does not answer yet"],
        "/failed": [FAILED],
    }


def test_one_document_describes_all_apis_that_answer(url: str):
    document = httpx.get(f"{url}/openapi.json").json()
    assert document["info"]["description"] == "Their models' versions: a 2, b 2."
    assert document["paths"] == {
        f"/{name}": {"post": {"operationId": f"predict-{name}", "summary": name}} for name in ("a", "b")
    }
