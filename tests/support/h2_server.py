"""An HTTP/2 server made of the h2 library, which holds its peer to the protocol: a violation ends the connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from h2.settings import SettingCodes

from tests.support.http2_server import PREFACE

OK = [(":status", "200"), ("content-type", "application/grpc")]


def _frames(sock: socket.socket) -> Iterator[bytes]:
    """What comes in, frame by frame: h2 knows of a setting's acknowledgement only after all that came with it."""
    with sock.makefile("rb") as reader:
        yield reader.read(len(PREFACE))
        while head := reader.read(9):
            yield head + reader.read(int.from_bytes(head[:3]))


@dataclass
class H2Server:
    """Echoes the bodies of requests, one connection after the other, on a Unix socket.

    Attributes:
        window: what it takes in of a body before it makes room for more, in bytes.
        max_frame: the largest frame that it allows.
        padding: of the frames of its answers, in bytes, or None.
        part: the bytes of each frame of its answers; with 0 they never end.
        before: called with the connection and the stream before the answer is sent.
        violations: what its clients did against the protocol.
        resets: the reasons of the streams that its clients gave up.
        acknowledged: the contents of pings that were answered.
    """

    path: Path
    window: int = 65_535
    max_frame: int = 16_384
    padding: int | None = None
    part: int = 16_000
    before: Callable[[h2.connection.H2Connection, int], None] = lambda connection, stream: None
    connections: int = 0
    violations: list[Exception] = field(default_factory=list)
    resets: list[int] = field(default_factory=list)
    acknowledged: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.address = f"unix:{self.path}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close everything."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)
        self.path.unlink()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                with contextlib.suppress(ConnectionError), sock:
                    self._serve(sock)
            except h2.exceptions.ProtocolError as error:
                self.violations.append(error)

    def _serve(self, sock: socket.socket) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        connection.initiate_connection()
        sizes = {SettingCodes.INITIAL_WINDOW_SIZE: self.window, SettingCodes.MAX_FRAME_SIZE: self.max_frame}
        connection.update_settings(sizes)
        bodies: dict[int, bytes] = {}
        answers: dict[int, bytes] = {}
        sock.sendall(connection.data_to_send())
        for data in _frames(sock):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self.before(connection, event.stream_id)
                    connection.send_headers(event.stream_id, OK)
                    answers[event.stream_id] = bodies.pop(event.stream_id)
                elif isinstance(event, h2.events.StreamReset):
                    self.resets.append(event.error_code)
                    answers.pop(event.stream_id, None)
                elif isinstance(event, h2.events.PingAckReceived):
                    self.acknowledged.append(event.ping_data)
            for stream in list(answers):
                answers[stream] = self._answer(connection, stream, answers[stream])
                if not answers[stream]:
                    del answers[stream]
                    connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)
            sock.sendall(connection.data_to_send())

    def _answer(self, connection: h2.connection.H2Connection, stream: int, rest: bytes) -> bytes:
        around = 0 if self.padding is None else self.padding + 1
        while rest and self.part and (room := min(connection.local_flow_control_window(stream), 16_384) - around) > 0:
            size = min(room, self.part, len(rest))
            connection.send_data(stream, rest[:size], pad_length=self.padding)
            rest = rest[size:]
        return rest
