"""Who may see the page: browsers on this machine that were sent there by nobody else.

Predictions may be asked for from anywhere (as in the cloud, any origin may call). The page shows more: how much is
asked, the project's sample, reasons of failures. So it is refused

- to other machines, also where ``--host`` lets them reach the APIs;
- under names that are not this machine's, which is how a foreign page whose name is rebound to 127.0.0.1 would ask;
- to scripts and frames of other origins.

It changes nothing: only GET and HEAD are answered, and the form on it calls the API like any other client.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused: the status of the answer, and its text."""

    status: int
    reason: str

    @property
    def headers(self) -> dict[str, str]:
        """What belongs to the status."""
        return {"Allow": "GET, HEAD"} if self.status == 405 else {}


def refusal(method: str, headers: Mapping[str, str], peer: str, own: str) -> Refusal | None:
    """Whether to refuse a request for the page; None: it may be answered.

    Args:
        method: of the request.
        headers: by lower-case name.
        peer: the client's IP address, empty when it is not known.
        own: the address of this end of its connection.
    """
    if method not in ("GET", "HEAD"):
        return Refusal(405, "the console answers GET and HEAD only")
    if not _is_this_machine(peer, own):
        return Refusal(
            403,
            "the console answers browsers on its own machine only; from another one forward the port to it, "
            "for example with `ssh -L 8080:localhost:8080 HOST`, and open http://localhost:8080/_console there",
        )
    host = headers.get("host", "")
    if not _is_own_name(host):
        return Refusal(403, f"the console is not served as {host!r}; open it by localhost or an IP address")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return Refusal(403, "the console is not for pages of other origins")
    # Browsers tell who made them ask. A link may lead here, a script or a frame of another page may not.
    from_elsewhere = headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
    if from_elsewhere and headers.get("sec-fetch-dest") != "document":
        return Refusal(403, "the console is not for pages of other origins")
    return None


def _is_this_machine(peer: str, own: str) -> bool:
    """Connections from an address of this machine to another of its own come from the latter."""
    if peer and peer == own:
        return True
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _is_own_name(host: str) -> bool:
    """``localhost``, names below it, and addresses: names that nobody can point elsewhere."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
