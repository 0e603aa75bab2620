"""``cortex-cdk predict``: send a sample to an API that is running."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit, urlunsplit

import typer

from cortex_cdk.cli import output
from cortex_cdk.cli.deployment import ClusterName, Profile, Region
from cortex_cdk.cli.errors import UserError
from cortex_cdk.cli.project_file import endpoints, given_or_nearest, nearest, shown

if TYPE_CHECKING:
    from cortex_cdk.cli import http_post

DEFAULT_URL = "http://localhost:8080"
SAMPLE = "sample.json"


def predict(
    api: Annotated[str, typer.Argument(metavar="API", help="The name of the API.")],
    sample: Annotated[
        str | None,
        typer.Argument(
            metavar="sample.json",
            help="The file with the JSON payload, `-` for stdin; by default sample.json beside cortex.yaml.",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where the APIs are served; the endpoint is added unless the URL has a path of its own.  "
            f"[default: {DEFAULT_URL}, or the deployment's]",
        ),
    ] = None,
    deployed: Annotated[
        bool, typer.Option("--deployed", help="Ask the deployed API; so do --cluster, --region and --profile.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(metavar="cortex.yaml", help="The file that has the API's endpoint; the nearest one by default."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Have the API log the payload and the prediction.")] = False,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.001, max=86_400, help="How long to wait for the answer.")
    ] = 60.0,
    cluster: ClusterName = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Send a sample to an API and print its prediction.

    The API is the one of `cortex-cdk serve` on this machine, unless --url or
    --deployed say otherwise. Without a cortex.yaml the endpoint is /API.
    Without a terminal, stdout gets the answer as the API sent it: JSON from
    most APIs, so that programs need no option for it.

    Exit status: 0 prediction, 1 error answer or no answer, 2 wrong usage.

    \b
    Examples:
      cortex-cdk predict my-api
      echo '{"text": "hello"}' | cortex-cdk predict my-api -
      cortex-cdk predict my-api sample.json --deployed
      cortex-cdk predict my-api sample.json --url https://models.example.com
    """
    from cortex_cdk.cli import http_post

    config = given_or_nearest(file) if file else nearest(Path.cwd())
    body = _payload(sample, config.parent if config else Path())
    if deployed or cluster or region or profile:
        from cortex_cdk.cli import deployed_url

        found = deployed_url.find(api, cluster, region, profile)
        target = _target(url or found.base, debug=debug, endpoint=lambda: found.endpoint)
        try:
            answer = http_post.post(target, body, timeout)
        except UserError as error:
            raise UserError(f"{error}; {found.hint(url)}") from None
    else:
        target = _target(url or DEFAULT_URL, debug=debug, endpoint=lambda: _endpoint(api, config))
        answer = http_post.post(target, body, timeout)
    if answer.status == 200:
        _show(answer)
        return
    output.error(f"{target} answered {_error_text(answer)}")
    if answer.request_id:
        output.note(f"request id: {answer.request_id}")
    raise typer.Exit(1)


def _target(url: str, *, debug: bool, endpoint: Callable[[], str]) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # brackets of IPv6, a port that is no number
        valid = False
    if not valid:
        raise UserError(f"--url {url}: not a URL; write it as {DEFAULT_URL}")
    path = parts.path if parts.path.strip("/") else endpoint()
    query = "&".join(part for part in (parts.query, "debug=true" if debug else "") if part)
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _endpoint(api: str, config: Path | None) -> str:
    if config is None:
        return f"/{api}"
    known = endpoints(config)
    if api not in known:
        close = get_close_matches(api, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(known) or 'none'}"
        raise UserError(f"{shown(config)} has no API {api}; {hint}")
    return known[api]


def _payload(sample: str | None, folder: Path) -> bytes:
    """The bytes to send, which are JSON."""
    path = folder / SAMPLE if sample is None else Path(sample)
    name = "stdin" if sample == "-" else str(shown(path))
    try:
        body = sys.stdin.buffer.read() if sample == "-" else path.read_bytes()
    except OSError as error:
        hint = "; name the file to send, or - for stdin" if sample is None else ""
        raise UserError(f"{name}: cannot be read: {error.strerror}{hint}") from None
    try:
        json.loads(body.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: not JSON: not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise UserError(f"{name}: JSON that is nested too deep") from None
    return body


def _show(answer: http_post.Answer) -> None:
    terminal = sys.stdout.isatty()
    if answer.is_json:
        text = answer.body.decode("utf-8", "replace")
        if terminal:
            output.console().print_json(text, ensure_ascii=False)
        else:
            typer.echo(text)
    elif terminal:
        output.note(
            f"{len(answer.body):,} bytes of {answer.content_type}; redirect them: cortex-cdk predict ... > file"
        )
    else:
        sys.stdout.buffer.write(answer.body)
        sys.stdout.buffer.flush()


def _error_text(answer: http_post.Answer) -> str:
    text = answer.body.decode("utf-8", "replace").strip()
    if 300 <= answer.status < 400:
        text = f"a redirection to {answer.location}; give that as --url"
    elif answer.is_json:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            text = json.loads(text)["error"]
    elif len(text) > 500 or "html" in answer.content_type:
        text = f"{len(answer.body):,} bytes of {answer.content_type}"
    return f"{answer.status} {answer.reason}: {text or 'no message'}"
