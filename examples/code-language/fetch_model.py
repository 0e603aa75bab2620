"""Copy the model and its list of languages from the installed Python package ``guesslang`` into this folder.

    pip install --no-deps guesslang==2.2.1
    python fetch_model.py

The package need not be importable: it asks for an old TensorFlow, and only its files are used.
"""

import importlib.util
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    package = importlib.util.find_spec("guesslang")
    if package is None or not package.submodule_search_locations:
        print("guesslang is not installed: pip install --no-deps guesslang==2.2.1", file=sys.stderr)
        return 1
    data = Path(package.submodule_search_locations[0]) / "data"
    # Beside, then renamed: a copy that was interrupted is not taken for the model.
    partial = HERE / "model.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(data / "model", partial)
    shutil.copyfile(data / "languages.json", HERE / "languages.json")
    shutil.rmtree(HERE / "model", ignore_errors=True)
    partial.rename(HERE / "model")
    print(f"the model is in {HERE / 'model'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
