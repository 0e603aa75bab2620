"""The predictor of most tests of the runtime: it evaluates the expression that the payload asks for.

``{"eval": EXPRESSION}`` is answered with the value of the expression, any other payload with itself. It is copied to
the project folder of a replica (``tests/support/replica.py``), which is the working folder here, and talks to the test
through files in it.
"""

import datetime
import decimal
import json
import logging
import os
import sys
import threading
import time
import uuid
import warnings
from pathlib import Path

import numpy as np

__all__ = ["datetime", "decimal", "json", "logging", "sys", "uuid", "warnings"]  # for expressions


def hold(name):
    """Tell the test that this request has arrived, and wait until the test releases it."""
    note(f"arrived-{name}", os.getpid())
    while not Path(f"released-{name}").exists():
        time.sleep(0.005)
    return name


def note(file, value):
    """Append a line to a file."""
    with Path(file).open("a") as out:
        out.write(f"{value}\n")
    return value


def die(how="os._exit(1)"):
    eval(how)


def explode(words="the secret of the predictor"):
    raise RuntimeError(words)


def fork_child():
    """Start a child that never ends, with all that this process has open."""
    if pid := os.fork():
        return pid
    while True:
        time.sleep(60)


def in_threads(count, function):
    threads = [threading.Thread(target=function, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Unserialisable:
    """Has no JSON form."""


class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.client = tensorflow_client
        self.config = config
        note("built", os.getpid())
        if Path("hold-build").exists():
            hold("build")

    def predict(self, payload):
        if isinstance(payload, dict) and "eval" in payload:
            return eval(payload["eval"], globals() | {"self": self, "payload": payload, "np": np})
        return payload
