"""Serve the examples one after the other, send them real samples, print what they predict, and stop.

    python scripts/demo.py

Exits with 0 when every prediction is what it should be.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
CORTEX_CDK = str(Path(sys.executable).parent / "cortex-cdk")
START_TIMEOUT_S = 300
STOP_TIMEOUT_S = 15


def main() -> int:
    """Run the demo; returns the exit status."""
    wrong = iris() + code_language()
    print(f"\n{wrong} of the predictions are wrong" if wrong else "\nBoth examples answered as they should.")
    return 1 if wrong else 0


def iris() -> int:
    """One flower of each species, from the Iris data; returns how many predictions are wrong."""
    flowers = {
        "setosa": {"sepal_length": 5.2, "sepal_width": 3.6, "petal_length": 1.4, "petal_width": 0.3},
        "versicolor": {"sepal_length": 6.0, "sepal_width": 2.9, "petal_length": 4.5, "petal_width": 1.5},
        "virginica": {"sepal_length": 6.3, "sepal_width": 3.3, "petal_length": 6.0, "petal_width": 2.5},
    }
    wrong = 0
    with served("iris-classifier") as url:
        for species, flower in flowers.items():
            prediction = predict("iris-classifier", url, flower)
            wrong += report(json.dumps(flower), prediction, species, prediction == species)
    return wrong


def code_language() -> int:
    """Source files of several languages; returns how many are classified wrong."""
    example = REPOSITORY / "examples" / "code-language"
    subprocess.run([sys.executable, str(example / "fetch_model.py")], check=True, stdout=subprocess.DEVNULL)
    languages = {
        "C": "ring_buffer.c",
        "Go": "crawler.go",
        "Java": "LruCache.java",
        "Python": "word_count.py",
        "Ruby": "invoice.rb",
        "Rust": "bank.rs",
        "SQL": "orders.sql",
    }
    wrong = 0
    with served("code-language") as url:
        for language, file in languages.items():
            prediction = predict("code-language", url, {"text": (example / "samples" / file).read_text()})
            wrong += report(file, prediction["language"], language, prediction["language"] == language)
    return wrong


@contextlib.contextmanager
def served(example: str) -> Iterator[str]:
    """Run ``cortex-cdk serve`` on an example; yields its base URL once it is ready, and checks that it stops."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    folder = (REPOSITORY / "examples" / example).relative_to(REPOSITORY)
    command = ["serve", str(folder), "--port", str(port)]
    print(f"\n$ cortex-cdk {' '.join(command)}")
    began = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([CORTEX_CDK, *command], cwd=REPOSITORY, stdout=log, stderr=log)
        try:
            while not is_ready(url):
                if process.poll() is not None or time.monotonic() - began > START_TIMEOUT_S:
                    log.seek(0)
                    sys.exit(f"{example} did not become ready; it printed:\n{log.read().decode(errors='replace')}")
                time.sleep(0.1)
            print(f"ready after {time.monotonic() - began:.1f} s")
            yield url
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        status = process.wait(STOP_TIMEOUT_S)
    print("stopped" if status == 0 else f"ended with status {status}")
    if status != 0:
        sys.exit(1)


def is_ready(url: str) -> bool:
    """Whether the replica at ``url`` says that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=10) as response:
            return bool(json.load(response)["ready"])
    except OSError:
        return False


def predict(api: str, url: str, payload: Any) -> Any:
    """Ask an API as a user does: with ``cortex-cdk predict``."""
    command = [CORTEX_CDK, "predict", api, "-", "--url", f"{url}/{api}"]
    done = subprocess.run(command, input=json.dumps(payload), text=True, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def report(sample: str, prediction: str, expected: str, right: bool) -> int:
    """Print one prediction; returns 1 when it is wrong."""
    print(f"  {sample}  ->  {prediction}" + ("" if right else f"   (should be {expected})"))
    return 0 if right else 1


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
