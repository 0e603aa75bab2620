"""Who has which connection to the model server: threads, processes, and after a server that fell silent."""

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cortex_runtime.errors import ModelServerError
from cortex_runtime.tf_serving.channel import Channel
from tests.support.http2_server import DATA, frame, good, headers, message
from tests.support.replica import wait_until

ROOT = Path(__file__).parents[2]
METHOD = "/a.Service/Method"
FORKS = """
import os, sys, threading
from cortex_runtime.tf_serving.client import TensorFlowClient

client = TensorFlowClient(sys.argv[1], timeout_s=30)
assert client.predict({"x": [0]}) == {"x": [0.0]}
ready, go_on, other = threading.Event(), threading.Event(), []

def of_other_thread():
    other.append(client.predict({"x": [0.5]}))
    ready.set()
    go_on.wait()
    other.append(client.predict({"x": [1.5]}))

thread = threading.Thread(target=of_other_thread)
thread.start()
ready.wait()
child = os.fork()
first = 1000 if child else 2000
right = sum(client.predict({"x": [first + n]}) == {"x": [first + n]} for n in range(50))
if child == 0:
    os._exit(0 if right == 50 else 1)
_, status = os.waitpid(child, 0)
go_on.set()
thread.join()
assert other == [{"x": [0.5]}, {"x": [1.5]}], other
print(right, os.waitstatus_to_exitcode(status))
"""


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_fork_has_connections_of_its_own(tmp_path):
    """And its end, or that of the parent's threads in it, takes nothing from the parent."""
    address = f"unix:{tmp_path}/model.sock"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.scripted_model_server", address, "0"], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        found = subprocess.run([sys.executable, "-c", FORKS, address], capture_output=True, text=True, timeout=120)
        assert (found.stdout, found.returncode) == ("50 0\n", 0), found.stderr
    finally:
        server.kill()
        server.wait()


def test_the_connections_of_threads_that_have_ended_are_closed(serve):
    """At once: garbage collections are rare in a worker."""
    server = serve(lambda stream, body: good(stream, b"answer"))
    gc.disable()
    try:
        with Channel(server.address) as channel:
            channel.call(METHOD, b"", timeout_s=30)
            before = descriptors()
            for _ in range(20):
                with ThreadPoolExecutor(1) as thread:
                    thread.submit(channel.call, METHOD, b"", timeout_s=30).result()
            assert server.connections == 21
            wait_until(lambda: descriptors() <= before + 2, "their descriptors are closed")
    finally:
        gc.enable()


def test_after_a_time_out_without_a_word_a_new_connection_is_made(serve):
    """The server's machine, or what lies between, may have gone without saying so."""
    server = serve(lambda stream, body: b"" if server.connections == 1 else good(stream, b"answer"))
    with Channel(server.address) as channel:
        with pytest.raises(ModelServerError) as caught:
            channel.call(METHOD, b"", timeout_s=0.3)
        assert caught.value.code == "DEADLINE_EXCEEDED"
        assert channel.call(METHOD, b"", timeout_s=30) == b"answer"
    assert server.connections == 2


def test_a_server_that_is_only_slow_keeps_its_connection(serve):
    def answer(stream, body):
        head = headers(stream, {":status": "200", "content-type": "application/grpc"})
        return head if stream == 1 else good(stream, b"answer")

    server = serve(answer)
    with Channel(server.address) as channel:
        with pytest.raises(ModelServerError):
            channel.call(METHOD, b"", timeout_s=0.3)
        assert channel.call(METHOD, b"", timeout_s=30) == b"answer"
    assert server.connections == 1


def test_an_answer_that_goes_on_after_its_message_is_not_read(serve):
    def answer(stream, body):
        head = headers(stream, {":status": "200", "content-type": "application/grpc"})
        return head + frame(DATA, 0, stream, message(b"12345") + b"6")  # and so on: it never ends

    server = serve(answer)
    with Channel(server.address) as channel, pytest.raises(ModelServerError, match="longer than its message") as caught:
        channel.call(METHOD, b"", timeout_s=60)
    assert caught.value.code == "INTERNAL"
