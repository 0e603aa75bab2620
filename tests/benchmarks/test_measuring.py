"""What measures: CPU time and memory of process trees, open-loop load, and checks of what is not there."""

import asyncio
import os
import subprocess
import sys
import threading

import psutil
import pytest

from benchmarks import h2load, open_loop, process_tree, wrk
from benchmarks.conditions import Watch
from benchmarks.rounds import Load

BURN = "import time\nwhile time.process_time() < {}: pass\n"


def start(code):
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_cpu_time_is_that_of_living_and_of_ended_descendants():
    ended = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN.format(0.4)!r}])"
    living = BURN.format(0.3) + "print('done', flush=True); input()"
    code = (
        f"import subprocess, sys; {ended}\n"
        f"child = subprocess.Popen([sys.executable, '-c', {living!r}], stdout=subprocess.PIPE, stdin=subprocess.PIPE)\n"
        "child.stdout.readline(); print('done', flush=True); input()"
    )
    with start(code) as process:
        assert process.stdout.readline() == "done\n"
        assert process_tree.cpu_seconds(process.pid) >= 0.69
        assert process_tree.memory_mb(process.pid) > 5
        child = psutil.Process(process.pid).children()[0]
        process_tree.end(process.pid)
        assert not psutil.pid_exists(process.pid)
        assert not child.is_running()
    with pytest.raises(psutil.NoSuchProcess):
        process_tree.cpu_seconds(process.pid)
    process_tree.end(process.pid)  # again is no error


def test_what_ignores_sigterm_is_killed():
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); input()"
    with start(code) as process:
        process.stdout.readline()
        process_tree.end(process.pid, timeout_s=0.1)
        assert not psutil.pid_exists(process.pid)


class Server:
    """Answers ``answer``, as soon as ``held`` requests have come, after as long as each says."""

    def __init__(self, held=1, answer=b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"slept"'):
        self.answer = answer
        self.bodies = []
        self._started = threading.Event()
        self._held = held

    def __enter__(self):
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def _serve(self):
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._all_there = asyncio.Event()
        async with await asyncio.start_server(self._answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{port}/predict"
            self._started.set()
            await self._end.wait()

    async def _answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"POST /predict HTTP/1.1\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        self.bodies.append(body)
        if len(self.bodies) == self._held:
            self._all_there.set()
        await self._all_there.wait()
        await asyncio.sleep(float(body[5:-1]))
        writer.write(self.answer)
        writer.close()


def test_open_loop_requests_are_sent_whatever_becomes_of_those_before():
    with Server(held=3) as server:  # the first answer comes when the last request is there
        sent = open_loop.run_http(server.url, b"slept", [0.0, 0.1, 0.3], [0.01, 0.02, 0.03])
    assert sorted(server.bodies) == [b'{"t":0.010000}', b'{"t":0.020000}', b'{"t":0.030000}']
    for at, arrival, wait in zip(sent.at, [0.0, 0.1, 0.3], sent.waits, strict=True):
        assert at >= arrival - 0.002  # the loop's clock has milliseconds
        assert wait >= sent.at[2] - at - 0.002


def test_the_generators_own_server_has_one_queue_and_as_many_slots_as_told():
    sent = open_loop.run_ideal(2, [0.0, 0.0, 0.0], [1.0, 1.0, 0.5])
    assert sum(wait >= 0.99 for wait in sent.waits) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 500 Oh\r\ncontent-length: 7\r\n\r\n"slept"',
        b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"awake"',
        b'HTTP/1.1 200 OK\r\n\r\n"slept"',
        b'HTTP/1.1 200 OK\r\ncontent-length: 70\r\n\r\n"slept"',
        b"",
    ],
)
def test_open_loop_does_not_count_a_wrong_answer(answer):
    with Server(answer=answer) as server, pytest.raises(open_loop.OpenLoopError):
        open_loop.run_http(server.url, b"slept", [0.0], [0.001])


def test_nobody_there_is_an_error():
    with pytest.raises(open_loop.OpenLoopError, match="not answered"):
        open_loop.run_http("http://127.0.0.1:9/", b"", [0.0], [0.001])


def test_a_load_generator_that_is_absent_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(wrk.LoadError, match=r"wrk is not installed: `make bench-tools`.* `apt-get install wrk`"):
        wrk.run("http://127.0.0.1:9/", b"{}", "", 1, 1)
    with pytest.raises(wrk.LoadError, match="apt-get install nghttp2-client"):
        h2load.run("unix:/nowhere", "/x", b"", 0, 1, 1)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"requests":9,"duration_us":1,"wrong":1,"failed":0,"p50_us":1,"p99_us":1}', "1 were answered wrongly"),
        ('{"requests":9,"duration_us":1,"wrong":0,"failed":2,"p50_us":1,"p99_us":1}', "2 not at all"),
        ('{"requests":0,"duration_us":1,"wrong":0,"failed":0,"p50_us":1,"p99_us":1}', "of 0 requests"),
        ("unable to connect", "unable to connect"),
    ],
)
def test_a_load_with_wrong_answers_is_no_measurement(monkeypatch, tmp_path, line, words):
    program = tmp_path / "wrk"
    program.write_text(f"#!/bin/sh\necho '{line}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(wrk.LoadError, match=words):
        wrk.run("http://127.0.0.1:9/", b"{}", "", 1, 1)


def test_rounds_are_added():
    load = Load()
    load.add(wrk.Load(10, 5.0, 1.0, 2.0), 100.0, 7.0)
    load.add(wrk.Load(10, 6.0, 1.5, 2.5), 110.0, 8.0)
    assert load == Load(
        requests_per_s=[5, 6], p50_ms=[1, 1.5], p99_ms=[2, 2.5], cpu_us=[100, 110], model_server_cpu_us=[7, 8]
    )
    assert Load().cpu_us == []


def test_conditions_name_the_machine():
    conditions = Watch().end()
    assert conditions.cpu
    assert conditions.cores == os.cpu_count()
    assert 0 <= conditions.stolen <= 1
    assert conditions.sentence().startswith(conditions.began[:10])
    assert conditions.packages["numpy"]
