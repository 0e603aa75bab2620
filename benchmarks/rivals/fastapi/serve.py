"""FastAPI under uvicorn. ``def`` runs in a pool of threads, which is what a predictor that waits for a model needs.

With ``ASYNC`` set it is ``async def``: faster, but while it predicts the process does nothing else.
"""

import os
from typing import Any

import uvicorn
from fastapi import Body, FastAPI
from predictors import chosen

app = FastAPI()
function = chosen()

if os.environ.get("ASYNC"):

    @app.post("/predict")
    async def predict(payload: dict[str, Any] = Body()) -> str:  # noqa: B008 - how FastAPI declares a body
        return function(payload)

else:

    @app.post("/predict")
    def predict(payload: dict[str, Any] = Body()) -> str:  # noqa: B008
        return function(payload)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), access_log=False, log_level="warning")
