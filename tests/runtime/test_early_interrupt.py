"""Ctrl-C before there is anything to stop."""

import os
import signal
import subprocess
import sys


def test_an_interrupt_while_it_starts_ends_it_without_a_traceback(tmp_path):
    """It waits for its settings here: opening the pipe for writing succeeds once it reads them."""
    os.mkfifo(tmp_path / "settings")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cortex_runtime"],
        env=os.environ | {"CORTEX_SETTINGS_FILE": str(tmp_path / "settings")},
        stderr=subprocess.PIPE,
    )
    with (tmp_path / "settings").open("wb"):
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert errors == b""
