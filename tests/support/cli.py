"""Runs ``cortex-cdk``: the installed program, or its ``main`` in this process, which is faster."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from cortex_cdk.cli.main import main

PROGRAM = str(Path(sys.executable).with_name("cortex-cdk"))


@dataclass(frozen=True)
class Result:
    """How it ended. ``raw`` is stdout as bytes."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """stdout as text."""
        return self.raw.decode()


def run(*arguments: str, cwd: Path, stdin: bytes = b"", env: dict[str, str] | None = None) -> Result:
    """Run the program in ``cwd`` to its end. A traceback on stderr fails the test."""
    done = subprocess.run(
        [PROGRAM, *arguments], cwd=cwd, input=stdin, capture_output=True, timeout=120, env={**os.environ, **(env or {})}
    )
    err = done.stderr.decode()
    assert "Traceback" not in err, err
    return Result(done.returncode, done.stdout, err)


def call(*arguments: str, cwd: Path, stdin: bytes = b"") -> Result:
    """Run ``main`` in this process as the program would in ``cwd``. An exception that is not an exit fails the test."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code = None
    with (
        contextlib.chdir(cwd),
        mock.patch.object(sys, "argv", [PROGRAM, *arguments]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    raw, errors = (stream.buffer.getvalue() for stream in (out, err))  # type: ignore[attr-defined]
    return Result(code or 0, raw, errors.decode())  # type: ignore[arg-type]
