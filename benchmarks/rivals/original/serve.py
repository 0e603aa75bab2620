"""Uvicorn with as many worker processes as are asked for, behind one listening socket."""

import os

import uvicorn

if __name__ == "__main__":
    port, workers = int(os.environ["PORT"]), int(os.environ["WORKERS"])
    uvicorn.run("app:app", host="127.0.0.1", port=port, workers=workers, access_log=False, log_level="warning")
