"""The address to listen on: ``HOST:PORT``, ``[IPV6]:PORT`` or ``unix:PATH``.

gRPC itself takes a socket file away from the server that uses it and gives no reason when it cannot bind, so the checks
are made here first.
"""

from __future__ import annotations

import errno
import re
import socket
import stat
from pathlib import Path

import grpc

_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<host>[^:\[\]/\s]+)):(?P<port>[0-9]{1,5})")
_LONGEST_SOCKET_PATH = 107  # bytes; sun_path has 108 with its NUL (104 on macOS, whose bind then says so)
_ABSENT_FAMILY = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}  # such as ::1 where there is no IPv6


class AddressError(Exception):
    """The address is malformed or cannot be listened on; the message says why."""


def parse(address: str) -> str:
    """Check the form of an address and return it as gRPC takes it.

    Raises:
        AddressError: when it has none of the forms.
    """
    if address.startswith("unix:"):
        path = socket_path(address)
        if path is None or not path.name:
            raise AddressError(f"address {address!r} has no path; write unix:/path/to/socket")
        if len(str(path).encode()) > _LONGEST_SOCKET_PATH:
            raise AddressError(
                f"the path of address {address!r} is too long for a socket; {_LONGEST_SOCKET_PATH} bytes are allowed"
            )
        return f"unix:{path}"
    match = _HOST_AND_PORT.fullmatch(address)
    if match is None or int(match["port"]) > 65535:
        raise AddressError(f"address {address!r} is not HOST:PORT (port 0 to 65535; 0 takes a free one) or unix:PATH")
    return address


def socket_path(address: str) -> Path | None:
    """The file of a ``unix:`` address, or None for another address."""
    if not address.startswith("unix:"):
        return None
    path = address.removeprefix("unix:")
    return Path(path.removeprefix("//") if path.startswith("///") else path)


def bind(server: grpc.Server, address: str) -> str:
    """Let ``server`` listen on ``address``, as ``parse`` returned it; returns it with the port that was taken for 0.

    Raises:
        AddressError: when another server has it, or it cannot be bound for another reason.
    """
    path = socket_path(address)
    if path is not None:
        _clear_stale_socket(path)
    else:
        _check_free(address)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise AddressError(f"cannot listen on {address}: {error}") from None
    return address if path is not None else f"{address.rpartition(':')[0]}:{port}"


def _check_free(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise AddressError(f"cannot listen on {address}: {error.strerror}") from None
    absent = []
    for family, kind, protocol, _, target in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                # As gRPC does: connections of an earlier server that are still closing do not hold the port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(target)
                probe.listen(1)  # two sockets with SO_REUSEADDR may be bound to one port, but not both listen
        except OSError as error:
            if error.errno not in _ABSENT_FAMILY:
                raise AddressError(f"cannot listen on {address}: {error.strerror}") from None
            absent.append(error)
    if len(absent) == len(found):
        raise AddressError(f"cannot listen on {address}: {absent[0].strerror}")


def _clear_stale_socket(path: Path) -> None:
    """Remove the file that a server which was killed has left behind, and nothing else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise AddressError(f"cannot listen on unix:{path}: there is no folder {path.parent}") from None
        return
    except OSError as error:
        raise AddressError(f"cannot listen on unix:{path}: {error.strerror}") from None
    if not stat.S_ISSOCK(mode):
        raise AddressError(f"cannot listen on unix:{path}: there is a file of that name that is not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise AddressError(f"cannot listen on unix:{path}: {error.strerror}") from None
        else:
            raise AddressError(f"cannot listen on unix:{path}: another server listens there")
