"""Calls of AWS whose failures are sentences."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

from cortex_cdk.operations import call_errors
from cortex_cdk.operations.errors import OperationError

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
ATTEMPTS = 4


class Aws:
    """One account in one region, as the environment configures boto3: credentials, profile, ``AWS_ENDPOINT_URL``.

    Operations have the names of the API, such as ``DescribeServices``, which are also those of IAM's actions. May be
    used by many threads at once.

    Args:
        region: instead of the environment's or the profile's.
        profile: instead of ``AWS_PROFILE``.

    Raises:
        OperationError: when there is no such profile, or no region.
    """

    def __init__(self, *, region: str | None = None, profile: str | None = None) -> None:
        import boto3
        from botocore.exceptions import BotoCoreError

        try:
            # boto3 itself reads AWS_DEFAULT_REGION alone.
            self._session = boto3.session.Session(
                region_name=region or os.environ.get("AWS_REGION") or None, profile_name=profile
            )
            found = self._session.region_name
        except BotoCoreError as error:
            raise OperationError(call_errors.of_configuration(error)) from None
        if not found:
            raise OperationError(call_errors.NO_REGION)
        self.region: str = found
        self.profile = profile
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """The answer to one call.

        Raises:
            CallError: when it fails.
        """
        from botocore import xform_name

        client = self._client(service)
        with call_errors.explained(service, operation, client.meta.endpoint_url, self.profile):
            answer: dict[str, Any] = getattr(client, xform_name(operation))(**arguments)
        return answer

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The answers to one call after another, for as long as there are more.

        Raises:
            CallError: when one fails.
        """
        from botocore import xform_name

        client = self._client(service)
        with call_errors.explained(service, operation, client.meta.endpoint_url, self.profile):
            yield from client.get_paginator(xform_name(operation)).paginate(**arguments)

    def _client(self, service: str) -> Any:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        with self._making:  # sessions are for one thread, clients for many
            if service not in self._clients:
                config = Config(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=READ_TIMEOUT_S,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                )
                make: Any = self._session.client
                try:
                    self._clients[service] = make(service, config=config)
                except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
                    raise OperationError(call_errors.of_configuration(error)) from None
            return self._clients[service]
