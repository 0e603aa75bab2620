"""What an API's autoscaling would do on a given traffic: how many replicas, how fast, at what cost.

    from cortex_cdk.simulation import Platform, parse_service_time, pattern, simulate

Importing this package is cheap: NumPy, numba and the rest are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cortex_cdk.simulation.engine import simulate as simulate
    from cortex_cdk.simulation.patterns import pattern as pattern
    from cortex_cdk.simulation.platform import Platform as Platform
    from cortex_cdk.simulation.run import Run as Run
    from cortex_cdk.simulation.service_time import parse_service_time as parse_service_time
    from cortex_cdk.simulation.trace import Trace as Trace
    from cortex_cdk.simulation.trace_file import read_trace as read_trace

_MODULES = {
    "Platform": "platform",
    "Run": "run",
    "Trace": "trace",
    "parse_service_time": "service_time",
    "pattern": "patterns",
    "read_trace": "trace_file",
    "simulate": "engine",
}
__all__ = ["Platform", "Run", "Trace", "parse_service_time", "pattern", "read_trace", "simulate"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
