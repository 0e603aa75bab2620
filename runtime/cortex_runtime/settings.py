"""The settings of one replica: one JSON document, typed and validated when the runtime starts.

The document comes from the environment variable ``CORTEX_SETTINGS`` or, for a larger one, from the file that
``CORTEX_SETTINGS_FILE`` names. Keys that are absent take their defaults; unknown keys and wrong types are errors.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from .slow import Limits

VARIABLE = "CORTEX_SETTINGS"
FILE_VARIABLE = "CORTEX_SETTINGS_FILE"

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0)]
NonEmpty = Annotated[str, Meta(min_length=1)]


class SettingsError(Exception):
    """The settings are missing or wrong; the message says which key and what is allowed."""


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the settings document."""


RESERVED = ("/livez", "/readyz", "/metrics", "/openapi.json")
"""Paths of the replica's own, which no endpoint can have."""


UrlPath = Annotated[str, Meta(pattern=r"^(/[A-Za-z0-9_.-]+)+\Z")]


class Api(Section, frozen=True, kw_only=True):
    """Which API this replica serves."""

    name: NonEmpty
    endpoint: UrlPath


class Predictor(Section, frozen=True, kw_only=True):
    """Where the user's predictor is. Paths are relative to ``project_dir``, which is the workers' working folder.

    A ``predict`` that runs for longer than ``timeout_s`` is given up: its request is answered 504, and its worker is
    replaced. Without it there is no limit.
    """

    project_dir: NonEmpty
    path: NonEmpty
    python_path: str = "."
    timeout_s: Annotated[float, Meta(gt=0)] | None = None
    config: dict[str, Any] = {}
    env: dict[Annotated[str, Meta(pattern=r"^[^=\0]+\Z")], Annotated[str, Meta(pattern=r"^[^\0]*\Z")]] = {}


class ModelServer(Section, frozen=True, kw_only=True):
    """The TensorFlow Serving to ask. ``timeout_s`` is the deadline of one call."""

    address: NonEmpty = "localhost:8500"
    model_name: NonEmpty = "model"
    signature_key: NonEmpty | None = None
    timeout_s: Annotated[float, Meta(gt=0)] = 300.0


class Tracker(Section, frozen=True, kw_only=True):
    """What of each prediction is counted."""

    model_type: Literal["classification", "regression"]
    key: NonEmpty | None = None


class Concurrency(Section, frozen=True, kw_only=True):
    """How many requests run at once (``workers`` x ``threads_per_worker``) and how many may be in flight."""

    workers: Annotated[int, Meta(ge=1, le=100)] = 1
    threads_per_worker: Positive = 1
    max_in_flight: Annotated[int, Meta(ge=1, le=65535)] = 1024


class Http(Section, frozen=True, kw_only=True):
    """The listening socket.

    Attributes:
        keep_alive_s: an idle connection is closed after it. It must be longer than the idle time-out of the load
            balancer in front.
        max_head_bytes: of a request's line and headers.
        read_timeout_s: within it the head of a request must have come, and so must its body, unless it comes with at
            least ``slow.MIN_BODY_RATE``. Then the client is told 408.
        write_timeout_s: a client that reads nothing of its answer for so long is cut off.
    """

    host: NonEmpty = "0.0.0.0"  # noqa: S104 - a container's port is reached from outside it
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    max_body_bytes: Positive = 100_000_000
    max_head_bytes: Annotated[int, Meta(ge=1024)] = 65_536
    keep_alive_s: Annotated[int, Meta(ge=1)] = 75
    read_timeout_s: Annotated[float, Meta(gt=0)] = 30.0
    write_timeout_s: Annotated[float, Meta(gt=0)] = 60.0

    def limits(self) -> Limits:
        """Of the time that a client may take."""
        return Limits(float(self.keep_alive_s), self.read_timeout_s, self.write_timeout_s)


class Shutdown(Section, frozen=True, kw_only=True):
    """After SIGTERM: ``grace_s`` of serving while not ready, then at most ``timeout_s`` to answer what is in flight."""

    grace_s: Seconds = 15.0
    timeout_s: Seconds = 60.0


class Log(Section, frozen=True, kw_only=True):
    """``auto`` is readable text on a terminal and JSON lines elsewhere."""

    format: Literal["auto", "json", "text"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Reporting(Section, frozen=True, kw_only=True):
    """Where load reports and metrics go besides the log.

    ``table`` is the DynamoDB table that the scaler reads; ``region`` its region, that of the environment
    (``AWS_REGION``, ``AWS_DEFAULT_REGION``) unless told. ``cluster`` and ``metric_namespace`` name the metrics.
    """

    table: NonEmpty
    cluster: NonEmpty
    region: NonEmpty | None = None
    metric_namespace: NonEmpty = "Cortex"


class Extension(Section, frozen=True, kw_only=True):
    """Code of whoever started the replica, for its front process: see ``extension``.

    ``factory`` is ``MODULE:FUNCTION``, and ``options`` are for it. ``path`` is the one path that it answers, if any.
    """

    factory: Annotated[str, Meta(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")]
    options: dict[str, Any] = {}
    path: UrlPath | None = None


class Settings(Section, frozen=True, kw_only=True):
    """All settings of a replica.

    ``parent_pid`` is the process that started the replica, which is to end when that one does (Linux): for serving on
    a machine where nothing else would end it. Without ``reporting``, load reports are log records and no more.
    """

    api: Api
    predictor: Predictor
    model_server: ModelServer = ModelServer()
    tracker: Tracker | None = None
    concurrency: Concurrency = Concurrency()
    http: Http = Http()
    shutdown: Shutdown = Shutdown()
    log: Log = Log()
    reporting: Reporting | None = None
    extension: Extension | None = None
    parent_pid: Positive | None = None
    replica_id: NonEmpty = msgspec.field(default_factory=socket.gethostname)


def parse(document: bytes | str) -> Settings:
    """Parse and validate a settings document.

    Raises:
        SettingsError: naming the key path, what was found and what is allowed.
    """
    try:
        settings = msgspec.json.decode(document, type=Settings)
    except (msgspec.DecodeError, UnicodeError) as error:  # ValidationError is the former
        raise SettingsError(str(error)) from None
    except RecursionError:
        raise SettingsError("the document is nested too deeply") from None
    taken = {*RESERVED, settings.extension.path if settings.extension is not None else None}
    if settings.api.endpoint in taken:
        raise SettingsError(f"{settings.api.endpoint} is a path of the replica's own - at `$.api.endpoint`")
    if settings.extension is not None and settings.extension.path in RESERVED:
        raise SettingsError(f"{settings.extension.path} is a path of the replica's own - at `$.extension.path`")
    return settings


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings that the environment points to.

    Raises:
        SettingsError: when there are none, they cannot be read, or they are wrong.
    """
    document = environment.get(VARIABLE)
    file = environment.get(FILE_VARIABLE)
    if document is not None and file is not None:
        raise SettingsError(f"set {VARIABLE} or {FILE_VARIABLE}, not both")
    if document is not None:
        source = VARIABLE
    elif file is not None:
        source = file
        try:
            document = Path(file).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read the settings file {file} ({FILE_VARIABLE}): {error}") from None
    else:
        raise SettingsError(f"no settings: set {VARIABLE} to a JSON document or {FILE_VARIABLE} to the path of one")
    try:
        return parse(document)
    except SettingsError as error:
        raise SettingsError(f"{source}: {error}") from None


def dump(settings: Settings) -> str:
    """The JSON document of ``settings``, all defaults written out."""
    return msgspec.json.encode(settings).decode()
