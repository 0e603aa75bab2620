"""LitServe with one worker and one API server."""

import os
from typing import Any

import litserve
from predictors import chosen


class Iris(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self._function = chosen()

    def predict(self, x: Any) -> str:
        return self._function(x)


if __name__ == "__main__":
    server = litserve.LitServer(Iris(), accelerator="cpu", workers_per_device=1, timeout=60)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
