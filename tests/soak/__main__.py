"""``python -m tests.soak``: run a soak and write its report."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.soak import report
from tests.soak.soak import run


def main() -> int:
    """Run it; 0 when it has passed."""
    arguments = argparse.ArgumentParser(description="Mixed traffic on two replicas, with faults and rolling restarts.")
    arguments.add_argument("--minutes", type=float, default=30.0, help="of traffic (30)")
    arguments.add_argument("--seed", type=int, default=1, help="of the traffic and the faults (1)")
    arguments.add_argument(
        "--out", type=Path, default=Path(".cache/soak"), help="folder for soak.json and soak.png (.cache/soak)"
    )
    arguments.add_argument("--leak-bytes", type=int, default=0, help="have the predictor keep so much of each request")
    asked = arguments.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the replicas must not outlive this process
    with tempfile.TemporaryDirectory() as folder:
        soak = run(Path(folder), asked.minutes * 60, seed=asked.seed, leak_bytes=asked.leak_bytes)
    report.write(soak, asked.out)
    report.show(soak, Console(width=None if sys.stdout.isatty() else 110))
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
