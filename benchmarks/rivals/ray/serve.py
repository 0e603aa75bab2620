"""Ray Serve with one replica on a node of its own in this process."""

import os
import signal
from typing import Any

import ray
from predictors import chosen
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class Iris:
    def __init__(self) -> None:
        self._function = chosen()

    async def __call__(self, request: Request) -> Any:
        return self._function(await request.json())


if __name__ == "__main__":
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Iris.bind(), route_prefix="/predict")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()
