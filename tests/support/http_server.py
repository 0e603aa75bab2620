"""A small HTTP server on loopback that answers as a test tells it to and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """A request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class FakeApi:
    """The next answers, and all requests so far. ``announced`` is the Content-Length when it is not the body's."""

    url: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes = b"{}"
    announced: int | None = None
    hold: threading.Event | None = None
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def fake_api() -> Iterator[FakeApi]:
    """Serve on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            api.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            if api.hold:
                api.hold.wait(60)
            self.send_response(api.status)
            for name, value in api.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(api.body) if api.announced is None else api.announced))
            self.end_headers()
            self.wfile.write(api.body)

        do_GET = do_POST = handle_any

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:  # clients that went away
            pass

    server = Server(("127.0.0.1", 0), Handler)
    api = FakeApi(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        if api.hold:
            api.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
