"""The Falcon app: the endpoint with its GET and POST, the system paths, and errors as JSON."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any

import falcon
import falcon.asgi
import orjson
from falcon.asgi import Request, Response

from . import answer, metrics, openapi
from .front import CONTEXT, EXPOSED_HEADERS, Context, Front, error_body, too_large
from .job import ClientGone, Job, JobFailed, Outcome
from .replica import Replica

log = logging.getLogger(__name__)

FALSE = frozenset({"", "0", "false"})
"""Values of ``?debug=`` that leave debugging off; case does not matter."""


def create_app(replica: Replica) -> Front:
    """The ASGI app of a replica."""
    cors: Any = falcon.CORSMiddleware(expose_headers=EXPOSED_HEADERS)
    app = falcon.asgi.App(middleware=[cors, Lifespan(replica)], media_type=falcon.MEDIA_JSON)
    app.req_options.keep_blank_qs_values = True
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = falcon.media.JSONHandler(dumps=orjson.dumps)
    app.set_error_serializer(_serialize_error)
    app.add_error_handler(Exception, _internal_error)
    app.add_route("/livez", Liveness())
    app.add_route("/readyz", Readiness(replica))
    app.add_route("/metrics", MetricsPage(replica))
    app.add_route("/openapi.json", OpenApiDocument(replica))
    app.add_route(replica.settings.api.endpoint, Endpoint(replica))
    app.add_sink(NotFound(replica.settings.api.endpoint))
    return Front(app, replica)


class Lifespan:
    """Falcon middleware that starts and stops the replica with the server."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def process_startup(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Start the replica before the first request."""
        self._replica.start()

    async def process_shutdown(self, scope: dict[str, Any], event: dict[str, Any]) -> None:
        """Stop the replica after the last answer."""
        await self._replica.stop()


class Endpoint:
    """The API itself."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._limit = replica.settings.http.max_body_bytes

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer how to call the API, and the model's inputs and outputs."""
        resp.media = self._replica.summary()

    async def on_post(self, req: Request, resp: Response) -> None:
        """Answer with a prediction."""
        context: Context = req.scope[CONTEXT]
        body = await self._read_body(req)
        if context.disconnected:  # what was read may be a part only
            return
        debug = (req.get_param("debug") or "").lower() not in FALSE
        ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def on_end(job: Job, outcome: Outcome) -> None:
            if not ended.done():  # cancelled, as the time to stop is over
                ended.set_result(outcome)

        job = Job(context.request_id, body, debug, on_end)
        del body
        outcome: Outcome | None = None
        try:
            self._replica.pool.submit(job)
            context.on_disconnect = lambda: self._replica.pool.cancel(job)
            outcome = await ended
        except JobFailed as error:
            outcome = error
        finally:
            context.job_queue_s = job.queue_s
            self._replica.count(job, outcome)
        if isinstance(outcome, ClientGone):
            return
        if isinstance(outcome, JobFailed):
            headers = None if outcome.retry_after_s is None else {"Retry-After": str(outcome.retry_after_s)}
            raise falcon.HTTPError(outcome.status, description=str(outcome), headers=headers)
        assert outcome is not None
        meta, resp.data = outcome
        resp.status = _STATUS_LINES[meta.status]
        resp.content_type = meta.content_type

    async def _read_body(self, req: Request) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in req.stream:
            size += len(chunk)
            if size > self._limit:  # a chunked body; the front has refused those that told their length
                raise falcon.HTTPContentTooLarge(description=too_large(self._limit))
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Liveness:
    """Whether the process works: it does when it can answer."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer 200."""
        resp.media = {"live": True}


class Readiness:
    """Whether requests should be sent here."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer 200, or 503 with the reasons."""
        reasons = self._replica.not_ready_because()
        if reasons:
            resp.status = falcon.HTTP_503
        resp.media = {"ready": not reasons, "reasons": reasons, "model_state": self._replica.model.state}


class MetricsPage:
    """The metrics in Prometheus' text format."""

    def __init__(self, replica: Replica) -> None:
        self._metrics = replica.metrics

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer all metrics."""
        resp.content_type = metrics.CONTENT_TYPE
        resp.data = self._metrics.text()


class OpenApiDocument:
    """The API described for programs."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer the OpenAPI document."""
        resp.media = openapi.document(self._replica.settings, self._replica.summary())


class NotFound:
    """What answers all other paths."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    async def __call__(self, req: Request, resp: Response | None, **kwargs: Any) -> None:
        raise falcon.HTTPNotFound(description=f"there is no API at {req.path}; there is {self._endpoint}")


def _serialize_error(req: Request, resp: Response, error: falcon.HTTPError) -> None:
    resp.content_type = answer.JSON
    resp.data = error_body(error.description or _phrase(error), req.scope[CONTEXT].request_id)


def _phrase(error: falcon.HTTPError) -> str:
    return str(error.title).partition(" ")[2].lower() or "error"


async def _internal_error(req: Request, resp: Response, error: Exception, params: dict[str, Any]) -> None:
    log.error("unexpected error in the front", exc_info=error, extra={"request_id": req.scope[CONTEXT].request_id})
    raise falcon.HTTPInternalServerError(description="internal error; its traceback is in the log")
