"""What is said when AWS refuses, does not answer, or is not configured: a line with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from cortex_cdk.operations import call_errors
from cortex_cdk.operations.aws import Aws
from cortex_cdk.operations.errors import CallError, OperationError

ENDPOINT = "https://ecs.eu-west-1.amazonaws.com"


def said(error: Exception, service: str = "ecs", operation: str = "ListServices", profile: str | None = None) -> str:
    with pytest.raises(CallError) as raised, call_errors.explained(service, operation, ENDPOINT, profile):
        raise error
    return str(raised.value)


def refused(code: str, message: str = "No.") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "ListServices")


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])
@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("ecs", "ListServices", "ecs:ListServices"),
        ("logs", "FilterLogEvents", "logs:FilterLogEvents"),
        ("elbv2", "DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancers"),
    ],
)
def test_access_denied_names_the_action(code: str, service: str, operation: str, action: str) -> None:
    assert f"need the IAM action {action} " in said(refused(code), service, operation) + " "


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused("ExpiredTokenException"), "credentials have expired; renew them"),
        (refused("UnrecognizedClientException"), "does not accept the credentials (UnrecognizedClientException)"),
        (refused("InvalidSignatureException", "Signature expired: 1 is now earlier than 2"), "set its clock"),
        (refused("ThrottlingException"), "too many calls to answer at the moment (ListServices: Thr"),
        (refused("ClusterNotFoundException", "none"), "ECS refuses ListServices: ClusterNotFoundException: none"),
        (exceptions.NoCredentialsError(), "no AWS credentials were found; run `aws configure`"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), "no AWS credentials were found"),
        (exceptions.UnauthorizedSSOTokenError(), "run `aws sso login`"),
        (exceptions.CredentialRetrievalError(provider="x", error_msg="broke"), "credentials cannot be had: "),
        (exceptions.EndpointConnectionError(endpoint_url=ENDPOINT), f"cannot reach ECS at {ENDPOINT}; check"),
        (exceptions.ConnectTimeoutError(endpoint_url=ENDPOINT), f"cannot reach ECS at {ENDPOINT}; check"),
        (exceptions.ReadTimeoutError(endpoint_url=ENDPOINT), f"cannot reach ECS at {ENDPOINT}; check"),
        (BotoCoreError(), "the AWS configuration is wrong: "),
    ],
)
def test_words(error: Exception, words: str) -> None:
    assert words in said(error)


def test_the_profile_is_named_that_has_to_sign_in() -> None:
    assert "`aws sso login --profile work`" in said(exceptions.UnauthorizedSSOTokenError(), profile="work")


def test_the_code_is_kept_for_who_knows_more() -> None:
    with pytest.raises(CallError) as raised, call_errors.explained("ecs", "ListServices", ENDPOINT, None):
        raise refused("ValidationError", "does not exist")
    assert (raised.value.code, raised.value.detail) == ("ValidationError", "does not exist")


@pytest.fixture
def no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.mark.usefixtures("no_configuration")
def test_without_a_region() -> None:
    with pytest.raises(OperationError, match="no AWS region is set; give --region"):
        Aws()


@pytest.mark.usefixtures("no_configuration")
def test_without_the_profile() -> None:
    with pytest.raises(OperationError, match=r"nobody.* could not be found; `aws configure list-profiles`"):
        Aws(region="eu-west-1", profile="nobody")


@pytest.mark.usefixtures("no_configuration")
@pytest.mark.parametrize(("given", "used"), [("eu-west-1", "eu-west-1"), (None, "us-west-2")])
def test_the_given_region_wins(monkeypatch: pytest.MonkeyPatch, given: str | None, used: str) -> None:
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert Aws(region=given).region == used


@pytest.mark.usefixtures("no_configuration")
def test_an_endpoint_that_is_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost")
    with pytest.raises(OperationError, match="the AWS configuration is wrong: Invalid endpoint"):
        Aws(region="eu-west-1").call("ecs", "ListServices")
