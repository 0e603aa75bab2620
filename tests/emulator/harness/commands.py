"""The program ``cortex-cdk`` against the emulator, as a user of the deployment runs it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect

from tests.emulator.harness import emulator, machine

PROGRAM = str(Path(sys.executable).with_name("cortex-cdk"))


def run(*arguments: str) -> str:
    """What a command prints; it must end well."""
    done = subprocess.run(
        [PROGRAM, *arguments], cwd=machine.RUN, env=emulator.environment(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def get(api: str, *options: str) -> dict[str, Any]:
    """``get API --json``: what it says about the API."""
    (found,) = json.loads(run("get", api, "--json", *options))["apis"]
    return dict(found)


def plan(project: Path, *options: str) -> dict[str, Any]:
    """``plan --json`` of a project: what it says about its only API."""
    (found,) = json.loads(run("plan", str(project / "cortex.yaml"), "--json", *options))["apis"].values()
    return dict(found)


def json_lines(*arguments: str) -> list[dict[str, Any]]:
    """The objects that a command prints, one a line."""
    return [json.loads(line) for line in run(*arguments, "--json").splitlines()]


def top_until(text: str, seconds: float = 60) -> str:
    """``top`` on a terminal of 150 columns, until it shows a text; what it has shown till then, without colours."""
    environment = {name: value for name, value in emulator.environment().items() if name not in ("COLUMNS", "LINES")}
    terminal = pexpect.spawn(
        PROGRAM,
        ["top"],
        env=environment | {"TERM": "xterm-256color"},
        cwd=str(machine.RUN),
        dimensions=(24, 150),
        timeout=seconds,
    )
    try:
        terminal.expect(text)
        shown = terminal.before + terminal.after
        terminal.send("q")
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 0
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    finally:
        terminal.close(force=True)


@dataclass
class Printed:
    """Objects that a command has printed so far, one a line."""

    found: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def following(*arguments: str, last_s: float = 0.0) -> Iterator[Printed]:
    """A command that prints objects without an end, as long as the block takes and ``last_s`` longer, then Ctrl-C."""
    process = subprocess.Popen(
        [PROGRAM, *arguments, "--json"],
        cwd=machine.RUN,
        env=emulator.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    printed = Printed()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            printed.found.append(json.loads(line))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield printed
        time.sleep(last_s)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        status = process.wait(30)
        errors = process.stderr.read()
        reader.join(30)
    assert (status, errors) == (0, "")
