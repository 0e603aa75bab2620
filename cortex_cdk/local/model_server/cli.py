"""The command line of the model server."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from cortex_cdk.local.model_server import address as addresses
from cortex_cdk.local.model_server.lifetime import StopSignals
from cortex_cdk.local.model_server.registry import Registry
from cortex_cdk.local.model_server.service import Service, build_server
from cortex_cdk.local.model_server.tensorflow_import import is_installed
from cortex_runtime.logs import Writer
from cortex_runtime.settings import Log

DEFAULT_ADDRESS = "127.0.0.1:8500"
FINISH_S = 5.0  # how long running calls may take to finish after a stop was asked for


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; returns the exit status: 0 after a stop, 1 when it cannot serve.

    Raises:
        SystemExit: with status 2 when the arguments are wrong.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        models = _models(options.model)
        wanted = addresses.parse(options.address)
    except (ValueError, addresses.AddressError) as error:
        parser.error(str(error))
    # The log keeps its own descriptor: importing TensorFlow redirects standard error for a while.
    log = Writer(Log(format=options.log_format), {"process": "model-server"}, fd=os.dup(2))
    if not is_installed():
        log.write("error", "TensorFlow is not installed: pip install 'cortex-cdk[local]'")
        return 1
    stop = StopSignals()
    registry = Registry(models, log)
    server = build_server(Service(registry, tensor_content=options.enable_serialization_as_tensor_content), log)
    try:
        try:
            bound = addresses.bind(server, wanted)
        except addresses.AddressError as error:
            log.write("error", str(error))
            return 1
        server.start()
        log.write("info", "listening", address=bound, models=",".join(models))
        registry.start()
        reason = stop.wait(options.exit_with_parent)
        log.write("info", "stopping", reason=reason)
        server.stop(FINISH_S).wait()
        if (path := addresses.socket_path(bound)) is not None:
            path.unlink(missing_ok=True)
        log.write("info", "stopped")
        return 0
    finally:
        registry.close()


def _models(values: Sequence[str]) -> dict[str, Path]:
    """The paths by model name; ValueError names all that is wrong with them."""
    models: dict[str, Path] = {}
    problems = []
    for value in values:
        name, separator, path = value.partition("=")
        if not (name and separator and path):
            problems.append(f"--model {value!r} is not NAME=PATH")
        elif name in models:
            problems.append(f"--model {name} is given more than once")
        elif not Path(path).exists():
            problems.append(f"--model {value}: there is no such file or folder")
        else:
            models[name] = Path(path).absolute()
    if problems:
        raise ValueError("; ".join(problems))
    return models


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cortex_cdk.local.model_server",
        description="Serve TensorFlow models over gRPC, as TensorFlow Serving does.",
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=min(100, shutil.get_terminal_size().columns)),
    )
    parser.add_argument(
        "--address",
        default=DEFAULT_ADDRESS,
        metavar="ADDR",
        help="HOST:PORT (port 0 takes a free one) or unix:PATH (default: %(default)s)",
    )
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="NAME=PATH",
        help="a model and its export folder, folder of numbered versions (the highest is served), or zip of either; "
        "may be repeated",
    )
    parser.add_argument(
        "--enable-serialization-as-tensor-content",
        action="store_true",
        help="answer with the bytes of tensors instead of typed fields, as TensorFlow Serving's option of this name "
        "does; faster for large outputs",
    )
    parser.add_argument(
        "--exit-with-parent",
        nargs="?",
        type=int,
        const=os.getppid(),
        metavar="PID",
        help="stop when the process that started this one ends; its id may be given, so that an end during the start "
        "is noticed too",
    )
    parser.add_argument("--log-format", choices=("auto", "json", "text"), default="auto", help="(default: %(default)s)")
    return parser
