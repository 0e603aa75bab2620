#!/opt/model-server/bin/python
"""``tensorflow_model_server`` for images without it: the project's model server behind TensorFlow Serving's flags."""

import argparse
import os
import sys


def main() -> None:
    """Become the model server. Flags that TensorFlow Serving has and this does not know are errors, like wrong ones."""
    parser = argparse.ArgumentParser(prog="tensorflow_model_server", allow_abbrev=False)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rest_api_port", type=int, choices=[0], default=0)
    parser.add_argument("--model_name", required=True)
    parser.add_argument("--model_base_path", required=True)
    parser.add_argument("--file_system_poll_wait_seconds", type=int, choices=[0], default=0)
    options = parser.parse_args()
    address = f"0.0.0.0:{options.port}"
    model = f"{options.model_name}={options.model_base_path}"
    command = [sys.executable, "-m", "cortex_cdk.local.model_server", "--address", address, "--model", model]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
