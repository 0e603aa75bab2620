"""The model server as a process: start, stop, signals, addresses, arguments."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest

from tests.support.model_server import DEADLINE_S, PROGRAM, Calls, ModelServer

Start = Callable[..., ModelServer]


@pytest.fixture
def no_export(tmp_path: Path) -> str:
    """The argument for a model that ends at once, so that the server never takes the time to import TensorFlow."""
    (tmp_path / "no-export").mkdir()
    return f"--model=none={tmp_path / 'no-export'}"


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    command = [sys.executable, "-m", PROGRAM, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, **options)  # type: ignore[call-overload,no-any-return]


def test_the_port_is_open_while_models_load(
    start_model_server: Start, sample_models: Path, model_server: ModelServer
) -> None:
    server = start_model_server(
        *(f"--model={name}={sample_models / name}" for name in ("shapes", "corrupt", "versions")),
        "--enable-serialization-as-tensor-content",
    )
    with Calls(server.address) as calls:
        states = [calls.status("shapes").state]
        assert states[0] in (10, 20)
        with pytest.raises(grpc.RpcError) as raised:
            calls.predict("shapes", {"x": [[1.0, 2.0]]})
        assert raised.value.code() == grpc.StatusCode.NOT_FOUND
        assert raised.value.details() == "Servable not found for request: Latest(shapes)"
        while states[-1] < 30:
            states.append(calls.status("shapes").state)
            time.sleep(0.01)
        assert states == sorted(states)
        assert set(states) <= {10, 20, 30}
        assert {20, 30} <= set(states)

        answer = calls.predict("shapes", {"x": [[1.0, 2.0]]}).outputs["y"]
        assert np.frombuffer(answer.tensor_content, "<f4").tolist() == [3.0, 3.0, 3.0]
        assert calls.wait_loaded("corrupt").state == 50
        assert calls.wait_loaded("versions").version == 10

    # SIGKILL, and the next start takes the same address.
    address = server.address
    server.kill()
    server.start()
    assert server.address == address
    # A stop while models load.
    assert server.stop() == 0

    # Nothing but our own records, though TensorFlow likes to talk.
    lines = server.output().splitlines()
    assert all(line.startswith("{") for line in lines), lines
    (available,) = (r for r in server.records() if r["message"] == "model available" and r["model"] == "versions")
    assert (available["version"], available["signatures"]) == (10, "serving_default")
    assert available["seconds"] >= 0


def test_a_stop_lets_calls_finish_for_a_while(
    start_model_server: Start, sample_models: Path, model_server: ModelServer
) -> None:
    server = start_model_server(f"--model=slow={sample_models / 'slow'}").wait_available("slow")
    with Calls(server.address) as calls, ThreadPoolExecutor() as threads:
        short = threads.submit(calls.arrays, "slow", {"seconds": [2.5]})
        endless = threads.submit(calls.arrays, "slow", {"seconds": [600.0]})
        time.sleep(1)  # both have begun
        began = time.monotonic()
        assert server.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 60
        assert short.result()["slept"].tolist() == [2.5]
        with pytest.raises(grpc.RpcError):
            endless.result()


def test_calls_run_at_once_and_do_not_hold_up_others(calls: Calls) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def slow(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        calls.arrays("slow", {"seconds": [3.0]})
        with lock:
            running -= 1

    began = time.monotonic()
    with ThreadPoolExecutor(32) as threads:
        answers = [threads.submit(slow, number) for number in range(32)]
        time.sleep(0.3)
        assert calls.status("slow").state == 30
        assert calls.arrays("two-signatures", {"x": [1.0]}, "first")["y"].tolist() == [2.0]
        assert not any(answer.done() for answer in answers)
    assert most == 32
    assert time.monotonic() - began < 48  # one after the other would be 96 s


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_with_status_0(start_model_server: Start, no_export: str, number: int) -> None:
    server = start_model_server(no_export)
    assert server.stop(number) == 0
    (stopping,) = (record for record in server.records() if record["message"] == "stopping")
    assert stopping["reason"] == signal.Signals(number).name
    assert server.records()[-1]["message"] == "stopped"


def test_it_ends_with_its_parent(no_export: str) -> None:
    server = [sys.executable, "-m", PROGRAM, no_export, "--address=127.0.0.1:0", "--exit-with-parent"]
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys\n"
            "child = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, text=True)\n"
            "child.stderr.readline()\n"
            "print(child.pid, flush=True)\n"
            "child.wait()\n",
            *server,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    assert child.is_running()
    parent.kill()
    parent.wait()
    psutil.wait_procs([child], timeout=DEADLINE_S)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_parent_that_has_ended_before(no_export: str) -> None:
    ended = run(no_export, "--address=127.0.0.1:0", "--exit-with-parent", "1999999999")
    assert ended.returncode == 0
    assert "parent process 1999999999 has ended" in ended.stderr


def test_a_port_in_use_is_an_error(start_model_server: Start, no_export: str) -> None:
    server = start_model_server(no_export)
    second = run(no_export, "--address", server.address)
    assert second.returncode == 1
    assert f"cannot listen on {server.address}: Address already in use" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_unix_socket(start_model_server: Start, no_export: str, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = start_model_server(no_export, address=f"unix:{path}")
    with Calls(f"unix:{path}") as calls:
        assert calls.wait_loaded("none").state == 50
    # Another server must not take the file away.
    second = run(no_export, "--address", f"unix:{path}")
    assert second.returncode == 1
    assert f"cannot listen on unix:{path}: another server listens there" in second.stderr
    # A server that was killed leaves its file; the next one replaces it.
    server.kill()
    assert path.exists()
    server.start()
    with Calls(f"unix:{path}") as calls:
        assert calls.wait_loaded("none").state == 50
    assert server.stop() == 0
    assert not path.exists()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1", "is not HOST:PORT"),
        ("127.0.0.1:port", "is not HOST:PORT"),
        ("127.0.0.1:65536", "is not HOST:PORT"),
        ("unix:", "has no path"),
        ("unix:/" + "x" * 200, "is too long for a socket"),
    ],
)
def test_malformed_addresses(no_export: str, address: str, words: str) -> None:
    ended = run(no_export, "--address", address)
    assert (ended.returncode, words in ended.stderr) == (2, True), ended.stderr


def test_addresses_that_cannot_be_listened_on(no_export: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    for address, words in [
        ("192.0.2.1:0", "Cannot assign requested address"),
        ("no-such-host.invalid:0", "cannot listen on no-such-host.invalid:0"),
        (f"unix:{tmp_path}/none/socket", f"there is no folder {tmp_path}/none"),
        (f"unix:{tmp_path}/file", "there is a file of that name that is not a socket"),
    ]:
        ended = run(no_export, "--address", address)
        assert (ended.returncode, words in ended.stderr) == (1, True), ended.stderr
        assert "Traceback" not in ended.stderr
    assert (tmp_path / "file").read_text() == "precious"


def test_ipv6(start_model_server: Start, no_export: str) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:  # a machine without it
        ended = run(no_export, "--address", "[::1]:0")
        assert (ended.returncode, "cannot listen on [::1]:0" in ended.stderr) == (1, True), ended.stderr
        return
    server = start_model_server(no_export, address="[::1]:0")
    assert server.address.startswith("[::1]:")
    with Calls(server.address) as calls:
        assert calls.wait_loaded("none").state == 50


def test_wrong_arguments_are_all_named(no_export: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    ended = run(no_export, no_export, "--model=alone", "--model==x", f"--model=gone={missing}")
    assert ended.returncode == 2
    for words in (
        "--model none is given more than once",
        "--model 'alone' is not NAME=PATH",
        "--model '=x' is not NAME=PATH",
        f"--model gone={missing}: there is no such file or folder",
    ):
        assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert run().returncode == 2


def test_without_tensorflow_it_says_what_to_install(no_export: str) -> None:
    program = f"import runpy, sys\nsys.modules['tensorflow'] = None\nrunpy.run_module({PROGRAM!r}, run_name='__main__')"
    ended = subprocess.run(
        [sys.executable, "-c", program, no_export], capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert ended.returncode == 1
    assert "pip install 'cortex-cdk[local]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_tensorflow_that_cannot_be_imported(tmp_path: Path, sample_models: Path, model_server: ModelServer) -> None:
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.write(2, b'no such instruction\\n')\nraise ImportError('broken build')\n"
    )
    log = tmp_path / "log"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", PROGRAM, "--address=127.0.0.1:0", f"--model=a={sample_models / 'shapes'}"],
            stderr=sink,
            env=environment,
        )
    try:
        end = time.monotonic() + DEADLINE_S
        while "could not be loaded" not in log.read_text():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        assert "ImportError: broken build" in log.read_text()
        assert "no such instruction" in log.read_text()  # what it wrote before is not lost
    finally:
        process.kill()
        process.wait()
