"""
DOCX and XLSX: zip files of XML, read in bounded memory and without entities.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any, Final
from xml.etree.ElementTree import Element, ParseError

import python_calamine
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from engines.retrieval.ingest.blocks import (
    MAX_BLOCK,
    MAX_UNPACKED_BYTES,
    Block,
    Heading,
    Paragraph,
    Refused,
    Row,
)
from engines.retrieval.ingest.text import rows_of


_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEVEL: Final = re.compile(r"(?:heading|标题)\s*(\d)", re.IGNORECASE)
_TITLE: Final = re.compile(r"title|标题|文档标题", re.IGNORECASE)
_OLE: Final = b"\xd0\xcf\x11\xe0"
_LEGACY: Final = (
    "an encrypted or old binary office file; save it without password as {}"
)
_MAX_PARTS: Final = 10_000
_MAX_LEVEL: Final = 9


class _Bounded(io.RawIOBase):
    """A stream that refuses to unpack more than is allowed."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._left = MAX_UNPACKED_BYTES

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(min(size, 65_536) if size >= 0 else 65_536)
        self._left -= len(data)
        if self._left < 0:
            raise Refused(_bomb())
        return data


def _bomb() -> str:
    return f"unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MB: a zip bomb"


def _opened(path: Path, suffix: str) -> zipfile.ZipFile:
    with path.open("rb") as file:
        if file.read(4) == _OLE:
            raise Refused(_LEGACY.format(suffix))
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as exc:
        raise Refused(f"damaged: {exc}") from exc
    infos = archive.infolist()
    if len(infos) > _MAX_PARTS or sum(i.file_size for i in infos) > MAX_UNPACKED_BYTES:
        archive.close()
        raise Refused(_bomb())
    if any(info.flag_bits & 1 for info in infos):
        archive.close()
        raise Refused("encrypted; save it without a password")
    return archive


def read_docx(path: Path) -> Iterator[Block]:
    """Paragraphs, headings and tables of a Word document."""
    with _opened(path, ".docx") as archive:
        try:
            levels = _levels(archive)
            with archive.open("word/document.xml") as part:
                yield from _body(part, levels)
        except KeyError as exc:
            raise Refused("no Word document: word/document.xml is missing") from exc
        except (ParseError, DefusedXmlException, zipfile.BadZipFile, EOFError) as exc:
            raise Refused(f"damaged XML: {type(exc).__name__}") from exc


def _levels(archive: zipfile.ZipFile) -> dict[str, int]:
    """Style id -> level of heading; style names tell, in English or Chinese."""
    levels: dict[str, int] = {}
    if "word/styles.xml" not in archive.namelist():
        return levels
    with archive.open("word/styles.xml") as part:
        for _, node in iterparse(_Bounded(part), events=("end",), forbid_dtd=True):
            if node.tag != f"{_W}style":
                continue
            name = node.find(f"{_W}name")
            said = name.get(f"{_W}val", "") if name is not None else ""
            match = _LEVEL.search(said)
            if match or _TITLE.fullmatch(said):
                levels[node.get(f"{_W}styleId", "")] = int(match[1]) if match else 1
    return levels


def _body(part: IO[bytes], levels: dict[str, int]) -> Iterator[Block]:
    """Children of the body, each forgotten as soon as it is read."""
    depth, number = 0, 0
    body: Element | None = None
    events = iterparse(_Bounded(part), events=("start", "end"), forbid_dtd=True)
    for event, node in events:
        if event == "start":
            depth += 1
            body = node if node.tag == f"{_W}body" else body
            continue
        depth -= 1
        if body is None or depth != 2:  # noqa: PLR2004 - document, body, then these
            continue
        number += 1
        place = f"paragraph {number}"
        if node.tag == f"{_W}p":
            yield from _paragraph(node, levels, place)
        elif node.tag == f"{_W}tbl":
            yield from _table(node, place)
        elif node.tag == f"{_W}sdt":
            for child in node.iter(f"{_W}p"):
                yield from _paragraph(child, levels, place)
        body.clear()


def _paragraph(node: Element, levels: dict[str, int], place: str) -> Iterator[Block]:
    text = _text(node)
    if not text:
        return
    style = node.find(f"{_W}pPr/{_W}pStyle")
    outline = node.find(f"{_W}pPr/{_W}outlineLvl")
    level = levels.get(style.get(f"{_W}val", ""), 0) if style is not None else 0
    if not level and outline is not None:
        level = int(outline.get(f"{_W}val", "9") or 9) + 1
    is_heading = 0 < level <= _MAX_LEVEL
    yield Heading(level, text, place) if is_heading else Paragraph(text, place)


def _table(node: Element, place: str) -> Iterator[Block]:
    header: tuple[str, ...] = ()
    for number, row in enumerate(node.iter(f"{_W}tr"), 1):
        cells = tuple(_text(cell) for cell in row.findall(f"{_W}tc"))
        if len(cells) == 1 and cells[0]:
            yield Paragraph(cells[0], place)
        elif not header:
            header = cells
        elif any(cells):
            yield Row(header, cells, f"{place} row {number}")


def _text(node: Element) -> str:
    parts: list[str] = []
    for child in node.iter():
        if child.tag == f"{_W}t":
            parts.append(child.text or "")
        elif child.tag in (f"{_W}br", f"{_W}cr", f"{_W}p") and parts:
            parts.append("\n")
        elif child.tag == f"{_W}tab":
            parts.append(" ")
    return "".join(parts).strip()[:MAX_BLOCK]


def read_xlsx(path: Path) -> Iterator[Block]:
    """Rows of every sheet, each under the sheet's name."""
    _opened(path, ".xlsx").close()
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        names = book.sheet_names
    except Exception as exc:
        raise Refused(f"no workbook: {str(exc)[:200]}") from exc
    for name in names:
        try:
            rows = book.get_sheet_by_name(name).iter_rows()
        except Exception:  # noqa: BLE001, S112 - a chart, not a table
            continue
        yield Heading(1, name, f"sheet {name}")
        yield from rows_of(_cells(rows), f"sheet {name} row {{}}")


def _cells(rows: Iterator[list[Any]]) -> Iterator[list[str]]:
    for row in rows:
        yield [_cell(value) for value in row]


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else str(value)
    return value.isoformat() if isinstance(value, date) else str(value)
