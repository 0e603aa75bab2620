"""What a SavedModel offers, read from its ``saved_model.pb`` without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cortex_cdk.models import archive
from cortex_cdk.models.errors import SavedModelError
from cortex_cdk.models.layout import GRAPH_FILES, find_export

if TYPE_CHECKING:
    from cortex_runtime.tf_serving.signature import Signature

SERVE = "serve"  # the tag set that TensorFlow Serving loads

_LFS_POINTER = b"version https://git-lfs.github.com/"
_AGAIN = "export or copy the model again"


@dataclass(frozen=True, slots=True)
class Contents:
    """A model on disk: the version that would be served, and its signatures by key."""

    version: int
    signatures: dict[str, Signature]


def inspect(model: Path) -> Contents:
    """Look into a local model: an export, a folder of numbered versions, or a zip of either, which stays packed.

    Raises:
        ModelError: when there is no whole export or it cannot be read.
    """
    if model.suffix.lower() == ".zip" and not model.is_dir():
        version, name, content = archive.read_graph(model)
        return Contents(version, parse_signatures(content, f"{model}: {name}", text=name.endswith("txt")))
    export = find_export(model)
    return Contents(export.version, read_signatures(export.path))


def read_signatures(export: Path) -> dict[str, Signature]:
    """The signatures of an export folder by key; of its graphs, the one with the tag ``serve`` alone counts.

    Raises:
        SavedModelError: when the file is absent, damaged, or has no such graph.
    """
    file = next((export / name for name in GRAPH_FILES if (export / name).is_file()), None)
    if file is None:
        raise SavedModelError(f"{export}: has no {' or '.join(GRAPH_FILES)}")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SavedModelError(f"{file}: cannot be read: {error.strerror}") from None
    return parse_signatures(content, str(file), text=file.suffix == ".pbtxt")


def parse_signatures(content: bytes, where: str, *, text: bool = False) -> dict[str, Signature]:
    """The signatures in the content of a ``saved_model.pb``, or of a ``.pbtxt`` when ``text``.

    Raises:
        SavedModelError: with ``where`` in its message.
    """
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    from cortex_runtime.tf_serving import messages, signature

    try:
        if text:
            saved_model = text_format.Parse(content, messages.SavedModel())
        else:
            saved_model = messages.SavedModel.FromString(content)
    except (DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        if content.startswith(_LFS_POINTER):
            raise SavedModelError(f"{where}: is a pointer of Git LFS, not the file; run `git lfs pull`") from None
        raise SavedModelError(f"{where}: not a SavedModel ({error}); {_AGAIN}") from None
    graphs = saved_model.meta_graphs
    if not graphs:
        raise SavedModelError(f"{where}: has no graphs; {_AGAIN}")
    for graph in graphs:
        if list(graph.meta_info_def.tags) == [SERVE]:
            return signature.read(graph.signature_def)
    found = ", ".join("{" + ", ".join(sorted(graph.meta_info_def.tags)) + "}" for graph in graphs)
    raise SavedModelError(f"{where}: no graph has the tag set {{{SERVE}}}, found {found}; export the model for serving")
