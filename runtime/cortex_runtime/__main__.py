"""``python -m cortex_runtime``: serve one replica as its settings say."""

import os
import signal
import sys


def main() -> None:
    """Read the settings and serve; exits with 2 when they are wrong."""
    # Until gunicorn handles it: Python's KeyboardInterrupt may fall into an import, which can swallow it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # its own lines are no records of ours
    from . import extension
    from .settings import SettingsError, load

    try:
        settings = load()
        if settings.extension is not None:
            extension.find(settings.extension)
    except SettingsError as error:
        print(f"cortex_runtime: wrong settings: {error}", file=sys.stderr)
        sys.exit(2)
    from .server import serve

    serve(settings)


if __name__ == "__main__":
    main()
