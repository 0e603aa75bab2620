"""All APIs of a project behind one port: a small reverse proxy, for this machine only.

In the cloud the load balancer does this. Bodies stream through in both directions, and a client that goes away is
passed on as such.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import yarl
from aiohttp import web

from cortex_cdk.local import openapi
from cortex_cdk.local.console.console import Console
from cortex_cdk.spec.document import CONSOLE

# Of one connection, not of the message (RFC 9110, section 7.6.1).
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

FAILED = "the API cannot be served: its error is in the log of cortex-cdk serve"


class Router:
    """Forwards each request to the replica of the API with exactly its path.

    Args:
        targets: base URLs of the replicas by endpoint, such as ``{"/iris": "http://127.0.0.1:41001"}``; None of one
            that cannot be served. May be replaced at any time.
        console: answers at its own path, if there is one.
    """

    def __init__(self, targets: Mapping[str, str | None], console: Console | None = None) -> None:
        self.targets = dict(targets)
        self._console = console
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: when the port cannot be had.
        """
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        app = web.Application()
        app.router.add_route("*", "/livez", self._livez)
        app.router.add_route("*", "/readyz", self._readyz)
        app.router.add_route("*", "/openapi.json", self._openapi)
        if self._console is not None:
            app.router.add_route("*", CONSOLE, self._console.answer)
        app.router.add_route("*", "/{path:.*}", self._forward)
        app.on_response_prepare.append(_say_no_software)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=5)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()

    async def stop(self) -> None:
        """Answer what is under way and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _livez(self, request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _readyz(self, request: web.Request) -> web.Response:
        """Ready when every API is; the reasons of those that are not, by endpoint."""
        reasons: dict[str, list[str]] = {}
        for endpoint, target in self.targets.items():
            if target is None:
                reasons[endpoint] = [FAILED]
                continue
            readiness = await fetch_readiness(self._require_session(), target)
            if not readiness.ready:
                reasons[endpoint] = readiness.reasons
        return web.json_response({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    async def _openapi(self, request: web.Request) -> web.Response:
        """The document of all APIs whose replicas answer."""
        documents = {}
        for endpoint, target in self.targets.items():
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, ValueError):
                if target is not None:
                    timeout = aiohttp.ClientTimeout(total=5)
                    async with self._require_session().get(f"{target}/openapi.json", timeout=timeout) as response:
                        documents[endpoint] = await response.json()
        if not documents:
            return _error(request, 503, "no API can be asked for its document yet; try again", {"Retry-After": "1"})
        return web.json_response(openapi.merged(documents))

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        if request.path not in self.targets:
            known = ", ".join(sorted(self.targets))
            return _error(request, 404, f"there is no API at {request.path}; there is {known}")
        target = self.targets[request.path]
        if target is None:
            return _error(request, 503, FAILED)
        headers = _end_to_end(request.headers)
        try:
            async with self._require_session().request(
                request.method,
                yarl.URL(target + request.raw_path, encoded=True),  # as it came, not written in another way
                headers=headers,
                data=request.content if request.body_exists else None,
                allow_redirects=False,
            ) as upstream:
                response = web.StreamResponse(status=upstream.status, headers=_end_to_end(upstream.headers))
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response
        except aiohttp.ClientConnectorError:
            return _error(request, 503, "the API is starting; try again", {"Retry-After": "1"})
        except aiohttp.ClientError as error:
            return _error(request, 502, f"the API broke off: {error}")

    def _require_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the router has not been started")
        return self._session


@dataclass(frozen=True)
class Readiness:
    """What a replica says at ``/readyz``; ``model_state`` is TensorFlow Serving's, None when nobody answers."""

    ready: bool
    reasons: list[str]
    model_state: str | None = None


async def fetch_readiness(session: aiohttp.ClientSession, base_url: str) -> Readiness:
    """Ask a replica whether it is ready."""
    try:
        async with session.get(f"{base_url}/readyz", timeout=aiohttp.ClientTimeout(total=5)) as response:
            document = await response.json()
            return Readiness(document["ready"], document["reasons"], document.get("model_state"))
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError):
        return Readiness(False, ["it does not answer yet"])


async def _say_no_software(request: web.Request, response: web.StreamResponse) -> None:
    """Drop the header that aiohttp adds: replicas send none."""
    response.headers.popall("Server", None)


def _end_to_end(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP]


def _error(request: web.Request, status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error of the router's own, in the form of a replica's."""
    request_id = request.headers.get("X-Request-Id") or uuid.uuid4().hex
    return web.Response(
        status=status,
        body=json.dumps({"error": message, "request_id": request_id}).encode(),
        content_type="application/json",
        headers={"Access-Control-Allow-Origin": "*", "X-Request-Id": request_id, **(headers or {})},
    )
