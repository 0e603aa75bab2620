"""Fetches the model of a replica before TensorFlow Serving starts: ``python -m cortex_cdk.model_pin FOLDER``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from cortex_cdk.model_pin.pin import PinnedModel, fetch
from cortex_cdk.models.errors import ModelError


def main(arguments: list[str]) -> int:
    """Exit status 0 when the model is there, 1 when it cannot be had, 2 when called wrongly."""
    if len(arguments) != 1:
        print("usage: python -m cortex_cdk.model_pin FOLDER", file=sys.stderr)
        return 2
    began = time.monotonic()
    try:
        model = PinnedModel.of_environment(os.environ)
        print(f"fetching {model.uri}", flush=True)
        folder = fetch(model, Path(arguments[0]))
    except ModelError as error:
        print(f"the model cannot be had: {error}", file=sys.stderr)
        return 1
    print(f"{folder} is there, after {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
