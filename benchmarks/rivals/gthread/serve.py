"""Falcon under gunicorn's gthread workers, each with one thread that predicts."""

import os
import sys
from pathlib import Path

gunicorn = Path(sys.executable).with_name("gunicorn")
options = ["--worker-class", "gthread", "--threads", "1", "--workers", os.environ["WORKERS"], "--keep-alive", "75"]
os.execv(gunicorn, [str(gunicorn), *options, "--bind", f"127.0.0.1:{os.environ['PORT']}", "app:app"])
