"""A TCP link between a replica and its model server that fails as networks and strangers do."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import socket
import struct
import threading


class Fault(enum.Enum):
    """What the link does instead of passing bytes on."""

    NONE = "none"
    RESET = "reset"  # every connection is reset as soon as the replica sends something
    CUT = "cut"  # half of an answer passes, then the connection is reset
    SILENT = "silent"  # takes connections and requests, and answers nothing
    NOISE = "noise"  # random bytes for an answer
    HTTP_1 = "http 1"  # somebody else's server: HTTP/1.1 404
    SLOW = "slow"  # 50 ms more for each piece of an answer


NOISE = os.urandom(4096)
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 9\r\n\r\nnot here\n"
SLOW_S = 0.05
_RESET = struct.pack("ii", 1, 0)


class FaultyLink:
    """Listens at ``address`` and connects each connection to the model server at ``target``.

    A context manager; its loop runs in a thread of its own.
    """

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._fault = Fault.NONE
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty-link")
        self.address = ""

    def __enter__(self) -> FaultyLink:
        self._thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def switch(self, fault: Fault) -> None:
        """Fail like this from now on. When all is well again, connections from before are reset."""
        self._fault = fault
        if fault is Fault.NONE:
            self._loop.call_soon_threadsafe(lambda: [_reset(writer) for writer in self._writers])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        beyond = None
        try:
            with contextlib.suppress(OSError):
                there, beyond = await asyncio.open_connection(self._host, self._port)
                pumps = [self._requests(reader, writer, beyond), self._answers(there, writer)]
                await asyncio.wait(map(asyncio.create_task, pumps), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._writers.discard(writer)
            writer.close()
            if beyond is not None:
                beyond.close()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, beyond: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                match self._fault:
                    case Fault.RESET:
                        return _reset(writer)
                    case Fault.SILENT:
                        continue
                    case Fault.NOISE:
                        writer.write(NOISE)
                    case Fault.HTTP_1:
                        writer.write(NOT_FOUND)
                    case _:
                        beyond.write(data)
                        await beyond.drain()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await there.read(65536):
                match self._fault:
                    case Fault.CUT:
                        writer.write(data[: len(data) // 2])
                        await writer.drain()
                        return _reset(writer)
                    case Fault.SLOW:
                        await asyncio.sleep(SLOW_S)
                    case Fault.NONE:
                        pass
                    case _:
                        continue
                writer.write(data)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    sock: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
