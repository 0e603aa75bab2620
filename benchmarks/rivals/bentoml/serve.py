"""BentoML with one worker, as ``bentoml serve`` does it."""

import os
import sys
from pathlib import Path

os.environ["BENTOML_DO_NOT_TRACK"] = "True"
bentoml = Path(sys.executable).with_name("bentoml")
os.execv(bentoml, [str(bentoml), "serve", "service:Iris", "--host", "127.0.0.1", "--port", os.environ["PORT"]])
