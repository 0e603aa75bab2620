"""The API as an OpenAPI document: every path of a replica, and every answer it gives by itself.

What a prediction takes and returns is the predictor's affair, so both are any JSON to the document; the inputs and
outputs of the model are in ``x-cortex-model``.

Source: https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import answer, metrics
from .settings import Settings

VERSION = "3.1.1"

Object = dict[str, Any]


def document(settings: Settings, summary: Mapping[str, Any]) -> Object:
    """The document of one replica.

    Args:
        settings: of the replica.
        summary: what GET on its endpoint answers (``Replica.summary``).
    """
    version = summary["model"]["version"]
    return {
        "openapi": VERSION,
        "info": {
            "title": settings.api.name,
            "version": "unknown" if version is None else str(version),
            "description": "The version is that of the model.",
        },
        "paths": {
            settings.api.endpoint: {
                "post": _prediction(settings, summary),
                "get": _operation("summary", "How to call the API, and the model's inputs and outputs", _SUMMARY),
                "options": _preflight(),
            },
            "/livez": {"get": _operation("livez", "Whether the process works", _object(live={"const": True}))},
            "/readyz": {"get": _readiness()},
            "/metrics": {"get": _metrics()},
            "/openapi.json": {"get": _operation("openapi", "This document", {"type": "object"})},
        },
        "components": {
            "schemas": {"Error": _ERROR, "InputError": _INPUT_ERROR},
            "headers": {"RequestId": _REQUEST_ID, "RetryAfter": _RETRY_AFTER},
            "parameters": {"RequestId": _GIVEN_ID, "Debug": _DEBUG},
        },
    }


def _object(required: tuple[str, ...] | None = None, **properties: Any) -> Object:
    """The schema of an object; all its properties are required unless told."""
    return {"type": "object", "properties": properties, "required": list(properties if required is None else required)}


def _ref(part: str, name: str) -> Object:
    return {"$ref": f"#/components/{part}/{name}"}


_TEXT: Object = {"type": "string"}
_SHAPE: Object = {
    "type": ["array", "null"],
    "items": {"type": "integer", "minimum": -1},
    "description": "One size for each dimension, -1 where it may be any; null when even the rank may be any.",
}
_ERROR = _object(error=_TEXT | {"description": "What is wrong, in words."}, request_id=_TEXT)
_INPUT_ERROR: Object = {
    "allOf": [
        _ref("schemas", "Error"),
        _object(
            (),
            input=_TEXT | {"description": "The input of the model at fault, if it is one."},
            dtype=_TEXT | {"description": "Its dtype, such as float32."},
            shape=_SHAPE,
        ),
    ]
}
_TENSORS: Object = {
    "type": ["object", "null"],
    "additionalProperties": _object(dtype=_TEXT, shape=_SHAPE),
    "description": "By name; null while the model server has not told them.",
}
_SUMMARY = _object(
    ("message", "api", "endpoint", "model", "inputs", "outputs"),
    message=_TEXT,
    api=_TEXT,
    endpoint=_TEXT,
    model=_object(
        ("name", "version", "state"),
        name=_TEXT,
        version={"type": ["integer", "null"]},
        state=_TEXT,
        signature_key=_TEXT,
    ),
    inputs=_TENSORS,
    outputs=_TENSORS,
    error=_TEXT | {"description": "Why no signature of the model can be used."},
)
_REQUEST_ID: Object = {
    "description": "The request's id in log lines: the one it came with, or a new one.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}
_GIVEN_ID: Object = {
    "name": "x-request-id",
    "in": "header",
    "description": "An id for the request; one that is not up to 200 printable characters is replaced.",
    "schema": {"type": "string"},
}
_RETRY_AFTER: Object = {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
_DEBUG: Object = {
    "name": "debug",
    "in": "query",
    "description": "Logs payload and prediction, shortened; `false`, `0` and empty do not.",
    "allowEmptyValue": True,
    "schema": {"type": "string"},
}


def _answer(description: str, content: Object | None = None, headers: Object | None = None) -> Object:
    answered: Object = {
        "description": description,
        "headers": {"x-request-id": _ref("headers", "RequestId"), **(headers or {})},
    }
    return answered if content is None else {**answered, "content": content}


def _json(schema: Object) -> Object:
    return {answer.JSON: {"schema": schema}}


def _error(description: str, schema: str = "Error", headers: Object | None = None) -> Object:
    return _answer(description, _json(_ref("schemas", schema)), headers)


def _connection_errors() -> dict[str, Object]:
    """What any request may be answered before it is one."""

    def error(description: str) -> Object:
        return {"description": description, "content": _json(_ref("schemas", "Error"))}

    return {
        "400": error("What was sent is not HTTP/1.1 (RFC 9112)."),
        "408": error("The request did not come in time."),
        "431": error("The head of the request is too large."),
    }


def _operation(name: str, summary: str, schema: Object) -> Object:
    ok = _answer("JSON", _json(schema))
    return {"operationId": name, "summary": summary, "responses": {"200": ok, **_connection_errors()}}


def _prediction(settings: Settings, summary: Mapping[str, Any]) -> Object:
    retry = {"retry-after": _ref("headers", "RetryAfter")}
    most, limit = settings.http.max_body_bytes, settings.concurrency.max_in_flight
    return {
        "operationId": "predict",
        "summary": "Make a prediction",
        "x-cortex-model": {**summary["model"], "inputs": summary["inputs"], "outputs": summary["outputs"]},
        "parameters": [_ref("parameters", "RequestId"), _ref("parameters", "Debug")],
        "requestBody": {
            "required": True,
            "description": "Any JSON in UTF-8, whatever the Content-Type says; the predictor decides what it takes.",
            "content": _json({}),
        },
        "responses": {
            "200": _answer("The prediction", {**_json({}), answer.BYTES: {}}),
            **_connection_errors(),
            "400": _error("The body is no JSON document, or does not fit the model's inputs.", "InputError"),
            "413": _error(f"The body is larger than {most} bytes."),
            "500": _error("The predictor or the model server failed; the traceback is in the log."),
            "502": _error("The worker died while it ran the request."),
            "503": _error(f"{limit} requests are in flight already, or no predictor can be had.", headers=retry),
            "504": _error("The predictor took longer than the replica's limit, if it has one."),
        },
    }


def _preflight() -> Object:
    names = ("access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers")
    headers = {name: {"schema": _TEXT} for name in (*names, "allow")}
    answered = _answer("What a page of another origin may send, where it asks; any origin may call.", headers=headers)
    return {
        "operationId": "preflight",
        "summary": "CORS preflight",
        "responses": {"200": answered, **_connection_errors()},
    }


def _readiness() -> Object:
    schema = _object(ready={"type": "boolean"}, reasons={"type": "array", "items": _TEXT}, model_state=_TEXT)
    operation = _operation("readyz", "Whether requests should be sent here", schema)
    operation["responses"]["503"] = _answer("Not ready, with the reasons", _json(schema))
    return operation


def _metrics() -> Object:
    operation = _operation("metrics", "All metrics in Prometheus' text format", {})
    operation["responses"]["200"] = _answer("Metrics", {metrics.CONTENT_TYPE: {"schema": _TEXT}})
    return operation
