"""The emulator ``ministack`` with what it lacks: an ASGI application, for the interpreter that has the emulator.

``python -m hypercorn app:app`` in this folder serves it.
"""

from __future__ import annotations

import embedded_metrics
import registry
import resources
import tasks
from ministack.app import app as app

embedded_metrics.install()
registry.install()
resources.install()
tasks.install()
