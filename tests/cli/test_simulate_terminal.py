"""``cortex-cdk simulate`` and the people before it: how far it is, and Ctrl-C."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

from cortex_cdk.simulation.decision_log import FILE
from tests.support.cli import PROGRAM
from tests.support.simulate_command import STEP


def test_a_terminal_shows_how_far_it_is_and_no_line_is_too_long(tmp_path: Path) -> None:
    names = "responsive:window=40s"
    arguments = ["simulate", *STEP, "--price", "12.34", "--compare", names, "--out", "out"]
    env = {"TERM": "xterm-256color", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    child = pexpect.spawn(PROGRAM, arguments, cwd=str(tmp_path), env=env, dimensions=(60, 80), timeout=120)
    shown = child.read().decode()
    child.close()
    assert child.exitstatus == 0
    for what in ("preparing", "(1 of 2)", "(2 of 2)", "drawing costs.png"):
        assert what in shown
    last = shown.rpartition("drawing")[2]
    final = shown[shown.index("step:1..8@60s: ") : shown.rindex("writing")] + last[last.index("written to") :]
    for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", final).replace("\r", "\n").splitlines():
        assert len(line) <= 80 or line.startswith(("written to", "why it did"))  # text, which the terminal wraps
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", final)
    assert "responsive:window" in plain
    assert "=40s" in plain  # of the table, in a second line
    assert "…" not in plain


def test_ctrl_c_ends_it_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [PROGRAM, "simulate", "--pattern", "constant:1", "--duration", "300d", "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not (tmp_path / "out" / f".{FILE}.unfinished").exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (130, "", "")
    assert list((tmp_path / "out").iterdir()) == []


LOST = """
import ctypes, signal, time
from contextlib import nullcontext
from cortex_cdk.cli.interrupts import none_lost
with {context}():
    for _ in range(3):
        ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal(signal.SIGINT))()
    print("went on", flush=True)
    time.sleep({sleep_s})
"""


@pytest.mark.parametrize(("context", "sleep_s", "ends"), [("none_lost", 60, -signal.SIGINT), ("nullcontext", 0, 0)])
def test_no_ctrl_c_is_lost_in_a_callback_of_c_code(context: str, sleep_s: int, ends: int) -> None:
    code = LOST.format(context=context, sleep_s=sleep_s)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (ends, "went on\n")
    assert ("Exception ignored" in done.stderr) == (context == "nullcontext")
