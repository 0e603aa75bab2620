"""The pages of README.md and docs/, parsed, and what stands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
SHELLS = ("bash", "console")
OPERATORS = {"|", "||", "&", "&&", ";", ">", ">>", "<"}
LABEL = re.compile(r"`(cortex\.yaml|cluster\.yaml)`:")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        place: page and line of its content, such as ``docs/cost.md:9``.
        label: the file it shows, where the paragraph above it is only that name and a colon.
    """

    place: str
    language: str
    text: str
    label: str | None


@dataclass(frozen=True)
class Command:
    """A command of a shell block, or ``cortex-cdk ...`` in a sentence, where what it needs may be left out."""

    place: str
    words: tuple[str, ...]
    in_sentence: bool = False


def tokens(page: Path) -> list[Token]:
    """The block tokens of a page."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(*languages: str) -> list[Block]:
    """All fenced blocks in one of these languages."""
    return [block for page in PAGES for block in _blocks(page) if block.language in languages]


def _blocks(page: Path) -> Iterator[Block]:
    parsed = tokens(page)
    for index, token in enumerate(parsed):
        if token.type == "fence":
            assert token.map is not None
            before = parsed[index - 2].content if index >= 2 and parsed[index - 1].type == "paragraph_close" else ""
            label = LABEL.fullmatch(before)
            place = f"{page.relative_to(ROOT)}:{token.map[0] + 2}"
            yield Block(place, token.info, token.content, label[1] if label else None)


def commands() -> list[Command]:
    """The commands of all shell blocks, and every ``cortex-cdk ...`` in a sentence or table."""
    found = [
        Command(block.place, words)
        for block in blocks(*SHELLS)
        for line in _command_lines(block)
        for words in split_commands(line)
    ]
    for page in PAGES:
        for token in tokens(page):
            for child in token.children or []:
                if child.type == "code_inline" and child.content.startswith("cortex-cdk "):
                    place = f"{page.relative_to(ROOT)}:{token.map[0] + 1 if token.map else '?'}"
                    found += [Command(place, words, in_sentence=True) for words in split_commands(child.content)]
    return found


def _command_lines(block: Block) -> list[str]:
    joined = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        return [line.removeprefix("$ ") for line in joined if line.startswith("$ ")]
    return joined


def split_commands(line: str) -> Iterator[tuple[str, ...]]:
    """The commands of a line of shell: without comments, redirections and leading assignments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    redirected = False
    for word in [*lexer, ";"]:
        if word in OPERATORS and word[0] not in "<>":
            while words and re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)
            if words:
                yield tuple(words)
            words, redirected = [], False
        elif word in OPERATORS:
            redirected = True
        elif not redirected:
            words.append(word)
