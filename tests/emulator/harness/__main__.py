"""The emulated deployment by hand: ``python -m tests.emulator.harness install|deploy|status|destroy``."""

from __future__ import annotations

import sys

from tests.emulator.harness import cdk, emulator, machine, projects
from tests.emulator.harness.cloud import Api

API = "iris-classifier"
SCALING = {
    "max_replicas": 4,
    "target_replica_concurrency": 0.1,  # a prediction takes 2 ms: more than the load of a few clients is hard to make
    "window": "30s",
    "upscale_window": "10s",
    "downscale_stabilization_period": "1m",
}


def main(arguments: list[str]) -> int:
    """Run a command; the exit status."""
    match arguments:
        case ["install"]:
            machine.install()
        case ["deploy"]:
            deploy()
        case ["status"]:
            status()
        case ["destroy"]:
            emulator.down()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def deploy() -> None:
    """Deploy the iris example, and say what can be done with it."""
    if reasons := machine.missing():
        raise SystemExit(f"Nothing can be deployed here: {'; '.join(reasons)}")
    print("Starting the emulator; the first time its base images are made, which takes some minutes", flush=True)
    emulator.up()
    try:
        print("cdk bootstrap", flush=True)
        cdk.bootstrap()
        projects.upload_iris()
        project = projects.iris(machine.RUN / "project", autoscaling=SCALING)
        print("cdk deploy --all", flush=True)
        cdk.deploy(project)
        api = Api(API)
        api.wait_running(1)
    except BaseException:
        emulator.down()
        raise
    print(_WORDS.format(url=f"http://{api.load_balancer}:{emulator.PORT}/{API}", project=project, home=machine.ROOT))


def status() -> None:
    """Print the service's counts and the scaler's last decisions."""
    if not emulator.running():
        raise SystemExit("There is no emulated deployment; `make deploy-emulated` makes one")
    api = Api(API)
    service = api.service()
    print(f"desired {service['desiredCount']}, running {service['runningCount']}")
    for line in api.decisions()[-6:]:
        print(line["message"])


_WORDS = """
The iris example is deployed. A prediction:

    curl -H 'Content-Type: application/json' -d @{home}/examples/iris-classifier/sample.json {url}

Load, which brings more replicas within half a minute (they go again two minutes after it ends):

    for i in $(seq 16); do (for j in $(seq 2000); do curl -s -o /dev/null -H 'Content-Type: application/json' \\
      -d @{home}/examples/iris-classifier/sample.json {url}; done) & done; wait

How many replicas there are, and why:

    .venv/bin/python -m tests.emulator.harness status

`make destroy-emulated` removes it.
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
