"""One OpenAPI document for several APIs behind one port, out of those of their replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(documents: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The document of all APIs: their endpoints, without the system paths of their replicas.

    Args:
        documents: the replicas' documents by endpoint, at least one.
    """
    first = next(iter(documents.values()))
    if len(documents) == 1:
        info = first["info"]
    else:
        versions = ", ".join(f"{each['info']['title']} {each['info']['version']}" for each in documents.values())
        info = {"title": "APIs", "version": "1", "description": f"Their models' versions: {versions}."}
    paths = {
        endpoint: _named_apart(each["paths"][endpoint], each["info"]["title"]) for endpoint, each in documents.items()
    }
    return {**first, "info": info, "paths": paths}


def _named_apart(operations: Mapping[str, dict[str, Any]], api: str) -> dict[str, Any]:
    """Operations with ids of their own, as a document needs them."""
    return {
        method: {**operation, "operationId": f"{operation['operationId']}-{api}"}
        for method, operation in operations.items()
    }
