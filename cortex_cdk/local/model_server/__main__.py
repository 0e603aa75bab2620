"""``python -m cortex_cdk.local.model_server``."""

import os
import sys

from cortex_cdk.local.model_server.cli import main

if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # TensorFlow may be loading in a thread that no one can stop, and tearing the interpreter down below it can crash.
    os._exit(status)
