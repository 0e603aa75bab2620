"""Run all benchmarks, one after the other."""

import os
import platform
import sys
from importlib.metadata import version

from rich.console import Console

from benchmarks import replica_overhead, scaler, simulation, worker_start
from benchmarks.model_server import model_server


def main() -> None:
    """Measure and print, with what the figures depend on."""
    console = Console(width=None if sys.stdout.isatty() else 110)
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("falcon", "gunicorn", "uvicorn", "grpcio", "numpy", "numba")
    )
    console.print(f"Python {platform.python_version()} on {os.cpu_count()} cores; {packages}")
    with model_server() as address:
        worker_start.run(address, console)
        replica_overhead.run(address, console)
    simulation.run(console)
    scaler.run(console)


if __name__ == "__main__":
    main()
