"""The rows of a CSV file, whatever wrote it: compression, encoding, separator and header are found out.

Compressed files are known by their first bytes (gzip, bzip2, xz), UTF-16 by its byte order mark. Rows are read one by
one, so a file may be larger than the memory.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from _csv import Reader

STDIN = "-"
_SEPARATORS = (",", ";", "\t", "|")
_PEEK = 16


class TraceError(ValueError):
    """A trace cannot be read. The message names the file, the line, what was found and what is allowed."""


@dataclass(frozen=True)
class Row:
    """One row: its line in the file (from 1; the last line of a row that spans several) and its cells, stripped."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Table:
    """The cells of the first row, the separator, and the other rows, each as wide as the first."""

    first: Row
    separator: str
    rows: Iterator[Row]


@contextmanager
def open_table(path: str | Path) -> Iterator[Table]:
    """Open a CSV file; ``-`` is standard input. Lines before the first row that start with ``#`` are skipped.

    Raises:
        TraceError: also while rows are read: a blank row, a row of another width, text that is not UTF-8, a damaged
            file. Blank lines at the very end are fine.
    """
    name = "standard input" if str(path) == STDIN else str(path)
    try:
        with ExitStack() as closed:
            raw = sys.stdin.buffer if str(path) == STDIN else closed.enter_context(Path(path).open("rb"))
            yield _table(_decoded(raw), name)
    except UnicodeDecodeError as error:
        raise TraceError(f"{name}: byte {error.start} of a block is not UTF-8; save the file as UTF-8 CSV") from None
    except (gzip.BadGzipFile, EOFError, lzma.LZMAError) as error:
        raise TraceError(f"{name}: the compressed file is damaged or cut off: {error}") from None
    except OSError as error:
        raise TraceError(f"{name}: cannot be read: {error.strerror or error}") from None


def _decoded(raw: IO[bytes]) -> io.TextIOWrapper:
    plain = io.BufferedReader(cast(io.RawIOBase, raw)) if not hasattr(raw, "peek") else raw
    start = cast(io.BufferedReader, plain).peek(_PEEK)[:_PEEK]
    for magic, opener in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open)):
        if start.startswith(magic):
            inner = opener(plain, "rb")
            return _decoded(io.BufferedReader(cast(io.RawIOBase, inner)))
    encoding = "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return io.TextIOWrapper(plain, encoding=encoding, newline="")


def _table(text: Iterable[str], name: str) -> Table:
    lines = iter(text)
    skipped, head = 0, ""
    for line in lines:
        if line.strip() and not line.startswith("#"):
            head = line
            break
        skipped += 1
    if not head:
        raise TraceError(f"{name}: the file is empty; expected CSV with a header, such as: timestamp,count")
    separator = _separator(head)
    reader = csv.reader(_chained(head, lines), delimiter=separator, skipinitialspace=True, strict=True)
    cells = _strip(next(_checked(reader, name, skipped)))
    first = Row(skipped + reader.line_num, cells)
    return Table(first, separator, _rows(reader, name, skipped, len(cells)))


def _rows(reader: Reader, name: str, skipped: int, width: int) -> Iterator[Row]:
    blank = None
    for raw in _checked(reader, name, skipped):
        line = skipped + reader.line_num
        cells = _strip(raw)
        if not any(cells):
            blank = blank or line
            continue
        if blank is not None:
            raise TraceError(f"{name}: line {blank}: the row is blank; remove it or fill it in")
        if len(cells) != width:
            raise TraceError(f"{name}: line {line}: {len(cells)} fields, but the first row has {width}")
        yield Row(line, cells)


def _checked(reader: Reader, name: str, skipped: int) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise TraceError(f"{name}: line {skipped + reader.line_num}: not CSV: {error}") from None


def _separator(head: str) -> str:
    """The one that splits the first row into most cells; a comma when none does."""
    widths = {separator: len(next(csv.reader([head], delimiter=separator), [])) for separator in _SEPARATORS}
    return max(_SEPARATORS, key=lambda separator: widths[separator])


def _strip(cells: list[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _chained(head: str, lines: Iterator[str]) -> Iterator[str]:
    yield head
    yield from lines
