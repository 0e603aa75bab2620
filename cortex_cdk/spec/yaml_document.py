"""A YAML document as plain data, with the position of every value and key.

What is wrong with single values and keys (duplicates, infinities, ...) is collected, so that the rest is checked too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cortex_cdk.spec.problem import ABSENT
from cortex_cdk.spec.yaml_nodes import MAX_DEPTH, TAG, DocumentError, Place, compose, place_of

Path = tuple[str | int, ...]
# After aliases are expanded: a few lines of them could stand for billions.
MAX_NODES = 200_000
MAX_CHARACTERS = 10_000_000
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1  # what readers of JSON keep exactly, signed or unsigned
_TRUE = {"yes", "true", "on"}
_FALSE = {"no", "false", "off"}
_SURROGATE = re.compile("[\ud800-\udfff]")


class Unreadable:
    """The type of ``UNREADABLE``, which stands in the data where a flaw has been reported already."""

    def __repr__(self) -> str:
        return "UNREADABLE"


UNREADABLE: Final = Unreadable()


class EmptyDocumentError(DocumentError):
    """There is nothing but white space and comments."""


@dataclass(frozen=True)
class Flaw:
    """Something wrong with one value or key. ``about_value``: another value at ``path`` would be right."""

    path: Path
    place: Place
    message: str
    value: Any = ABSENT
    hint: str | None = None
    about_value: bool = False


@dataclass
class Document:
    """The data of a YAML document.

    Attributes:
        data: dicts with string keys, lists, strings, ints, finite floats, bools, None and ``UNREADABLE``.
        places: where the value at a path begins.
        keys: where the key at a path begins.
        flaws: in no particular order.
    """

    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Where ``path`` is or, when it is absent, where the nearest thing around it is named."""
        if path in self.places:
            return self.places[path]
        parent = path[:-1]
        while parent and parent not in self.places:
            parent = parent[:-1]
        return self.keys.get(parent) or self.places[parent]


def read(text: str) -> Document:
    """Read the one document in ``text``.

    Raises:
        EmptyDocumentError: when there is none.
        DocumentError: when ``text`` is not well-formed or expands to too much.
    """
    root = compose(text)
    if root is None:
        raise EmptyDocumentError("the file is empty")
    reader = _Reader()
    reader.document.data = reader.value(root, ())
    return reader.document


class _BadScalar(Exception):
    def __init__(self, message: str, hint: str | None = None, value: Any = ABSENT) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.value = value


class _Reader:
    def __init__(self) -> None:
        self.document = Document()
        self._nodes = self._characters = 0
        self._open: set[int] = set()  # the nodes that the current one is inside of

    def value(self, node: Node, path: Path) -> Any:
        place = _place(node)
        self._count(place, node)
        self.document.places[path] = place
        if isinstance(node, ScalarNode):
            try:
                return _scalar(node)
            except _BadScalar as bad:
                self.document.flaws.append(Flaw(path, place, bad.message, bad.value, bad.hint, about_value=True))
                return UNREADABLE
        if id(node) in self._open:
            return self._flaw(path, place, "an alias that contains itself")
        if len(path) > MAX_DEPTH:
            raise DocumentError(f"nested more than {MAX_DEPTH} levels deep", place)
        kind = "map" if isinstance(node, MappingNode) else "seq"
        if node.tag != TAG + kind:
            return self._flaw(path, place, f"the tag `{_short_tag(node.tag)}` is not supported", hint="remove it")
        self._open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return {key: self.value(value_node, (*path, key)) for key, value_node in self._items(node, path, place)}
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        finally:
            self._open.discard(id(node))

    def _items(self, node: MappingNode, path: Path, place: Place) -> Iterator[tuple[str, Node]]:
        """The keys and values of a mapping, merged ones last unless the mapping has the key itself."""
        found: dict[str, tuple[Place, Node]] = {}
        for key, key_place, value, own in self._pairs(node, path, depth=0):
            first = found.get(key)
            if first is None:
                found[key] = (key_place, value)
            elif own:
                hint = f"the first is at line {first[0].line}, column {first[0].column}"
                self._flaw((*path, key), key_place, "the same key twice", hint=hint)
        for key, (key_place, value) in found.items():
            self.document.keys[(*path, key)] = key_place
            yield key, value

    def _pairs(self, node: MappingNode, path: Path, depth: int) -> Iterator[tuple[str, Place, Node, bool]]:
        """Key, its place, value, and whether the pair stands in the mapping itself: own pairs come first."""
        if depth > MAX_DEPTH:
            raise DocumentError("merge keys (`<<`) go round in a circle or too deep", _place(node))
        merges: list[Node] = []
        for key_node, value_node in node.value:
            place = _place(key_node)
            self._count(place, key_node)
            if key_node.tag == TAG + "merge":
                merges.append(value_node)
            elif (key := self._key(key_node, path, place)) is not None:
                yield key, place, value_node, depth == 0
        for merge in merges:
            sources = merge.value if isinstance(merge, SequenceNode) else [merge]
            for source in sources:
                if isinstance(source, MappingNode):
                    yield from self._pairs(source, path, depth + 1)
                else:
                    self._flaw((*path, "<<"), _place(source), "a merge key (`<<`) takes a map or a list of maps")

    def _key(self, node: Node, path: Path, place: Place) -> str | None:
        if not isinstance(node, ScalarNode):
            self._flaw(path, place, "a list or a map as a key", hint="keys must be strings")
            return None
        try:
            key = _scalar(node)
        except _BadScalar as bad:
            self._flaw((*path, node.value), place, bad.message, bad.value, bad.hint)
            return None
        if isinstance(key, str):
            return key
        written = f"`{node.value}`" if node.value else "nothing"
        self._flaw((*path, node.value), place, f"the key {written} is {_meaning(key)} to YAML", key, _quote(node.value))
        return None

    def _count(self, place: Place, node: Node) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise DocumentError(f"more than {MAX_NODES} values, aliases expanded", place)
        if isinstance(node, ScalarNode):
            self._characters += len(node.value)
            if self._characters > MAX_CHARACTERS:
                raise DocumentError(f"more than {MAX_CHARACTERS} characters, aliases expanded", place)

    def _flaw(self, path: Path, place: Place, message: str, value: Any = ABSENT, hint: str | None = None) -> Unreadable:
        self.document.flaws.append(Flaw(path, place, message, value, hint))
        return UNREADABLE


