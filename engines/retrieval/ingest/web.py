"""
Saved web pages: what a reader sees, without scripts, menus and hidden text.

Links are not followed: a folder of pages is read file by file, so pages that link
to each other in circles are nothing special.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from engines.retrieval.ingest.blocks import (
    MAX_BLOCK,
    Block,
    Facts,
    Heading,
    Paragraph,
    Row,
)
from engines.retrieval.ingest.text import decode


_UNSEEN: Final = (
    "script, style, noscript, template, iframe, object, svg, canvas, nav, header > nav,"
    " footer, aside, form button, select, head link, head meta, [hidden],"
    ' [aria-hidden="true"], [style*="display:none"], [style*="display: none"],'
    ' [style*="visibility:hidden"], [style*="visibility: hidden"], [style*="font-size:0"]'
)
_HEADINGS: Final = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
#: A term and the line one opens are questions with their answers below.
_QUESTIONS: Final = {"dt": 6, "summary": 6, "caption": 6, "legend": 6}
_CELLS: Final = frozenset({"td", "th"})
_BLOCKS: Final = (
    frozenset(
        [
            "address",
            "article",
            "blockquote",
            "body",
            "dd",
            "div",
            "details",
            "fieldset",
            "figcaption",
            "footer",
            "header",
            "html",
            "li",
            "main",
            "ol",
            "p",
            "pre",
            "section",
            "table",
            "tbody",
            "thead",
            "tr",
            "ul",
        ]
    )
    | _CELLS
    | _HEADINGS.keys()
    | _QUESTIONS.keys()
)
#: Deeper nesting is no page for readers.
_MAX_DEPTH: Final = 200
_BLANKS: Final = re.compile(r"[ \t\r\f\v\n\u00a0]+")
_CHARSET: Final = re.compile(
    rb"<meta[^>]{0,200}charset=[\"']?\s*(gb\w+|big5)", re.IGNORECASE
)


def read_html(path: Path) -> Iterator[Block]:
    """Blocks of a saved page."""
    data = path.read_bytes()
    if _CHARSET.search(data[:2048]) and not data.startswith(b"\xef\xbb\xbf"):
        text = data.decode("gb18030", errors="replace")
        text = text if text.count("\ufffd") <= len(text) // 100 else decode(data)
    else:
        text = decode(data)
    yield from parse_html(text)


def parse_html(text: str) -> Iterator[Block]:
    """Blocks of a page in reading order."""
    tree = LexborHTMLParser(text)
    title = tree.css_first("title")
    if title is not None and title.text(strip=True):
        yield Facts(title=_BLANKS.sub(" ", title.text()).strip()[:200])
    for tag in tree.css(_UNSEEN):
        tag.decompose()
    body = tree.body
    if body is not None:
        yield from _Page().read(body)


class _Page:
    """Gathers text by the block it stands in, and cells by their row."""

    def __init__(self) -> None:
        self._block: LexborNode | None = None
        self._parts: list[str] = []
        self._row: LexborNode | None = None
        self._cells: list[str] = []
        self._table: LexborNode | None = None
        self._header: tuple[str, ...] = ()

    def read(self, body: LexborNode) -> Iterator[Block]:
        for node in body.traverse(include_text=True):
            if node.tag in ("br", "hr"):
                self._parts.append("\n")
            if node.tag != "-text":
                continue
            block = _ancestor(node, _BLOCKS)
            if self._block is None or block is None or block != self._block:
                yield from self._flush()
                self._block = block
            self._parts.append(_BLANKS.sub(" ", node.text()))
        yield from self._flush()
        yield from self._end_row()

    def _flush(self) -> Iterator[Block]:
        text = "\n".join(
            line.strip() for line in "".join(self._parts).split("\n") if line.strip()
        )[:MAX_BLOCK]
        self._parts = []
        block = self._block
        if block is None or not text:
            return
        cell = block if block.tag in _CELLS else _ancestor(block, _CELLS)
        if cell is not None:
            yield from self._add_cell(cell, text)
            return
        yield from self._end_row()
        level = _HEADINGS.get(block.tag or "") or _QUESTIONS.get(block.tag or "")
        yield Heading(level, text) if level else Paragraph(text)

    def _add_cell(self, cell: LexborNode, text: str) -> Iterator[Block]:
        row = _ancestor(cell, frozenset({"tr"}))
        if self._row is None or row is None or row != self._row:
            yield from self._end_row()
            self._row = row
        self._cells.append(text)

    def _end_row(self) -> Iterator[Block]:
        cells, row = tuple(self._cells), self._row
        self._cells, self._row = [], None
        if row is None or not cells:
            return
        table = _ancestor(row, frozenset({"table"}))
        if self._table is None or table is None or table != self._table:
            self._table, self._header = table, cells
            if len(cells) > 1:
                return
        if len(cells) == 1:
            yield Paragraph(cells[0])
        else:
            yield Row(self._header, cells)


def _ancestor(node: LexborNode, tags: frozenset[str]) -> LexborNode | None:
    found, depth = node.parent, 0
    while found is not None and depth < _MAX_DEPTH:
        if found.tag in tags:
            return found
        found, depth = found.parent, depth + 1
    return None
