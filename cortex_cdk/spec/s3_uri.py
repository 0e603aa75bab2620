"""Where an object or a folder is in S3: ``s3://bucket/key``."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Wider than what new buckets may be called: old ones in us-east-1 have capitals and underscores.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PATTERN = r"^s3://[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]/[^/]"
MAX_KEY_BYTES = 1024


@dataclass(frozen=True)
class S3Uri:
    """A bucket and a key in it; the key neither begins nor ends with ``/``."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> S3Uri:
        """Read ``s3://bucket/key``; slashes at the end are dropped.

        Raises:
            ValueError: saying which part is missing or wrong.
        """
        if not text.startswith("s3://"):
            raise ValueError("does not begin with s3://")
        bucket, _, key = text.removeprefix("s3://").partition("/")
        if not bucket:
            raise ValueError("names no bucket")
        if ".." in bucket or not _BUCKET.fullmatch(bucket):
            raise ValueError(f"`{bucket}` cannot be the name of a bucket")
        if not key.strip("/"):
            raise ValueError("names a bucket, but no key in it")
        if key.startswith("/"):
            raise ValueError("has `//` after the bucket")
        if _CONTROL.search(key):
            raise ValueError("has control characters in the key")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise ValueError(f"has a key of more than {MAX_KEY_BYTES} bytes")
        return cls(bucket, key.rstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
