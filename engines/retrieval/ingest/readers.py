"""
Which reader takes a file, by its name; and what is refused unread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from engines.retrieval.ingest.blocks import Block, Refused
from engines.retrieval.ingest.markdown import read_markdown
from engines.retrieval.ingest.office import read_docx, read_xlsx
from engines.retrieval.ingest.pdf import read_pdf
from engines.retrieval.ingest.text import read_csv, read_text
from engines.retrieval.ingest.web import read_html


Reader = Callable[[Path], Iterator[Block]]

READERS: Final[Mapping[str, Reader]] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_text,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".xlsx": read_xlsx,
    ".csv": read_csv,
    ".tsv": read_csv,
}


def reader_of(path: Path, max_bytes: int) -> Reader:
    """
    The reader for *path*.

    Raises:
        Refused: If no reader takes it, or it is empty or too large.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        raise Refused(f"files of the kind {path.suffix or path.name!r}; known: {known}")
    size = path.stat().st_size
    if size > max_bytes:
        raise Refused(
            f"{size / 2**20:.0f} MB, more than {max_bytes // 2**20} MB; split it, or"
            " allow more with --max-mb"
        )
    if size == 0:
        raise Refused("an empty file")
    return reader
