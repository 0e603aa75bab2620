"""YAML text to a graph of nodes with positions: PyYAML's parser, with the scalars read as Cortex's reader did.

Cortex read YAML through go-yaml. As there, timestamps and sexagesimal numbers (``60:00``) are strings, ``1e3`` is a
number, ``yes`` and ``on`` are booleans, an anchor may be defined anew. An integer with a leading zero is octal to
YAML 1.1 and decimal to YAML 1.2, therefore refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yaml.composer import Composer
from yaml.error import Mark, MarkedYAMLError
from yaml.events import AliasEvent
from yaml.nodes import Node
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

MAX_DEPTH = 100
MAX_BYTES = 1_000_000
TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Place:
    """A position in a file, both counted from 1, and the text of a plain (unquoted) scalar there."""

    line: int
    column: int
    plain: str | None = None


class DocumentError(Exception):
    """The text cannot be read as one YAML document; nothing more can be said about its content."""

    def __init__(self, message: str, place: Place | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint


class _Resolver(BaseResolver):
    """Which plain scalars are not strings."""


def _resolve_plain(tag: str, pattern: str, first: str) -> None:
    _Resolver.add_implicit_resolver(TAG + tag, re.compile(rf"(?:{pattern})\Z"), list(first) if first else [""])


_resolve_plain("bool", "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", "yYnNtTfFoO")
_resolve_plain("int", r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)", "-+0123456789")
_resolve_plain(
    "float",
    r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "-+.0123456789",
)
_resolve_plain("null", "~|null|Null|NULL", "~nN")
_resolve_plain("null", "", "")
_resolve_plain("merge", "<<", "<")


class _Loader(Reader, Scanner, Parser, Composer, _Resolver):
    """PyYAML's pipeline up to the node graph; it makes no Python objects."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _Resolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if not isinstance(event, AliasEvent):
            self.anchors.pop(event.anchor, None)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise DocumentError(f"nested more than {MAX_DEPTH} levels deep", place_of(event.start_mark))
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def place_of(mark: Mark) -> Place:
    """The position of a mark of PyYAML, which counts from 0."""
    return Place(mark.line + 1, mark.column + 1)


def content_of(path: Path) -> bytes:
    """The bytes of a file; of one that is too large only so many that ``decode`` refuses them.

    Raises:
        OSError: when it cannot be read.
        ValueError: when it cannot be the path of a file.
    """
    with path.absolute().open("rb") as file:
        return file.read(MAX_BYTES + 1)


def decode(content: bytes) -> str:
    """The text of a file.

    Raises:
        DocumentError: when it is not UTF-8 or too large.
    """
    if len(content) > MAX_BYTES:
        raise DocumentError(f"the file is too large: of its bytes at most {MAX_BYTES} are read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        place = Place(before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode("utf-8-sig", "replace")) + 1)
        hint = "save the file with the encoding UTF-8"
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            hint = f"it looks like UTF-16; {hint}"
        raise DocumentError(f"not UTF-8: byte 0x{content[error.start]:02x}", place, hint) from None


def compose(text: str) -> Node | None:
    """The root node of the one document in ``text``, or None when there is none.

    Raises:
        DocumentError: when ``text`` is not well-formed YAML or has more documents than one.
    """
    try:
        loader = _Loader(text)
    except ReaderError as error:
        raise _unprintable(text, error.position) from None
    try:
        if not loader.check_node():
            return None
        root: Node | None = loader.get_node()
        if loader.check_node():
            place = place_of(loader.peek_event().start_mark)  # type: ignore[no-untyped-call]
            raise DocumentError("a second YAML document begins here", place, "write all into one, without `---`")
    except ReaderError as error:
        raise _unprintable(text, error.position) from None
    except MarkedYAMLError as error:
        raise _syntax_error(error) from None
    except (ValueError, OverflowError):  # PyYAML lets through an escape such as "\UFFFFFFFF"
        raise DocumentError("not valid YAML: an escape names no character", place_of(loader.get_mark())) from None
    return root


def _unprintable(text: str, position: int) -> DocumentError:
    before = text[:position]
    place = Place(before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
    return DocumentError(f"the character U+{ord(text[position]):04X} is not allowed in YAML", place)


def _syntax_error(error: MarkedYAMLError) -> DocumentError:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "cannot be read"
    hint = None
    if r"'\t'" in problem:
        problem, hint = "a tab where only spaces may stand", "indent with spaces"
    elif "mapping values are not allowed here" in problem:
        hint = "check the indentation; quote a text that contains `: `"
    elif error.context and error.problem and error.context_mark:
        start = place_of(error.context_mark)
        hint = f"{error.context} that begins at line {start.line}, column {start.column}"
    return DocumentError(f"not valid YAML: {problem}", place_of(mark) if mark else None, hint)
