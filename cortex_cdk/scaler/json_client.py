"""Calls to DynamoDB, ECS and SQS, whose protocol is JSON over HTTP.

A client of botocore spends 2.2 ms of CPU on a call, this one 0.1 ms (one core of a development machine, 2026): with a
thousand calls a tick, and the fifth part of a core that a Lambda of 384 MB has, that is 10 s or half a second.
And a client of botocore drops the fields that it does not know yet from what it reads, where the scaler has to hand
back a service's deployment configuration whole. Credentials and endpoints are botocore's; errors are tried again as in
its retry mode ``standard``: three attempts, with exponentially growing, random pauses.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html,
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

import json
import os
import random
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from botocore.session import Session

from .http_connection import Connection, HttpError
from .signature import Keys, Scope, sign

ATTEMPTS = 3
TIMEOUT_S = 2.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 1.0
THROTTLED = frozenset(
    {
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class AwsError(Exception):
    """A call failed for good.

    Attributes:
        code: the service's code, such as ``ThrottlingException``; ``ConnectionError`` when there was no answer.
        answer: the body of the service's answer; empty when there was none.
    """

    def __init__(self, operation: str, code: str, message: str, answer: dict[str, Any] | None = None) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code
        self.answer = answer or {}


class Client(Protocol):
    """One service of AWS. ``call`` may be used by many threads at once."""

    def call(self, operation: str, request: dict[str, Any], *, deadline: float | None = None) -> dict[str, Any]:
        """The answer to a request, both as the service's own JSON.

        Args:
            deadline: when to give up at the latest, as ``time.monotonic()`` counts.

        Raises:
            AwsError: when the service refuses, or does not answer in time.
        """


@dataclass(frozen=True)
class Aws:
    """The services that the scaler uses."""

    dynamodb: Client
    ecs: Client
    sqs: Client


@dataclass(frozen=True)
class Protocols:
    """What differs between services: signing name, prefix of operations, version of JSON."""

    service: str
    target: str
    version: str


DYNAMODB = Protocols("dynamodb", "DynamoDB_20120810", "1.0")
ECS = Protocols("ecs", "AmazonEC2ContainerServiceV20141113", "1.1")
SQS = Protocols("sqs", "AmazonSQS", "1.0")


def connect(session: Session | None = None) -> Aws:
    """Clients with the environment's credentials, region and endpoints; nothing is called yet."""
    session = session or Session()
    return Aws(*(JsonClient(protocol, session) for protocol in (DYNAMODB, ECS, SQS)))


class JsonClient:
    """A client of one service, with a pool of connections that are kept between ticks.

    A client of botocore is made once, to ask it for the endpoint.

    Args:
        protocol: of the service.
        session: for credentials, region and endpoint.
        sleep, rand: how to wait, and a number of 0..1 for how long.

    Raises:
        ValueError: when there is no region.
    """

    def __init__(
        self,
        protocol: Protocols,
        session: Session,
        *,
        sleep: Callable[[float], None] = time.sleep,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._protocol = protocol
        self._session = session
        self._sleep, self._rand = sleep, rand
        # AWS_REGION is always set in a Lambda; botocore itself reads AWS_DEFAULT_REGION only.
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region")
        if not region:
            raise ValueError("no region: set AWS_REGION")
        self._region: str = region
        self._idle: deque[Connection] = deque()

    @cached_property
    def url(self) -> str:
        """The endpoint: that of the environment, else that of the region."""
        client = self._session.create_client(self._protocol.service, region_name=self._region)
        return str(client.meta.endpoint_url)

    @cached_property
    def _endpoint(self) -> _Endpoint:
        return _Endpoint.of(self.url)

    def call(self, operation: str, request: dict[str, Any], *, deadline: float | None = None) -> dict[str, Any]:
        """See ``Client.call``."""
        body = json.dumps(request, separators=(",", ":")).encode()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(operation, body, deadline)
            except _Passing as error:
                pause = self._rand() * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1))
                out_of_time = deadline is not None and time.monotonic() + pause >= deadline
                if attempt == ATTEMPTS or out_of_time:
                    raise error.as_aws_error(operation) from None
                self._sleep(pause)
        raise AssertionError("every attempt returns or raises")

    def _attempt(self, operation: str, body: bytes, deadline: float | None) -> dict[str, Any]:
        timeout = TIMEOUT_S if deadline is None else min(TIMEOUT_S, deadline - time.monotonic())
        if timeout <= 0:
            raise AwsError(operation, "OutOfTime", "there was no time left for it in this tick")
        status, answer = self._send(self._signed(operation, body), timeout)
        if status == 200:
            return answer
        code = str(answer.get("__type", f"HTTP {status}")).rpartition("#")[2].partition(":")[0]
        message = str(answer.get("message") or answer.get("Message") or "")
        if status >= 500 or status == 429 or code in THROTTLED:
            raise _Passing(code, message)
        raise AwsError(operation, code, message, answer)

    def _signed(self, operation: str, body: bytes) -> bytes:
        """The whole request."""
        credentials = self._session.get_credentials()
        if credentials is None:
            raise AwsError(operation, "NoCredentials", "there are no credentials in the environment")
        headers = {
            "Content-Type": f"application/x-amz-json-{self._protocol.version}",
            "X-Amz-Target": f"{self._protocol.target}.{operation}",
        }
        keys = credentials.get_frozen_credentials()
        scope = Scope(self._protocol.service, self._region)
        signer = Keys(keys.access_key or "", keys.secret_key or "", keys.token)
        where = self._endpoint
        signed = sign(headers, body, where.authority, where.path, scope, signer)
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        return f"POST {where.path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def _send(self, request: bytes, timeout: float) -> tuple[int, dict[str, Any]]:
        connection: Connection | None = None
        try:
            connection = self._connection(timeout)
            status, content = connection.post(request, timeout)
            found = json.loads(content) if content else {}
        except (OSError, HttpError, ValueError) as error:
            if connection is not None:
                connection.close()
            while self._idle:  # the others are as old as this one, and have probably been closed with it
                self._idle.pop().close()
            raise _Passing("ConnectionError", f"{type(error).__name__}: {error}") from None
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return status, found if isinstance(found, dict) else {}

    def _connection(self, timeout: float) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            where = self._endpoint
            context = _tls(os.environ.get("AWS_CA_BUNDLE")) if where.secure else None
            return Connection(where.host, where.port, context, timeout)


class _Endpoint(NamedTuple):
    """Parts of an endpoint's URL; ``authority`` is host and port as the URL has them."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str

    @classmethod
    def of(cls, url: str) -> _Endpoint:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname or "", parts.port or (443 if secure else 80), parts.netloc, parts.path or "/")


@lru_cache(maxsize=1)
def _tls(cafile: str | None) -> ssl.SSLContext:
    """One for all services: reading the certificates takes longer than a handshake."""
    return ssl.create_default_context(cafile=cafile)


class _Passing(Exception):
    """An attempt failed in a way that another may not."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)

    def as_aws_error(self, operation: str) -> AwsError:
        return AwsError(operation, *self.args)
