"""MLServer with one inference worker, as ``mlserver start`` does it."""

import json
import os
import sys
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp(prefix="mlserver-"))
settings = {
    "host": "127.0.0.1",
    "http_port": int(os.environ["PORT"]),
    "grpc_port": 0,
    "metrics_endpoint": None,  # would be a server at a fixed port
    "parallel_workers": 1,
    "debug": False,
    "environments_dir": str(folder / "environments"),
}
(folder / "settings.json").write_text(json.dumps(settings))
(folder / "model-settings.json").write_text(json.dumps({"name": "iris", "implementation": "iris.Iris"}))
mlserver = Path(sys.executable).with_name("mlserver")
os.environ["PYTHONPATH"] = f"{Path(__file__).parent}:{os.environ['PYTHONPATH']}"
os.execv(mlserver, [str(mlserver), "start", str(folder)])
