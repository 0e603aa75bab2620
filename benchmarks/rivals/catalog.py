"""Who is compared, and with what requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.rivals.server import Server


def _open_inference(payload: Mapping[str, Any]) -> bytes:
    data = list(payload.values())
    return json.dumps(
        {"inputs": [{"name": "flower", "shape": [1, len(data)], "datatype": "FP32", "data": data}]}
    ).encode()


REPLICA = Server("cortex_cdk", None, ("falcon", "uvicorn", "gunicorn"))
FASTAPI = Server("FastAPI + uvicorn", "fastapi", ("fastapi", "uvicorn"))
FASTAPI_ASYNC = Server("FastAPI + uvicorn, async def", "fastapi", ("fastapi", "uvicorn"), variables={"ASYNC": "1"})
BENTOML = Server("BentoML", "bentoml", ("bentoml",))
LITSERVE = Server("LitServe", "litserve", ("litserve",))
MLSERVER = Server("MLServer", "mlserver", ("mlserver",), path="/v2/models/iris/infer", encode=_open_inference)
RAY = Server("Ray Serve", "ray", ("ray",))
GTHREAD = Server("Falcon + gunicorn gthread", "gthread", ("falcon", "gunicorn", "grpcio"))
ORIGINAL = Server(
    "Cortex's original design", "original", ("fastapi", "uvicorn", "grpcio", "tensorflow-cpu", "tensorflow-serving-api")
)
