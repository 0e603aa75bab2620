"""Machine code of the simulator is kept apart by what it was made from.

numba judges by a function's own file whether its code is still good, not by the files of the functions that it calls.
"""

import hashlib
import os
import tempfile
from pathlib import Path

_SOURCES = sorted((Path(__file__).parents[2] / "cortex_cdk" / "simulation").rglob("*.py"))
_DIGEST = hashlib.sha256(b"".join(path.read_bytes() for path in _SOURCES if "compiled" in path.read_text())).hexdigest()
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"cortex-cdk-numba-{_DIGEST[:16]}"))
