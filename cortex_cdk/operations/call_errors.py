"""What boto3's errors mean, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cortex_cdk.operations.errors import CallError

NO_REGION = "no AWS region is set; give --region, or set AWS_REGION"
_NO_CREDENTIALS = (
    "no AWS credentials were found; run `aws configure` or `aws sso login`, give --profile, "
    "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)
_PREFIXES = {"elbv2": "elasticloadbalancing"}
"""Of IAM's actions, where they are not the service's name in boto3."""

_TITLES = {
    "cloudformation": "CloudFormation",
    "cloudwatch": "CloudWatch",
    "dynamodb": "DynamoDB",
    "ecs": "ECS",
    "elbv2": "Elastic Load Balancing",
    "logs": "CloudWatch Logs",
}
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
_UNKNOWN_KEYS = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_THROTTLED = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def of_configuration(error: Exception) -> str:
    """Why boto3 cannot be set up, in words."""
    from botocore import exceptions

    if isinstance(error, exceptions.ProfileNotFound):
        return f"{error}; `aws configure list-profiles` lists those there are"
    return f"the AWS configuration is wrong: {error}"


@contextmanager
def explained(service: str, operation: str, endpoint: str, profile: str | None) -> Iterator[None]:
    """Turn boto3's errors within the block into a ``CallError``."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        found = error.response.get("Error", {})
        code, detail = str(found.get("Code", "")), str(found.get("Message", "")).strip()
        raise CallError(_refused(service, operation, code, detail), code, detail) from None
    except BotoCoreError as error:
        raise CallError(_unanswered(error, service, endpoint, profile)) from None


def _refused(service: str, operation: str, code: str, detail: str) -> str:
    if code in _EXPIRED:
        return "the AWS credentials have expired; renew them (`aws sso login`) and run again"
    if "Signature expired" in detail or code == "RequestTimeTooSkewed":
        return "AWS does not accept the time of this machine; set its clock"
    if code in _UNKNOWN_KEYS:
        return f"AWS does not accept the credentials ({code}); check --profile, AWS_PROFILE or the access keys"
    if code in _DENIED:
        action = f"{_PREFIXES.get(service, service)}:{operation}"
        return f"access denied; the credentials need the IAM action {action}" + (f" ({detail})" if detail else "")
    if code in _THROTTLED:
        return f"{_title(service)} has too many calls to answer at the moment ({operation}: {code}); run again later"
    return f"{_title(service)} refuses {operation}: {code}: {detail}"


def _unanswered(error: Exception, service: str, endpoint: str, profile: str | None) -> str:
    from botocore import exceptions

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return _NO_CREDENTIALS
    if isinstance(error, exceptions.SSOError | exceptions.TokenRetrievalError):
        named = f" --profile {profile}" if profile else ""
        return f"the AWS sign-in is missing or has ended; run `aws sso login{named}`"
    if isinstance(error, exceptions.CredentialRetrievalError):
        return f"the AWS credentials cannot be had: {error}"
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return f"cannot reach {_title(service)} at {endpoint}; check the region, the network and AWS_ENDPOINT_URL"
    return f"the AWS configuration is wrong: {error}"


def _title(service: str) -> str:
    return _TITLES.get(service, service)
