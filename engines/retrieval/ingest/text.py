"""
Plain texts and CSV tables, in UTF-8, UTF-16 or GB18030, with or without a mark.
"""

from __future__ import annotations

import csv
import io
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engines.retrieval.ingest.blocks import (
    MAX_BLOCK,
    MAX_CELLS,
    Block,
    Heading,
    Paragraph,
    Refused,
    Row,
)


#: Bytes that the encoding is told from.
_SAMPLE: Final = 256 * 1024
#: More NULs than this are no accident.
_FEW_NULS: Final = 0.01
_FEW_CONTROLS: Final = 0.03
_CONTROL_BYTES: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_PLAUSIBLE: Final = 0.9
_READABLE: Final = re.compile(
    r"[\t\n\r\x20-\x7e\u00a0-\u024f\u2010-\u2027\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_QUESTION: Final = re.compile(
    r"\s*(?:Q|问|问题|提问|Question)\s*\d*\s*[:：.、]\s*(.+)", re.IGNORECASE
)
_ANSWER: Final = re.compile(
    r"\s*(?:A|答|答案|回答|Answer)\s*\d*\s*[:：.、]\s*(.*)", re.IGNORECASE
)
_MARKED: Final = re.compile(
    r"\s*(?:(?P<hash>#{1,6})\s+(?P<h>\S.*)|[【〖](?P<box>[^】〗]{1,40})[】〗]\s*"
    r"|(?P<cn>第?[一二三四五六七八九十]{1,3}[章节条]?[、.．\s](?P<cnt>.{1,40})))\Z"
)
_SENTENCE_END: Final = re.compile(r"[。！？；.!?;,，、:：]\s*\Z")
_SHORT_LINE: Final = 30
_DELIMITERS: Final = ",;\t|"
#: Level of the title of a table, below its sheet's.
_TABLE_TITLE: Final = 3


def decode(data: bytes) -> str:
    """
    The text of *data*, without byte marks, NULs and control characters.

    Raises:
        Refused: If it is no text.
    """
    return _clean(data.decode(encoding_of(data[:_SAMPLE]), errors="replace"))


def encoding_of(sample: bytes) -> str:
    """
    The encoding that *sample* is in; a sample may end inside a character.

    Raises:
        Refused: If it is none of those we read.
    """
    for mark, name in (
        (BOM_UTF8, "utf-8-sig"),
        (BOM_UTF16_LE, "utf-16"),
        (BOM_UTF16_BE, "utf-16"),
    ):
        if sample.startswith(mark):
            return name
    if sample.count(0) > len(sample) * _FEW_NULS:
        return _wide(sample)
    if len(_CONTROL_BYTES.findall(sample)) > len(sample) * _FEW_CONTROLS:
        raise Refused("a binary file, no text")
    for name in ("utf-8", "gb18030"):
        text = _tried(sample, name)
        if text is not None and _share_readable(text) >= _PLAUSIBLE:
            return name
    raise Refused("no text: neither UTF-8 nor GB18030 nor UTF-16")


