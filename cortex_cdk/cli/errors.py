"""The error of a command that its user can do something about."""

from __future__ import annotations


class UserError(Exception):
    """Shown without a traceback; the exit status is 1. The message says what was found and what to do."""
