"""``cortex-cdk serve``: all APIs of a ``cortex.yaml`` on this machine, with the runtime that runs in the cloud."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cortex_cdk.cli import output
from cortex_cdk.cli.errors import UserError
from cortex_cdk.cli.moments import seconds_of
from cortex_cdk.cli.project_file import given_or_nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortex_cdk.spec.model import ApiSpec, Project


def serve(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="cortex.yaml", help="The file, or its folder; the nearest one by default."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is all of this machine's.")] = "127.0.0.1",
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="API=PATH", help="Serve a local model (folder or zip) instead of the one in the file."),
    ] = None,
    model_server: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Use a running TensorFlow Serving; models have their API's name."),
    ] = None,
    reload: Annotated[bool, typer.Option("--reload", help="Serve changes of the project's files at once.")] = False,
    max_body: Annotated[int | None, typer.Option(metavar="BYTES", help="Largest request body.", min=1)] = None,
    request_timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="Longest that predict may take, as request_timeout in cluster.yaml.")
    ] = "60s",
    console: Annotated[bool, typer.Option(help="Have a page with charts at /_console, for this machine.")] = True,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log JSON lines, as in the cloud.")] = False,
) -> None:
    """Serve all APIs of a cortex.yaml on this machine.

    One port answers for all of them, at the endpoints of the file.
    Models in S3 are downloaded once and kept in a cache.
    Ctrl-C stops everything.

    \b
    Examples:
      cortex-cdk serve
      cortex-cdk serve my-api/cortex.yaml --port 9000 --reload
      cortex-cdk serve --model my-api=export/1
    """
    # Nothing is there to be stopped yet, and a KeyboardInterrupt within an import may become another error.
    at_ctrl_c = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from cortex_cdk.cli.model_download import download
        from cortex_cdk.local.model_server_process import NoModelServerError
        from cortex_cdk.local.serving import Options, PortTakenError, check_port
        from cortex_cdk.local.session import Session
        from cortex_cdk.spec.document import CONSOLE

        if model_server is not None:
            _check_address(model_server)
        timeout_s = seconds_of("--request-timeout", request_timeout)
        path = given_or_nearest(file)
        replaced = _replacements(model or [])
        project = _read(path, replaced, own_models=model_server is not None)
    finally:
        signal.signal(signal.SIGINT, at_ctrl_c)
    if project is None:
        raise typer.Exit(1)
    _check_names(replaced, project)
    say = _sayer(json_logs)

    def ready(api: ApiSpec, url: str) -> None:
        slots = api.autoscaling.workers_per_replica * api.autoscaling.threads_per_worker
        say(f"{api.name} is ready, for {slots} request{'s' if slots > 1 else ''} at once")
        sample = project.folder / "sample.json"
        data = f"@{shown(sample)}" if sample.is_file() and len(project.apis) == 1 else "'{}'"
        say(f'  curl {url} -H "Content-Type: application/json" -d {data}')

    options = Options(host, port, model_server, "json" if json_logs else "text", max_body, console, timeout_s)
    session = Session(project, options, replacements=replaced, say=say, on_ready=ready, download=download)
    try:
        check_port(host, port)
    except PortTakenError as error:
        raise UserError(str(error)) from None
    say(f"serving {path} at {options.url}: {', '.join(api.endpoint for api in project.apis)}")
    if console:
        say(f"console: {options.url}{CONSOLE}")
    try:
        status = session.run(
            prepare=(lambda: _read(path, replaced, own_models=model_server is not None)) if reload else None
        )
    except (NoModelServerError, PortTakenError) as error:
        raise UserError(str(error)) from None
    except KeyboardInterrupt:  # while a model was downloaded
        raise typer.Exit(130) from None
    raise typer.Exit(status)


def _sayer(json_logs: bool) -> Callable[[str], None]:
    """Prints a line of this program among those of its processes, in their format."""
    if json_logs:
        from cortex_runtime.logs import Writer
        from cortex_runtime.settings import Log

        writer = Writer(Log(format="json"), {"process": "cortex-cdk"})
        return lambda line: writer.write("info", line.strip())
    console = output.console()
    return lambda line: console.print(line, style="bold" if console.is_terminal else None)


def _check_address(address: str) -> None:
    """The value of ``--model-server``."""
    if not re.fullmatch(r"unix:.+|(\[[0-9A-Fa-f:]+\]|[^:\s/]+):[0-9]{1,5}", address):
        raise typer.BadParameter(f"{address!r} is not HOST:PORT, such as localhost:8500", param_hint="--model-server")


def _read(path: Path, replaced: dict[str, Path], *, own_models: bool) -> Project | None:
    """The project, or None after all of its problems were printed; of models that are not used, none is one."""
    from cortex_cdk.models.check import check_local_models
    from cortex_cdk.spec import check

    project, problems = check(path)
    if not own_models:
        problems = [*problems, *(p for p in check_local_models(path)[1] if p.api not in replaced)]
    if problems:
        output.problems(problems)
        return None
    return project


def _replacements(arguments: list[str]) -> dict[str, Path]:
    """The ``--model`` options by API name."""
    found: dict[str, Path] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals or not name or not path:
            raise typer.BadParameter(f"{argument!r} is not API=PATH", param_hint="--model")
        found[name] = Path(path).expanduser().absolute()
    return found


def _check_names(replaced: dict[str, Path], project: Project) -> None:
    names = [api.name for api in project.apis]
    for name in replaced:
        if name not in names:
            raise typer.BadParameter(f"there is no API {name!r}; there is {', '.join(names)}", param_hint="--model")