def _wide(sample: bytes) -> str:
    """Text of two bytes a character without a mark."""
    for name in ("utf-16-le", "utf-16-be"):
        text = _tried(sample[: len(sample) // 2 * 2], name)
        if text is not None and _share_readable(text) >= _PLAUSIBLE:
            return name
    raise Refused("a binary file, no text")


def _tried(sample: bytes, name: str) -> str | None:
    # A character may be cut by the end of the sample: three bytes at most.
    for end in range(4):
        try:
            return sample[: len(sample) - end].decode(name)
        except UnicodeDecodeError:
            continue
    return None


def _share_readable(text: str) -> float:
    kept = text.replace("\x00", "")
    return len(_READABLE.findall(kept)) / len(kept) if kept else 1.0


def _clean(text: str) -> str:
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def read_text(path: Path) -> Iterator[Block]:
    """Paragraphs, headings and questions with answers of a plain text."""
    yield from blocks_of(decode(path.read_bytes()).split("\n"))


def blocks_of(
    lines: list[str], place: str = "line {}", *, is_dense: bool = False
) -> Iterator[Block]:
    """
    Blocks of plain lines; *place* is filled with the number of a line.

    Args:
        is_dense: Blank lines are lost: a short line after a full stop is a heading.
    """
    held: list[str] = []
    start = 1
    for number, line in enumerate([*lines, ""], 1):
        following = lines[number] if number < len(lines) else ""
        found = _heading(line, following, held) or (
            _dense_heading(line, following, held) if is_dense else None
        )
        if (found is not None or not line.strip()) and held:
            yield Paragraph("\n".join(held)[:MAX_BLOCK], place.format(start))
            held = []
        if found is not None:
            yield Heading(found[0], found[1], place.format(number))
        elif line.strip():
            if not held:
                start = number
            answer = _ANSWER.match(line)
            held.append((answer[1] if answer else line).strip())
        if sum(map(len, held)) > MAX_BLOCK // 4:
            yield Paragraph("\n".join(held)[:MAX_BLOCK], place.format(start))
            held = []


def _heading(line: str, following: str, held: list[str]) -> tuple[int, str] | None:
    """Level and text, if *line* looks like a heading."""
    question = _QUESTION.match(line)
    if question:
        return 5, question[1].strip()
    match = _MARKED.match(line)
    if match and match["hash"]:
        return len(match["hash"]), match["h"].strip()
    if match and (match["box"] or match["cnt"]):
        return (2 if match["box"] else 3), (match["box"] or match["cnt"]).strip()
    # A short line alone between blank ones, without a sentence's end.
    text = line.strip()
    is_alone = not held and not following.strip() and 0 < len(text) <= _SHORT_LINE
    if is_alone and not _SENTENCE_END.search(text) and not text[0].isdigit():
        return 4, text
    return None


def _dense_heading(
    line: str, following: str, held: list[str]
) -> tuple[int, str] | None:
    text, after = line.strip(), following.strip()
    is_fresh = not held or _SENTENCE_END.search(held[-1]) is not None
    is_short = 0 < len(text) <= _SHORT_LINE and len(after) > len(text)
    if is_fresh and is_short and not _SENTENCE_END.search(text) and text[0].isalpha():
        return 4, text
    return None


def read_csv(path: Path) -> Iterator[Block]:
    """Rows of a table; read line by line, never as a whole."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    name = encoding_of(sample)
    text = _clean(sample.decode(name, errors="replace"))
    csv.field_size_limit(MAX_BLOCK * 10)
    with path.open("r", encoding=name, errors="replace", newline="") as file:
        reader = csv.reader(_without_nuls(file), delimiter=_delimiter(text))
        try:
            yield from rows_of(reader, "row {}")
        except csv.Error as exc:
            raise Refused(f"no CSV table: {exc} in line {reader.line_num}") from exc


def _without_nuls(file: io.TextIOBase) -> Iterator[str]:
    for line in file:
        yield line.replace("\x00", "")


def _delimiter(sample: str) -> str:
    head = [line for line in sample.split("\n")[:20] if line.strip()]
    if not head:
        return ","
    return max(_DELIMITERS, key=lambda d: min(line.count(d) for line in head[:5]))


def rows_of(rows: Iterator[list[str]], place: str) -> Iterator[Block]:
    """Rows below the first one that has two filled cells: that is the header."""
    header: tuple[str, ...] = ()
    for number, cells in enumerate(rows, 1):
        clean = tuple(_clean(str(cell)).strip()[:MAX_BLOCK] for cell in cells)
        filled = [cell for cell in clean if cell][:MAX_CELLS]
        if not filled:
            continue
        if not header and (len(filled) > 1 or len(clean) == 1):
            header = clean[:MAX_CELLS]
        elif not header and len(filled[0]) <= _SHORT_LINE:
            # Above a table stands what it is of.
            yield Heading(_TABLE_TITLE, filled[0], place.format(number))
        elif not header or len(filled) == 1 < len(header):
            yield Paragraph(filled[0], place.format(number))
        else:
            yield Row(header, clean[:MAX_CELLS], place.format(number))
