"""One gRPC call over and over, from h2load: what the model server itself takes, with next to nothing around it."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from benchmarks.figures import percentile
from benchmarks.wrk import Load, LoadError, require


def run(address: str, method: str, message: bytes, answer_bytes: int, connections: int, seconds: int) -> Load:
    """Call ``method`` with ``message``, the next time when the answer is there.

    Args:
        address: of the server, ``unix:PATH``.
        method: such as ``/tensorflow.serving.PredictionService/Predict``.
        message: the serialized request.
        answer_bytes: size of the serialized answer. h2load counts bytes and does not look at them.
        connections: each with one call at a time, in one thread.
        seconds: how long.

    Raises:
        LoadError: h2load is absent or failed, or answers were of another size.
    """
    require("h2load", "nghttp2-client")
    with tempfile.TemporaryDirectory() as folder:
        body, log = Path(folder) / "body", Path(folder) / "log"
        body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)  # gRPC's frame, not compressed
        command = ["h2load", "-t1", f"-c{connections}", "-m1", f"-D{seconds}", f"--log-file={log}", "-d", str(body)]
        headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
        done = subprocess.run(
            [*command, *headers, "-B", address, f"http://localhost{method}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not log.exists():
            raise LoadError(f"h2load ended with {done.returncode}: {done.stdout}{done.stderr}")
        fields = [line.split("\t") for line in log.read_text().splitlines()]
    took_ms = [int(duration_us) / 1000 for _, status, duration_us in fields if status == "200"]
    data = re.search(r"\((\d+)\) data", done.stdout)
    if not took_ms or len(took_ms) < len(fields) or data is None or int(data[1]) % (5 + answer_bytes):
        raise LoadError(f"h2load at {address}: not every answer was one of {answer_bytes} bytes: {done.stdout}")
    return Load(
        requests=len(took_ms),
        requests_per_s=len(took_ms) / seconds,
        p50_ms=percentile(took_ms, 0.5),
        p99_ms=percentile(took_ms, 0.99),
    )
