"""Takes the pictures of the console in docs/images: a real run of the iris example, slowed down and under load.

Needs Chromium (on Debian: apt install chromium). Takes about two minutes.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PORT = 18080
URL = f"http://localhost:{PORT}"
COLOURS = 128
"""Of a picture: enough for text and lines, and a third of the bytes."""

CLIENTS = ((20, 1), (30, 3), (30, 7), (25, 2))
"""Seconds, and how many send requests one after the other."""

PREDICTOR = """
import random
import time

labels = ["setosa", "versicolor", "virginica"]


class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.client = tensorflow_client

    def predict(self, payload):
        time.sleep(random.gammavariate(4, 0.02))
        return labels[int(self.client.predict(payload)["class_ids"][0])]
"""


def main() -> None:
    """Serve, send, and take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "iris-classifier"
        shutil.copytree(ROOT / "examples" / "iris-classifier", project)
        (project / "predictor.py").write_text(PREDICTOR)
        sample = json.loads((project / "sample.json").read_text())
        command = [str(Path(sys.executable).parent / "cortex-cdk"), "serve", str(project), "--port", str(PORT)]
        serving = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        try:
            while status("/readyz") != 200:
                time.sleep(0.2)
            for seconds, clients in CLIENTS:
                send(sample, seconds, clients)
            take_pictures(sample)
        finally:
            serving.terminate()
            serving.wait()


def status(path: str, payload: object = None) -> int:
    """The status of a request, 0 when nobody answers."""
    body = None if payload is None else json.dumps(payload).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(URL + path, body), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def send(sample: dict[str, float], seconds: float, clients: int) -> None:
    """Load from some clients; one request in 30 lacks an input."""
    end = time.monotonic() + seconds

    def client() -> None:
        while time.monotonic() < end:
            status("/iris-classifier", sample if random.random() > 1 / 30 else {"sepal_length": 5.2})
            time.sleep(random.expovariate(10))

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def take_pictures(sample: dict[str, float]) -> None:
    """The page wide and light, narrow and dark, while some load goes on."""
    load = threading.Thread(target=send, args=(sample, 15, 2))
    load.start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for name, scheme, width in (("console", "light", 1280), ("console-narrow", "dark", 360)):
            page = browser.new_context(
                color_scheme="light" if scheme == "light" else "dark", viewport={"width": width, "height": 900}
            ).new_page()
            page.goto(f"{URL}/_console")
            page.get_by_role("button", name="Send").click()
            page.locator("#answer-body").wait_for()
            page.wait_for_timeout(1500)
            path = IMAGES / f"{name}.png"
            page.screenshot(path=path, full_page=True)
            with Image.open(path) as picture:
                few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            few.save(path, optimize=True)
        browser.close()
    load.join()


if __name__ == "__main__":
    main()
