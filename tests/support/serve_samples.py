"""The model server with all sample models, in one process, so that TensorFlow starts once.

``python -m tests.support.serve_samples FOLDER [ARGUMENT ...]`` builds the sample models below FOLDER and then runs the
model server's own ``main`` with them and the further arguments.
"""

import sys
from pathlib import Path

from cortex_cdk.local.model_server.cli import main
from tests.support import sample_models

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    paths = sample_models.build(folder)
    models = [f"--model={name}={path}" for name, path in paths.items()]
    sys.exit(main([*models, *sys.argv[2:]]))
