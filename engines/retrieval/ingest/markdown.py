"""
Markdown: headings, paragraphs, list items and tables, with line numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from markdown_it import MarkdownIt
from markdown_it.token import Token

from engines import yamlfile
from engines.retrieval.ingest.blocks import (
    MAX_BLOCK,
    Asked,
    Block,
    Facts,
    Heading,
    Paragraph,
    Row,
)
from engines.retrieval.ingest.text import decode


_FRONT: Final = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_ANCHOR: Final = re.compile(r"\s*\{#[^{}]*\}\s*\Z")
_ASKED: Final = re.compile(r"<!--\s*asked:\s*(.*?)\s*-->", re.DOTALL)
_TAG: Final = re.compile(
    r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|<[^>]{1,500}>", re.DOTALL | re.IGNORECASE
)


def read_markdown(path: Path) -> Iterator[Block]:
    """Blocks of a file."""
    yield from parse_markdown(decode(path.read_bytes()))


def parse_markdown(text: str) -> Iterator[Block]:
    """Blocks of *text*; a header between ``---`` lines becomes facts."""
    first, front = 1, _FRONT.match(text)
    if front is not None:
        facts = _facts(front[1])
        if facts is not None:
            yield facts
            first += text.count("\n", 0, front.end())
            text = text[front.end() :]
    tokens = MarkdownIt("commonmark", {"maxNesting": 40}).enable("table").parse(text)
    yield from _Reader(first).read(tokens)


def _facts(front: str) -> Facts | None:
    try:
        return msgspec.convert(yamlfile.parse(front, "header").data, Facts)
    except (yamlfile.BadFile, msgspec.ValidationError):
        return None


class _Reader:
    """Tokens in order; remembers the heading, table or row it is in."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._level = 0
        self._header: tuple[str, ...] = ()
        self._cells: list[str] | None = None

    def read(self, tokens: list[Token]) -> Iterator[Block]:
        for token in tokens:
            place = f"line {token.map[0] + self._first}" if token.map else ""
            if token.type == "inline":
                yield from self._inline(token, place)
            elif token.type in ("fence", "code_block"):
                yield Paragraph(token.content.strip()[:MAX_BLOCK], place)
            elif token.type == "html_block":
                yield from _html(token.content, place)
            elif token.type == "tr_close":
                yield from self._end_row()
            else:
                self._enter(token)

    def _enter(self, token: Token) -> None:
        if token.type == "heading_open":
            self._level = int(token.tag[1])
        elif token.type == "table_open":
            self._header = ()
        elif token.type == "tr_open":
            self._cells = []

    def _inline(self, token: Token, place: str) -> Iterator[Block]:
        text, level = _said(token), self._level
        self._level = 0
        if self._cells is not None:
            self._cells.append(text)
        elif level:
            yield Heading(level, _ANCHOR.sub("", text), place)
        elif text:
            yield Paragraph(text[:MAX_BLOCK], place)

    def _end_row(self) -> Iterator[Block]:
        cells, self._cells = tuple(self._cells or ()), None
        if not self._header:
            self._header = cells
        else:
            yield Row(self._header, cells)


def _html(content: str, place: str) -> Iterator[Block]:
    for match in _ASKED.finditer(content):
        yield Asked(tuple(w.strip() for w in match[1].split("|") if w.strip()))
    text = _TAG.sub(" ", content).strip()
    if text:
        yield Paragraph(text[:MAX_BLOCK], place)


def _said(token: Token) -> str:
    """Text of an inline token without its marks."""
    parts = []
    for child in token.children or ():
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "image":
            parts.append(child.content)
    return "".join(parts).strip()
