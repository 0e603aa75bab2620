"""pycurl with the libcurl that it brings, whatever the process has loaded before.

TensorFlow exports the functions of an older libcurl that it holds. Were pycurl's names bound as usual, to the first
library that has them, it could not be imported after TensorFlow.
"""

from __future__ import annotations

import os
import sys

_flags = sys.getdlopenflags()
if "tensorflow" in sys.modules:
    # Linux: its own libraries first. Not without need, since an allocator that was preloaded counts as another's: what
    # it gave would be given back to libc.
    sys.setdlopenflags(_flags | getattr(os, "RTLD_DEEPBIND", 0))
try:
    import pycurl
finally:
    sys.setdlopenflags(_flags)

__all__ = ["pycurl"]
