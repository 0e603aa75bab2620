"""The design of Cortex from 0.14 on, rebuilt: FastAPI, two middlewares, and a pool of as many threads as a worker has.

What it did for a request in a cluster and nothing else: a file for each that is in flight, from which load was
reported; the payload parsed in a middleware; ``predict`` in the pool; the prediction as JSON.

Source: https://github.com/cortexlabs/cortex, ``pkg/workloads/cortex/serve/serve.py``
"""

import asyncio
import json
import os
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if os.environ["PREDICTOR"] == "model":
    from model import Model

    function = Model(os.environ["MODEL_SERVER"], os.environ["MODEL_NAME"]).predict
else:
    from predictors import chosen

    function = chosen()

IN_FLIGHT = Path(tempfile.mkdtemp(prefix="requests-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
PATH = "/predict"
threads = ThreadPoolExecutor(max_workers=1)
app = FastAPI()
app.add_middleware(
    CORSMiddleware, allow_origins=["*"], allow_credentials=True, allow_methods=["*"], allow_headers=["*"]
)


@app.middleware("http")
async def parse_payload(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        request.state.payload = await request.json()
    except json.JSONDecodeError as error:
        return JSONResponse({"error": str(error)}, status_code=400)
    return await call_next(request)


@app.middleware("http")
async def register_request(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    file = IN_FLIGHT / str(uuid.uuid1())
    file.touch()
    try:
        return await call_next(request)
    finally:
        file.unlink()


@app.post(PATH)
async def predict(request: Request) -> Response:
    prediction = await asyncio.get_running_loop().run_in_executor(threads, function, request.state.payload)
    return Response(json.dumps(prediction), media_type="application/json")
