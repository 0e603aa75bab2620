"""The S3 client and what its errors mean. boto3 is imported on the first call only: it is slow to load."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cortex_cdk.models.errors import DownloadError
from cortex_cdk.spec.s3_uri import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NO_CREDENTIALS = (
    "no AWS credentials were found; run `aws configure`, or set AWS_PROFILE, "
    "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)
_EXPIRED = {"ExpiredToken", "TokenRefreshRequired", "RequestExpired"}
_UNKNOWN_KEY = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "AuthorizationHeaderMalformed"}


def make_client() -> S3Client:
    """An S3 client as the environment configures boto3: region, profile, credentials, ``AWS_ENDPOINT_URL``.

    Without credentials, requests are anonymous, which reads public buckets.

    Raises:
        DownloadError: when boto3's configuration is wrong, such as a profile that does not exist.
    """
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        session = boto3.session.Session()
        timeouts = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard"})
        if session.get_credentials() is None:
            timeouts = timeouts.merge(Config(signature_version=UNSIGNED))
        return session.client("s3", config=timeouts)
    except (BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
        raise DownloadError(f"the AWS configuration is wrong: {error}") from None


@contextmanager
def explained(client: S3Client, uri: S3Uri) -> Iterator[None]:
    """Turn the errors of boto3 within the block into a ``DownloadError`` that says what to do."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise DownloadError(f"{uri}: {_client_problem(error, client, uri)}") from None
    except BotoCoreError as error:
        raise DownloadError(f"{uri}: {_connection_problem(error, client)}") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" at {error.filename}" if error.filename else ""
            raise DownloadError(f"{uri}: the disk is full{where}; free some space and run again") from None
        raise DownloadError(f"{uri}: cannot be written to disk: {error}") from None


def is_anonymous(client: S3Client) -> bool:
    """Whether requests go unsigned because no credentials were found."""
    from botocore import UNSIGNED

    return client.meta.config.signature_version is UNSIGNED  # type: ignore[attr-defined]


def _client_problem(error: Exception, client: S3Client, uri: S3Uri) -> str:
    response = getattr(error, "response", {})
    code = str(response.get("Error", {}).get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code == "NoSuchBucket":
        return f"there is no bucket {uri.bucket}"
    if code in ("NoSuchKey", "404", "NotFound"):
        return "there is no such object"
    if code in _EXPIRED:
        return "the AWS credentials have expired; renew them and run again"
    if code in _UNKNOWN_KEY:
        return f"AWS does not accept the credentials ({code}); check AWS_PROFILE or the access keys"
    if status == 412:
        return "the model was replaced while it was being downloaded; run again"
    if status in (401, 403):
        if is_anonymous(client):
            return f"access denied: the bucket is not public and {_NO_CREDENTIALS}"
        return "access denied; the credentials need s3:ListBucket on the bucket and s3:GetObject on the model's objects"
    return f"S3 answered: {error}"


def _connection_problem(error: Exception, client: S3Client) -> str:
    from botocore import exceptions

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return _NO_CREDENTIALS
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return (
            f"cannot reach S3 at {client.meta.endpoint_url}: {error}; "
            f"check the network, and AWS_ENDPOINT_URL when you use one"
        )
    return str(error)
