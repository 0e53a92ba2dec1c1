"""
Text files that people hand to the tools: transcripts, utterances, lists as CSV.

They are read whole or refused: what is no text in UTF-8 would be counted as
questions that nobody asked.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engines.yamlfile import BadFile, Problem


#: Larger files are refused unread.
MAX_BYTES: Final = 256 * 1024 * 1024
#: Longest cell of a list, in characters.
MAX_CELL: Final = 131_072

_FIX: Final = "save it as text in UTF-8"
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def refuse(path: Path, line: int, text: str, fix: str = "") -> BadFile:
    """Make the error that names one place of *path*."""
    return BadFile([Problem(str(path), line, text, fix)])


def read_text(path: Path) -> str:
    """
    Text of the file at *path*, without a byte order mark; line ends as they are.

    Raises:
        BadFile: If it cannot be read, is too large, is empty, or is no UTF-8 text.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise refuse(path, 1, f"is larger than {MAX_BYTES} bytes", "split it")
        data = path.read_bytes()
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise refuse(path, 1, f"cannot be read: {reason}") from exc
    text = decode(data, path)
    if not text.strip():
        raise refuse(path, 1, "the file is empty")
    return text


def decode(data: bytes, path: Path) -> str:
    """
    *data* as text in UTF-8; *path* is only named in complaints.

    Raises:
        BadFile: With the line of the first byte that is no text.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            raise refuse(path, 1, f"is {name}, not UTF-8", _FIX)
    at = data.find(b"\0")
    if at >= 0:
        text = f"is no text: a zero byte at byte {at}"
        raise refuse(path, line_at(data, at), text, _FIX)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        # The codec that skips the mark counts bytes from behind it.
        start = exc.start + (len(data) - len(exc.object))
        text = f"is not UTF-8 at byte {start}"
        raise refuse(path, line_at(data, start), text, _FIX) from exc


def line_at(data: bytes, at: int) -> int:
    """Number of the line that byte *at* is on, from 1."""
    return len((data[:at] + b".").splitlines())


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """
    Lines that are not blank, stripped, with their numbers.

    Raises:
        BadFile: As :func:`read_text`.
    """
    # Not ``splitlines``: a customer's text may hold U+2028 and the like.
    text = read_text(path).replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.strip()


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """
    Rows of a CSV file with the line each begins on; cells keep their line breaks.

    Raises:
        BadFile: As :func:`read_text`; with the line of a cell that is too long or
            whose quotes do not close.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    begins = 1
    try:
        for row in reader:
            # The limit of the csv module is the process's, and others raise it.
            if any(len(cell) > MAX_CELL for cell in row):
                raise csv.Error(f"field larger than {MAX_CELL} characters")  # noqa: TRY301
            yield begins, [cell.replace("\r\n", "\n") for cell in row]
            begins = reader.line_num + 1
    except csv.Error as exc:
        fix = "close every quote, double quotes inside cells, shorten long cells"
        raise refuse(path, begins, f"cannot be read as CSV: {exc}", fix) from exc
