"""
PDF: the text of every page, if it has any and needs no password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from engines.retrieval.ingest.blocks import Block, Facts, Refused
from engines.retrieval.ingest.text import blocks_of


_MAX_PAGES: Final = 5_000
_WRAPPED_ZH: Final = re.compile(r"(?<=[\u4e00-\u9fff，、；])\n(?=[\u4e00-\u9fff])")
_WRAPPED_EN: Final = re.compile(r"(?<=[a-z,])\n(?=[a-z(])")


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
    if isinstance(title, str) and title.strip():
        yield Facts(title=title.strip()[:200])
    says = False
    for number, page in enumerate(reader.pages, 1):
        try:
            text = page.extract_text()
        except Exception as exc:
            raise Refused(
                f"page {number} cannot be read: {type(exc).__name__}"
            ) from exc
        says = says or bool(text.strip())
        joined = _WRAPPED_EN.sub(" ", _WRAPPED_ZH.sub("", text))
        yield from blocks_of(joined.split("\n"), f"page {number}", is_dense=True)
    if not says:
        raise Refused("has no text, only pictures; run a text recognition first")
