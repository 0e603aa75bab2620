"""The predictor of tests under faults: its answer is a function of the payload's number, so that each can be checked.

It is copied to the project folder of a replica (``tests/support/replica.py``) and does on demand what harms a replica.
``"model": true`` in a payload sends the number through the model server, which must answer with it.
"""

import os
import resource
import sys
import threading
import time
from pathlib import Path


def value(n):
    """What is predicted for a number."""
    return (n * 48271 + 11) % 2147483647


def expected(payload):
    """The answer to a payload."""
    return {
        "n": payload["n"],
        "value": value(payload["n"]),
        "ballast": len(payload.get("ballast", ())),
        "padding": "." * payload.get("padding", 0),
    }


def nested(levels, wrap):
    """Something in something in something, with so many levels."""
    found = None
    for _ in range(levels):
        found = wrap(found)
    return found


def within_itself(holder, put):
    """A container that contains itself."""
    put(holder, holder)
    return holder


class OwnList:
    """Its plain form is itself, as nobody else's is."""

    def tolist(self):
        return [self]


NESTED = {
    "lists": lambda levels: nested(levels, lambda inner: [inner]),
    "objects": lambda levels: nested(levels, lambda inner: {"a": inner}),
    "a list within itself": lambda _: within_itself([], list.append),
    "an object within itself": lambda _: within_itself({}, lambda holder, inner: holder.update(a=inner)),
    "a plain form within itself": lambda _: OwnList(),
}


class TensorFlowPredictor:
    def __init__(self, tensorflow_client, config):
        self.client = tensorflow_client
        self.leak_bytes = config.get("leak_bytes", 0)
        self.leaked = []
        # The numbers whose prediction has begun in this process, each written before anything else happens.
        self.begun = os.open(f"begun-{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        if room := config.get("memory_to_spare"):
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + room
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def predict(self, payload):
        os.write(self.begun, b"%d\n" % payload["n"])
        if harm := payload.get("harm"):
            getattr(self, harm)(payload)
        if seconds := payload.get("sleep_s"):
            time.sleep(seconds)
        if self.leak_bytes:
            self.leaked.append(os.urandom(self.leak_bytes))
        answer = expected(payload)
        if what := payload.get("nested"):
            answer["nested"] = NESTED[what](payload.get("levels", 0))
        if payload.get("model"):
            answer["value"] = value(int(self.client.predict({"x": [payload["n"]]})["x"][0]))
        return answer

    def fail(self, payload):
        raise RuntimeError("a predictor that fails")

    def exit(self, payload):
        os._exit(7)

    def hang(self, payload):
        threading.Event().wait()

    def leak(self, payload):
        self.leaked.append(bytearray(payload["bytes"]))

    def chatter(self, payload):
        """Print 10 MB: a single line, many lines, and past Python."""
        print("x" * 4_000_000)
        print("\n".join(["y" * 99] * 40_000))
        sys.stdout.buffer.write(b'{"past": "%b"}\n' % (b"z" * 2_000_000))
        sys.stdout.buffer.flush()
