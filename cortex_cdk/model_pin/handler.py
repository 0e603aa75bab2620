"""A custom resource of CloudFormation: looks up, once for a deployment, which version of a model it is to serve.

Properties: ``Model`` (an S3 URI) and ``Deployment`` (any text; a new one has the model looked up again). Attributes:
``Uri``, ``Version``, ``Fingerprint``. Protocol:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from cortex_cdk.model_pin.pin import pin
from cortex_cdk.models.errors import ModelError
from cortex_cdk.spec.s3_uri import S3Uri

MAX_REASON = 1000
"""Characters of a reason: an answer has at most 4,096 bytes."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer one event. Whatever happens, an answer is sent: without one CloudFormation waits for an hour."""
    answer: dict[str, Any] = {
        "Status": "SUCCESS",
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    if event["RequestType"] != "Delete":
        try:
            model = pin(S3Uri.parse(event["ResourceProperties"]["Model"]))
            answer["Data"] = {"Uri": model.uri, "Version": model.version, "Fingerprint": model.fingerprint}
        except (ModelError, ValueError) as error:
            answer |= {"Status": "FAILED", "Reason": str(error)[:MAX_REASON]}
        except Exception as error:
            answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}"[:MAX_REASON]}
            print(f"unexpected: {error!r}")
    _send(event["ResponseURL"], answer)


def _send(url: str, answer: dict[str, Any]) -> None:
    # The signature of the URL is for an empty content type.
    request = Request(url, json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT")  # noqa: S310 - CloudFormation's
    with urlopen(request, timeout=30):  # noqa: S310
        pass