def _place(node: Node) -> Place:
    place = place_of(node.start_mark)
    if isinstance(node, ScalarNode) and node.style is None:
        return Place(place.line, place.column, node.value)
    return place


def _scalar(node: ScalarNode) -> Any:
    convert = _CONVERT.get(node.tag.removeprefix(TAG)) if node.tag.startswith(TAG) else None
    if convert is None:
        raise _BadScalar(f"the tag `{_short_tag(node.tag)}` is not supported", "remove it")
    try:
        return convert(node.value)
    except ValueError:
        raise _BadScalar(f"not a value of the type `{_short_tag(node.tag)}`", value=node.value) from None


def _string(text: str) -> str:
    if _SURROGATE.search(text):
        raise _BadScalar("half of a surrogate pair, which is no character", r"write the character itself, or `\U...`")
    return text


def _integer(text: str) -> int:
    digits = text.replace("_", "").lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if re.fullmatch("0[0-9]+", digits):
        raise _BadScalar(
            f"`{text}` begins with 0, which is octal to some YAML readers and decimal to others",
            f"write it without the 0, or in quotes: {_quoted(text)}",
        )
    base = {"0x": 16, "0b": 2}.get(digits[:2], 10)
    # no 64-bit integer has more digits than 66, `0b` and the bits; and int() is slow for very many
    number = sign * int(digits, base) if len(digits) <= 66 else None
    if number is None or not _MIN_INTEGER <= number <= _MAX_INTEGER:
        raise _BadScalar("the integer does not fit 64 bits", f"write it in quotes if it is a text: {_quoted(text)}")
    return number


def _float(text: str) -> float:
    lowered = text.lower().replace("_", "")
    number = float(lowered.replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(number):
        raise _BadScalar("not a finite number", f"write it in quotes if it is a text: {_quoted(text)}", value=text)
    return number


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ValueError(text)


_CONVERT: dict[str, Callable[[str], Any]] = {
    "str": _string,
    "int": _integer,
    "float": _float,
    "bool": _boolean,
    "null": lambda _: None,
    "merge": _string,  # `<<` as a value
}


def _short_tag(tag: str) -> str:
    return f"!!{tag.removeprefix(TAG)}" if tag.startswith(TAG) else tag


def _meaning(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    return f"the number {value}"


def _quoted(text: str) -> str:
    return f'"{text}"' if len(text) <= 40 else "in quotes"


def _quote(text: str) -> str:
    return f"write it in quotes: {_quoted(text)}" if text else "write a key"
