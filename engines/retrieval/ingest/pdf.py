"""
PDF: the text of every page, if it has any and needs no password.

What is set larger than the running text is a heading; where all is of one size, a
short line after a full stop is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, PyPdfError

from engines.retrieval.ingest.blocks import Block, Facts, Refused
from engines.retrieval.ingest.text import blocks_of
from engines.retrieval.ingest.typeset import plain_letters


_MAX_PAGES: Final = 5_000
_WRAPPED_ZH: Final = re.compile(
    r"[\u4e00-\u9fff，、；：]\n[\u4e00-\u9fff\d]|[^。！？]\n[，。、；！？）]|\d\n[\u4e00-\u9fff]"
)
_WRAPPED_EN: Final = re.compile(r"[a-z,]\n[a-z(]")
#: A line this much shorter than the others was not broken for want of room.
_FULL_LINE: Final = 0.6
#: Larger than the running text by this, and not longer, is a heading.
_LARGER: Final = 1.12
_LONGEST_HEADING: Final = 80
#: Pages that tell the size of the running text.
_TELLING_PAGES: Final = 20
#: Titles that programs write where nobody gave one.
_NO_TITLE: Final = re.compile(
    r"(?i)untitled|about:|https?:|(?:microsoft|wps|powerpoint)\b|无标题|未命名|文档\s*\d*\Z"
    r"|.*\.(?:docx?|xlsx?|pptx?|pdf|wps|html?|txt)\Z"
)


class _Line(NamedTuple):
    """A line with the size it is set in, in points."""

    text: str
    size: float


def read_pdf(path: Path) -> Iterator[Block]:
    """Blocks of a PDF, page by page."""
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Refused("encrypted; save it without a password")
        pages = len(reader.pages)
    except DependencyError as exc:
        raise Refused("encrypted; save it without a password") from exc
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise Refused(f"no readable PDF: {type(exc).__name__}") from exc
    if pages > _MAX_PAGES:
        raise Refused(f"more than {_MAX_PAGES} pages; split it")
    yield from _pages(reader)


def _pages(reader: PdfReader) -> Iterator[Block]:
    title = reader.metadata.title if reader.metadata is not None else None
    if isinstance(title, str) and title.strip() and not _NO_TITLE.match(title.strip()):
        yield Facts(title=plain_letters(title).strip()[:200])
    pages = enumerate(reader.pages, 1)
    first = [(n, _lines(page, n)) for n, page in islice(pages, _TELLING_PAGES)]
    levels = _levels([line for _, lines in first for line in lines])
    rest = ((n, _lines(page, n)) for n, page in pages)
    says = False
    for read in (first, rest):
        for number, lines in read:
            says = says or bool(lines)
            text = _joined(lines, levels)
            yield from blocks_of(text, f"page {number}", is_dense=not levels)
    if not says:
        raise Refused("has no text, only pictures; run a text recognition first")


def _lines(page: PageObject, number: int) -> list[_Line]:
    """Lines of *page* that hold anything."""
    runs: list[tuple[str, float]] = []

    def keep(
        text: str, cm: Sequence[float], tm: Sequence[float], _font: object, size: float
    ) -> None:
        runs.append((text, abs(size * tm[3] * cm[3])))

    try:
        page.extract_text(visitor_text=keep)
    except Exception as exc:
        raise Refused(f"page {number} cannot be read: {type(exc).__name__}") from exc
    return list(_gathered(runs))


def _gathered(runs: Iterable[tuple[str, float]]) -> Iterator[_Line]:
    texts: list[str] = []
    sizes: Counter[float] = Counter()
    for text, size in [*runs, ("\n", 0.0)]:
        for number, piece in enumerate(text.split("\n")):
            if number:
                line = plain_letters("".join(texts)).strip()
                if line:
                    yield _Line(line, sizes.most_common(1)[0][0])
                texts, sizes = [], Counter()
            texts.append(piece)
            if piece.strip():
                sizes[round(size, 1)] += len(piece.strip())


def _levels(lines: Sequence[_Line]) -> dict[float, int]:
    """Sizes that headings are set in, and how high each stands."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    if not sizes:
        return {}
    usual = sizes.most_common(1)[0][0]
    larger = sorted((s for s in sizes if s >= usual * _LARGER), reverse=True)
    return {size: min(level, 6) for level, size in enumerate(larger, 1)}


def _joined(lines: Sequence[_Line], levels: dict[float, int]) -> list[str]:
    """Lines as blocks are made of: headings marked, wrapped lines whole again."""
    lengths = sorted(len(line.text) for line in lines)
    full = lengths[int(len(lengths) * 0.9)] * _FULL_LINE if lengths else 0.0
    out: list[str] = []
    before = ""
    for text, size in lines:
        if size in levels and len(text) <= _LONGEST_HEADING:
            out += ("#" * levels[size] + " " + text, "")
            before = ""
            continue
        seam = f"{before[-1:]}\n{text[:1]}"
        is_wrapped = bool(before) and len(before) >= full
        if is_wrapped and _WRAPPED_ZH.fullmatch(seam):
            out[-1] += text
        elif is_wrapped and _WRAPPED_EN.fullmatch(seam):
            out[-1] += f" {text}"
        else:
            out.append(text)
        before = text
    return out
