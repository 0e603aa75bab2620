"""The ``cortex-cdk`` program: registers the commands and turns errors of the user into messages.

Commands import what is slow to load (boto3, pydantic, grpc) when they run, not when their file is imported, so that
``--help`` and shell completion answer at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cortex_cdk.cli import explain, get, init, logs, output, plan, predict, schema, serve, simulate, top, validate
from cortex_cdk.cli.errors import UserError
from cortex_cdk.cli.grouped_help import GroupedHelp
from cortex_cdk.models.errors import ModelError
from cortex_cdk.operations.errors import OperationError
from cortex_cdk.spec.problem import SpecError

app = typer.Typer(
    name="cortex-cdk",
    help="Serve TensorFlow models behind HTTP endpoints, as cortex.yaml describes them.",
    epilog="Begin with `cortex-cdk init my-api`. Each command explains itself: `cortex-cdk COMMAND --help`.",
    no_args_is_help=True,
    rich_markup_mode=None,  # boxes would take half of the time that --help takes
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In the order of --help: that of a user's first day.
app.command("init")(init.init)
app.command("validate")(validate.validate)
app.command("serve")(serve.serve)
app.command("predict")(predict.predict)
app.command("simulate", cls=GroupedHelp)(simulate.simulate)
app.command("plan", cls=GroupedHelp)(plan.plan)
app.command("get")(get.get)
app.command("top")(top.top)
app.command("logs")(logs.logs)
app.command("explain")(explain.explain)
app.command("schema")(schema.schema)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cortex-cdk {version('cortex-cdk')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line. Exit status: 0 when all is well, 1 for problems, 2 for wrong usage."""
    try:
        app()
    except SpecError as error:
        output.problems(error.problems)
        sys.exit(1)
    except (UserError, ModelError, OperationError) as error:
        output.error(str(error))
        sys.exit(1)
