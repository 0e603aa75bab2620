"""S3 over a real socket: a proxy before moto's server that counts, refuses or slows requests on demand."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import ObjectCannedACLType

_CHUNK = 64 << 10

# The files of an export
WHOLE = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001")

Rule = Callable[[str, str], "Answer | None"]


@dataclass
class Answer:
    """What the proxy does: an error of S3 from 300 on, else the real answer with a pause (s) after each 64 KiB."""

    status: int = 200
    code: str = ""
    pause: float = 0.0


@dataclass
class S3Proxy:
    """``rule(method, path)`` decides on each request; ``seen`` lists all of them."""

    url: str
    rule: Rule = lambda method, path: None
    seen: list[tuple[str, str]] = field(default_factory=list)

    def fetched(self, name: str) -> int:
        """How often the object whose key ends in ``name`` was fetched."""
        return sum(method == "GET" and path.partition("?")[0].endswith(name) for method, path in self.seen)


@dataclass
class Bucket:
    """An empty bucket of this test's own."""

    name: str
    proxy: S3Proxy

    client: S3Client

    def put(self, key: str, content: bytes = b"x", acl: ObjectCannedACLType = "private") -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content, ACL=acl)

    def put_export(self, folder: str, content: bytes = b"x", acl: ObjectCannedACLType = "private") -> None:
        for name in WHOLE:
            self.put(f"{folder}/{name}", content, acl)

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"


@contextmanager
def s3_proxy(port: int) -> Iterator[S3Proxy]:
    """Forward to the server at ``port`` of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            proxy.seen.append((self.command, self.path))
            answer = proxy.rule(self.command, self.path) or Answer()
            if answer.status >= 300:
                body = f"<Error><Code>{answer.code}</Code><Message>no</Message></Error>".encode()
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
                return
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            upstream = http.client.HTTPConnection("127.0.0.1", port)
            upstream.request(self.command, self.path, content, dict(self.headers))
            response = upstream.getresponse()
            body = response.read()
            upstream.close()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                    self.send_header(name, value)
            length = response.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            for start in range(0, len(body), _CHUNK):
                self.wfile.write(body[start : start + _CHUNK])
                time.sleep(answer.pause)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:  # clients that were killed
            pass

    server = Server(("127.0.0.1", 0), Handler)
    proxy = S3Proxy(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
