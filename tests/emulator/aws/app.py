"""The emulator ``ministack`` with what it lacks: an ASGI application, for the interpreter that has the emulator.

``python -m hypercorn app:app`` in this folder serves it.
"""

from __future__ import annotations

import registry
import resources
import tasks
from ministack.app import app as app

registry.install()
resources.install()
tasks.install()
