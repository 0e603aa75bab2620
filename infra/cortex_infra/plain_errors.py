"""What is wrong with a project is told in words, not as a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cortex_cdk.models.errors import ModelError
from cortex_cdk.spec import SpecError

_VALIDATION = "ValidationFailedWithErrors: "


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print mistakes in a project's files, and what constructs find wrong at ``app.synth()``, and exit with status 1.

    All other exceptions pass.
    """
    try:
        yield
    except (SpecError, ModelError) as error:
        _exit(str(error))
    except RuntimeError as error:  # all that jsii lets JavaScript raise
        if not str(error).startswith(_VALIDATION):
            raise
        _exit(str(error).removeprefix(_VALIDATION))


def _exit(message: str) -> None:
    print(message, file=sys.stderr)
    raise SystemExit(1) from None
