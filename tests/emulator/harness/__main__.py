"""The emulated deployment by hand: ``python -m tests.emulator.harness install|deploy|destroy``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

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
PROJECT = machine.RUN / "project"
ENVIRONMENT = machine.RUN / "environment"


def main(arguments: list[str]) -> int:
    """Run a command; the exit status."""
    match arguments:
        case ["install"]:
            machine.install()
        case ["deploy"]:
            deploy()
        case ["destroy"]:
            emulator.down()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def deploy() -> None:
    """Deploy the iris example and say what can be done with it; where it is there already, deploy its project again."""
    if reasons := machine.missing():
        raise SystemExit(f"Nothing can be deployed here: {'; '.join(reasons)}")
    if emulator.running() and not PROJECT.exists():
        raise SystemExit("Tests deploy something just now; wait until they have ended")
    try:
        if emulator.running():
            deploy_project()
        else:
            deploy_first()
    except cdk.CdkError as error:
        raise SystemExit(str(error)) from None
    base = f"http://{Api(API).load_balancer}:{emulator.PORT}"
    print(_WORDS.format(base=base, api=API, project=PROJECT, environment=ENVIRONMENT, home=machine.ROOT))


def deploy_first() -> None:
    """Start the emulator, and deploy; what fails leaves nothing."""
    print("Starting the emulator; the first time its base images are made, which takes some minutes", flush=True)
    emulator.up()
    try:
        print("cdk bootstrap", flush=True)
        cdk.bootstrap()
        projects.upload_iris()
        projects.iris(PROJECT, autoscaling=SCALING)
        write_environment(ENVIRONMENT)
        deploy_project()
    except BaseException:
        emulator.down()
        raise


def deploy_project() -> None:
    """Deploy the project as its files are now."""
    print("cdk deploy --all", flush=True)
    cdk.deploy(PROJECT)
    for api in projects.read(PROJECT):
        wait_for_release(Api(api["name"]))


def wait_for_release(api: Api) -> None:
    """Wait for its replicas, as CloudFormation does; the emulator's is done with an update when it has begun."""
    print(f"waiting for the replicas of {api.name}", flush=True)
    wanted = api.service()["taskDefinition"]

    def done() -> bool:
        service, tasks = api.service(), api.tasks()
        if service["taskDefinition"] != wanted:
            raise SystemExit(f"{api.name}: the release was taken back; `cortex-cdk get {api.name}` leads to the reason")
        return {*tasks.values()} == {wanted} and len(tasks) == service["desiredCount"]

    api.wait(done, f"the replicas of {api.name}")


def write_environment(path: Path) -> None:
    """Write what a shell must source for ``cortex-cdk`` to find the emulator."""
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    values = {name: emulator.environment()[name] for name in names}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    programs = shlex.quote(str(Path(sys.executable).parent))
    path.write_text("\n".join([*lines, f'export PATH={programs}:"$PATH"', ""]))


_WORDS = """
{project} is deployed, a copy of the iris example. A prediction:

    curl -H 'Content-Type: application/json' -d @{project}/sample.json {base}/{api}

Everything that docs/commands.md has, in a shell of its own, which then takes the emulator for AWS:

    cd {project}
    . {environment}
    cortex-cdk get
    cortex-cdk explain {api}
    cortex-cdk logs {api} --follow
    cortex-cdk predict {api} --deployed --url {base}

Three minutes of load, which brings more replicas within half a minute (they go again two minutes after it ends).
`cortex-cdk top` in another shell shows it:

    yes | timeout --foreground 3m xargs -P 16 -I_ curl -s -o /dev/null -H 'Content-Type: application/json' \\
      -d @{project}/sample.json {base}/{api}

Change cortex.yaml or predictor.py there, or add a cluster.yaml or requirements.txt, and `make deploy-emulated`, in
{home}, deploys it again. `make destroy-emulated` removes it, with what you have changed.
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
