"""The kinds of values in ``cluster.yaml`` that have a notation of AWS or of networks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from cortex_cdk.spec.kind import Invalid, Single, quote_hint
from cortex_cdk.spec.kinds import Text

REGION_PATTERN = r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]+"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

ACCOUNT = Text("the 12 digits of an AWS account, in quotes", "[0-9]{12}")
ZONE = Text("an availability zone such as eu-central-1a", REGION_PATTERN + "(?:-[a-z0-9-]+)?[a-z]")
VPC_ID = Text("the id of a VPC, such as vpc-0a1b2c3d", "vpc-[0-9a-f]{8,17}")
SUBNET_ID = Text("the id of a subnet, such as subnet-0a1b2c3d", "subnet-[0-9a-f]{8,17}")
INSTANCE_TYPE = Text("an instance type such as m5.large", r"[a-z][a-z0-9-]*\.[a-z0-9-]+")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET = Text("the name of a bucket", "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
EMAIL = Text("an e-mail address such as on-call@example.com", r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+", max_length=254)
CERTIFICATE_ARN = Text(
    "the ARN of a certificate of AWS Certificate Manager, arn:aws:acm:REGION:ACCOUNT:certificate/ID",
    rf"arn:aws[a-z-]*:acm:{REGION_PATTERN}:[0-9]{{12}}:certificate/[A-Za-z0-9-]+",
)
WEB_ACL_ARN = Text(
    "the ARN of a regional web ACL of AWS WAF, arn:aws:wafv2:REGION:ACCOUNT:regional/webacl/NAME/ID",
    rf"arn:aws[a-z-]*:wafv2:{REGION_PATTERN}:[0-9]{{12}}:regional/webacl/[A-Za-z0-9_-]+/[A-Za-z0-9-]+",
)
# EventBridge, which tells of failed deployments, sends nothing to FIFO topics: their names end with .fifo.
TOPIC_ARN = Text(
    "the ARN of a standard SNS topic, arn:aws:sns:REGION:ACCOUNT:NAME",
    rf"arn:aws[a-z-]*:sns:{REGION_PATTERN}:[0-9]{{12}}:[A-Za-z0-9_-]{{1,256}}",
)
HTTPS_URL = Text("a URL that begins with https://", r"https://[^\s/]+(?:/\S*)?", max_length=256)
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
TAG_KEY = Text(
    "1 to 128 letters, digits, spaces and `+ - = . _ : / @`, not beginning with aws:, cortex: or cortex-cdk:",
    r"(?!aws:|cortex:|cortex-cdk:)[A-Za-z0-9 +\-=._:/@]{1,128}",
)
TAG_VALUE = Text(
    "a string of at most 256 letters, digits, spaces and `+ - = . _ : / @`", r"[A-Za-z0-9 +\-=._:/@]{0,256}"
)


@dataclass(frozen=True)
class Region(Single):
    """A region of AWS. Whether it exists is not looked at: there are new ones."""

    type_name = "string"

    @property
    def allowed(self) -> str:
        return "a region of AWS, such as eu-central-1"

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(hint=quote_hint(value))
        if re.fullmatch(REGION_PATTERN, value):
            return value
        zone = re.fullmatch(rf"({REGION_PATTERN})[a-z]", value)
        raise Invalid(hint=f"that is a zone; write {zone[1]}" if zone else None)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{REGION_PATTERN})$"}


@dataclass(frozen=True)
class HostName(Single):
    """A DNS name of at least two labels."""

    type_name = "string"
    _pattern = r"(?=.{1,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"

    @property
    def allowed(self) -> str:
        return "a host name such as api.example.com"

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(hint=quote_hint(value))
        if re.fullmatch(self._pattern, value):
            return value
        bare = re.sub(r"^https?://", "", value).split("/")[0].split(":")[0].rstrip(".")
        raise Invalid(hint=f"write {bare}" if re.fullmatch(self._pattern, bare) else None)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^(?:{self._pattern})$"}


@dataclass(frozen=True)
class Cidr(Single):
    """An IPv4 range, with the bits of the host all zero.

    Attributes:
        shortest, longest: the lengths of the prefix that are allowed.
    """

    shortest: int = 0
    longest: int = 32
    type_name = "string"

    @property
    def allowed(self) -> str:
        some = (self.shortest, self.longest) != (0, 32)
        return "an IPv4 range such as 10.0.0.0/16" + (f", from /{self.shortest} to /{self.longest}" if some else "")

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(hint=quote_hint(value))
        try:
            network = ip_network(value, strict=False)
        except ValueError:
            raise Invalid from None
        if isinstance(network, IPv6Network):
            raise Invalid(f"{value} is an IPv6 range; the load balancer has IPv4 addresses only")
        if str(network) != value:
            raise Invalid(hint=f"write {network}" if self._fits(network) else None)
        if not self._fits(network):
            raise Invalid
        return value

    def _fits(self, network: IPv4Network) -> bool:
        return self.shortest <= network.prefixlen <= self.longest

    def json_schema(self) -> dict[str, Any]:
        lengths = "|".join(str(length) for length in range(self.shortest, self.longest + 1))
        return {"type": "string", "pattern": rf"^{_OCTET}(?:\.{_OCTET}){{3}}/(?:{lengths})$"}
