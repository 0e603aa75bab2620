"""``cortex-cdk top``: all APIs on one screen, live."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cortex_cdk.cli.deployment import ClusterName, Profile, Region, connect
from cortex_cdk.cli.errors import UserError

if TYPE_CHECKING:
    from cortex_cdk.cli.top_rows import Source
    from cortex_cdk.cli.top_screen import State

LOCAL_URL = "http://localhost:8080"
READ_S = 1.0
"""Between two readings; how often each source is really asked is its own affair."""


def top(
    local: Annotated[bool, typer.Option("--local", help=f"Of `cortex-cdk serve` at {LOCAL_URL}.")] = False,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Of `cortex-cdk serve` at this URL of this machine.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and end, for programs.")] = False,
    cluster: ClusterName = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Show all APIs of a cluster on one screen, live.

    Replicas that are ready, asked for, and wanted by the scaler; requests in
    flight, now and over the last ten minutes; answers by code; latency; and
    below, of one API, what the scaler decided last and why.

    Keys: q quits, the arrows select an API, s sorts.

    \b
    Examples:
      cortex-cdk top
      cortex-cdk top --local
      cortex-cdk top --local --json
    """
    if not as_json and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError("top needs a terminal; programs read `cortex-cdk top --json` or `get --watch --json`")
    source: Source
    if local or url is not None:
        from cortex_cdk.cli.top_local import LocalSource

        source = LocalSource(url or LOCAL_URL)
    else:
        from cortex_cdk.cli.top_cluster import ClusterSource

        source = ClusterSource(connect(cluster, region, profile))
    try:
        if as_json:
            from cortex_cdk.cli.top_document import document_of

            document = document_of(source, source.read(), time.time())
            typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            _show(source)
    except KeyboardInterrupt:  # one of the ways to quit
        pass
    finally:
        source.close()


def _show(source: Source) -> None:
    from rich.console import Console
    from rich.live import Live

    from cortex_cdk.cli.keyboard import Keyboard
    from cortex_cdk.cli.top_screen import View, screen

    reader = _Reader(source)
    console = Console(markup=False, highlight=False, emoji=False)
    view = View()
    with Keyboard() as keyboard, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            state = reader.state
            width, height = console.size
            live.update(screen(state, view, width, height, time.time()), refresh=True)
            key = keyboard.key(READ_S / 2)
            if key in ("q", "escape"):
                return
            if key is not None:
                view = view.after(key, state.rows)


class _Reader:
    """Reads in a thread, so that keys are answered at once."""

    def __init__(self, source: Source) -> None:
        from cortex_cdk.cli.top_screen import State

        self.state: State = State(source.title, source.window)
        self._source = source
        threading.Thread(target=self._run, name="reader", daemon=True).start()

    def _run(self) -> None:
        from cortex_cdk.operations.errors import OperationError

        while True:
            try:
                self.state = replace(self.state, rows=self._source.read(), problem=None, known=True)
            except OperationError as error:
                self.state = replace(self.state, problem=str(error))
            except Exception as error:  # a thread that ends would leave old figures standing
                self.state = replace(self.state, problem=f"unexpected {type(error).__name__}: {error}")
            time.sleep(READ_S)
