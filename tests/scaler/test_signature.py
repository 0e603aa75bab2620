"""Signatures are those of botocore, whatever is signed."""

import datetime

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from cortex_cdk.scaler import signature

WORDS = st.text("abcXYZ0189+/=-_", min_size=1, max_size=40)


@given(
    body=st.binary(max_size=200),
    url=st.sampled_from(["https://ecs.eu-west-1.amazonaws.com/", "http://localhost:4566/", "http://127.0.0.1:80/a/b"]),
    secret=WORDS,
    token=st.none() | WORDS,
    service=st.sampled_from(["dynamodb", "ecs", "sqs"]),
    region=st.sampled_from(["eu-west-1", "cn-north-1"]),
    now=st.integers(0, 4_000_000_000),
)
def test_signatures_are_those_of_botocore(body, url, secret, token, service, region, now):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.Query"}
    credentials = Credentials("AKID", secret, token)
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    expected = AWSRequest("POST", url, dict(headers), body)
    former = auth.get_current_datetime
    auth.get_current_datetime = lambda *args, **kwargs: moment
    try:
        auth.SigV4Auth(credentials, service, region).add_auth(expected)
    finally:
        auth.get_current_datetime = former
    host = expected.url.split("/")[2].removesuffix(":80")
    path = "/" + url.split("/", 3)[3]
    keys, scope = signature.Keys("AKID", secret, token), signature.Scope(service, region)
    found = signature.sign(headers, body, host, path, scope, keys, now)
    assert found["Authorization"] == expected.headers["Authorization"]
    assert found["X-Amz-Date"] == expected.headers["X-Amz-Date"]
    assert found.get("X-Amz-Security-Token") == token
    assert found["Host"] == host
