"""What to do about a key that does not exist: misspelt, in the wrong section, or known to another version of Cortex."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

_NOT_YET = "later versions of Cortex had it; it does not exist here"
# By section and key, of Cortex 0.8 to 0.42.
OTHER_VERSIONS: Mapping[str, Mapping[str, str]] = {
    "": {
        "monitoring": "here it is called `tracker`",
        "networking": "set `endpoint` on the API itself",
        "kind": "every entry of the list is an API; remove it",
        "handler": "here it is called `predictor`",
        "tensorflow": "early versions of Cortex had it; here it is `predictor` with `type: tensorflow`",
        "onnx": "only TensorFlow APIs are supported",
        "python": "only TensorFlow APIs are supported",
        "deployment": "early versions of Cortex had it; remove it",
        "model": "write it in `predictor`",
        "model_format": "early versions of Cortex had it; remove it",
        "request_handler": "early versions of Cortex had it; the class in `predictor.path` takes its place",
        "apis": "every entry of the list is an API",
        "pod": _NOT_YET,
        "node_groups": _NOT_YET,
    },
    "predictor": {
        "models": "one model for each API is supported: write `model: s3://bucket/key`",
        "model_path": "here it is called `model`",
        "multi_model_reloading": _NOT_YET,
        "server_side_batching": _NOT_YET,
        "processes_per_replica": "here it is `workers_per_replica` in `autoscaling`",
        "threads_per_process": "here it is `threads_per_worker` in `autoscaling`",
        "image": "packages for the predictor's image go into requirements.txt beside cortex.yaml",
        "tensorflow_serving_image": _NOT_YET,
        "dependencies": "requirements.txt and dependencies.sh beside cortex.yaml are found by their names",
        "log_level": _NOT_YET,
        "shm_size": _NOT_YET,
        "protobuf_path": _NOT_YET,
    },
    "compute": {"inf": _NOT_YET, "shm": _NOT_YET, "selector": _NOT_YET, "node_groups": _NOT_YET},
    "autoscaling": {
        "target_in_flight": "here it is called `target_replica_concurrency`",
        "max_concurrency": "here it is called `max_replica_concurrency`",
        "max_queue_length": "see `max_replica_concurrency`, which counts running requests, too",
        "processes_per_replica": "here it is called `workers_per_replica`",
        "threads_per_process": "here it is called `threads_per_worker`",
        "target_cpu_utilization": "the autoscaler follows the requests in flight, see `target_replica_concurrency`",
        "target_queue_length": "the autoscaler follows the requests in flight, see `target_replica_concurrency`",
    },
}


def unknown_key(
    section: str,
    key: str,
    keys: Mapping[str, Sequence[str]],
    *,
    elsewhere: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    root_name: str = "the API itself",
) -> str | None:
    """A hint for ``key``, which ``section`` does not have.

    Args:
        section: ``""`` for the outermost one.
        keys: the keys of every section.
        elsewhere: hints for keys of other versions, by section and key.
        root_name: what the outermost section is called.
    """
    if hint := elsewhere.get(section, {}).get(key):
        return hint
    plain = _plain(key)
    homes = [other for other, known in keys.items() if plain in known and plain not in keys[section]]
    if homes:
        nearest = next((home for home in homes if home.startswith(f"{section}.")), homes[0])
        such = "sections such as " if len(homes) > 1 else ""
        return f"it belongs in {such}{f'`{nearest}`' if nearest else root_name}; check the indentation"
    close = difflib.get_close_matches(plain, keys[section], n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else None


def _plain(key: str) -> str:
    """``minReplicas`` and ``min-replicas`` as ``min_replicas``."""
    snake = "".join(f"_{letter}" if letter.isupper() and index else letter for index, letter in enumerate(key[:100]))
    return snake.lower().replace("-", "_").replace("__", "_").strip("_ ") if not key.isupper() else key.lower()
