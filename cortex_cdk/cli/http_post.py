"""One POST of a JSON body, with the standard library: nothing slow to import."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import IO
from urllib.parse import urlsplit

from cortex_cdk.cli.errors import UserError


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of any status. ``location`` is where a redirection leads."""

    status: int
    reason: str
    content_type: str
    body: bytes
    request_id: str | None
    location: str | None

    @property
    def is_json(self) -> bool:
        """Whether the content type says JSON."""
        return self.content_type == "application/json"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would follow a redirection of a POST with a GET, whose answer is not a prediction."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None


def post(url: str, body: bytes, timeout_s: float) -> Answer:
    """POST ``body`` and read the whole answer. Proxies of the environment are used, but not to reach this machine.

    Raises:
        UserError: when there is no answer, saying why and what to do.
    """
    target, host = _resolvable(url)
    headers = {"Content-Type": "application/json", **({"Host": host} if host else {})}
    # Every URL here is http or https: the caller has checked it.
    request = urllib.request.Request(target, body, headers)  # noqa: S310
    proxies = urllib.request.ProxyHandler({} if _is_this_machine(url) else None)
    opener = urllib.request.build_opener(proxies, _NoRedirect)
    try:
        try:
            with opener.open(request, timeout=timeout_s) as response:
                return _answer(response.status, response.reason, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.reason, error.headers, error.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UserError(_no_answer(url, error, timeout_s)) from None


def _resolvable(url: str) -> tuple[str, str | None]:
    """The URL, or where only the name of its host under ``localhost`` is not known, one without it, and its ``Host``.

    Such names are this machine's (https://www.rfc-editor.org/rfc/rfc6761#section-6.3), which not every resolver knows.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not (parts.hostname or "").endswith(".localhost"):
        return url, None
    try:
        socket.getaddrinfo(parts.hostname, parts.port or 80)
    except (OSError, UnicodeError):
        port = f":{parts.port}" if parts.port else ""
        return parts._replace(netloc=f"127.0.0.1{port}").geturl(), parts.netloc.rpartition("@")[2]
    return url, None


def _answer(status: int, reason: str, headers: Message, body: bytes) -> Answer:
    content_type = headers.get_content_type()
    return Answer(status, reason, content_type, body, headers.get("x-request-id"), headers.get("location"))


def _no_answer(url: str, error: Exception, timeout_s: float) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ConnectionRefusedError):
        hint = "; run `cortex-cdk serve` in the project first" if _is_this_machine(url) else ""
        return f"nothing listens at {url}{hint}"
    if isinstance(cause, TimeoutError):
        return f"no answer from {url} within {timeout_s:g} s; --timeout SECONDS waits longer"
    if isinstance(cause, http.client.IncompleteRead | http.client.RemoteDisconnected | ConnectionError):
        return f"{url} closed the connection before its answer was complete"
    return f"cannot reach {url}: {cause}"


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
