"""Which ``cortex.yaml`` a command is about."""

from __future__ import annotations

from pathlib import Path

from cortex_cdk.cli.errors import UserError

NAME = "cortex.yaml"


def nearest(start: Path) -> Path | None:
    """The ``cortex.yaml`` in ``start`` or the nearest folder above it that has one."""
    folder = start.absolute()
    return next((file for parent in (folder, *folder.parents) if (file := parent / NAME).is_file()), None)


def shown(path: Path) -> Path:
    """The path as short as it is clear: relative to the working folder when it is below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def given_or_nearest(given: Path | None) -> Path:
    """The file to use: the given one, that in a given folder, else the nearest.

    It need not exist; whoever reads it says so.
    """
    if given is None:
        found = nearest(Path.cwd())
        return shown(found) if found else Path(NAME)
    return given / NAME if given.is_dir() else given


def endpoints(path: Path) -> dict[str, str]:
    """The endpoint of each API of a ``cortex.yaml`` by name, whatever else may be wrong in the file.

    Raises:
        UserError: when it cannot be read at all.
    """
    from cortex_cdk.spec.document import ENDPOINT
    from cortex_cdk.spec.kind import Invalid
    from cortex_cdk.spec.yaml_document import read
    from cortex_cdk.spec.yaml_nodes import DocumentError, content_of, decode

    try:
        data = read(decode(content_of(path))).data
    except OSError as error:
        raise UserError(f"{shown(path)}: cannot be read: {error.strerror}") from None
    except DocumentError as error:
        raise UserError(f"{shown(path)}: {error.message}; see `cortex-cdk validate`") from None
    found = {}
    for api in data if isinstance(data, list) else ():
        name = api.get("name") if isinstance(api, dict) else None
        if isinstance(name, str):
            try:
                found[name] = ENDPOINT.check(api["endpoint"]) if "endpoint" in api else f"/{name}"
            except Invalid:
                raise UserError(f"{shown(path)}: the endpoint of {name} is wrong; see `cortex-cdk validate`") from None
    return found
