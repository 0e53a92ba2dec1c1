"""
Rows of a CSV, JSON lines or XLSX file, as text by column, in bounded memory.

JSON lines may be flat (a message a line) or nested (a conversation a line with
a list of messages): nested ones are flattened, so that all that follows knows
one shape only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import python_calamine

from gateway.insight.transcripts import TranscriptError


#: A row of text by column.
Row = dict[str, str]

#: Names that exports give to the list of messages of a conversation.
LISTS = ("messages", "turns", "conversation", "dialogue", "dialog", "context", "lines")
#: Column that a nested file gets for its conversations.
CONVERSATION = "conversation_id"
#: Larger files are refused: split them by month.
MAX_BYTES = 1_000_000_000
#: Longest field read, in characters; the rest of a longer one is left out.
MAX_FIELD = 100_000
_SNIFFED = 65_536
_EXCEL = frozenset({".xlsx", ".xlsm", ".xlsb", ".ods"})
_JSON = frozenset({".jsonl", ".ndjson", ".json"})


def read_rows(path: Path) -> Iterator[Row]:
    """
    Rows of *path* by the kind its name ends with.

    Raises:
        TranscriptError: If it is not there, too large, or of no kind we read.
    """
    if not path.is_file():
        raise TranscriptError(f"{path}: no such file")
    if path.stat().st_size > MAX_BYTES:
        raise TranscriptError(f"{path}: over 1 GB; split it, for example by month")
    suffix = path.suffix.lower()
    if suffix in _EXCEL:
        return _excel(path)
    if suffix in _JSON:
        return _json_array(path) if _is_array(path) else _json_lines(path)
    if suffix in {".csv", ".tsv", ".txt"}:
        return _csv(path)
    raise TranscriptError(
        f"{path}: cannot tell what it is; name it .csv, .tsv, .jsonl or .xlsx"
    )


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)
    with path.open("r", encoding=_encoding(path), errors="replace", newline="") as file:
        head = file.read(_SNIFFED)
        file.seek(0)
        lines = (line.replace("\0", "") for line in file)
        table = csv.reader(lines, delimiter=_delimiter(head))
        try:
            yield from _table(path, ([*cells] for cells in table))
        except csv.Error as exc:
            raise TranscriptError(f"{path}:{table.line_num}: not CSV: {exc}") from exc


def _encoding(path: Path) -> str:
    """UTF-8 where it fits; else what Chinese spreadsheets write."""
    with path.open("rb") as file:
        head = file.read(4_000_000)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        # The cut may fall into a character.
        io.TextIOWrapper(io.BytesIO(head[:-4] or head), "utf-8").read()
    except UnicodeDecodeError as exc:
        return "gb18030" if exc.start < len(head) - 8 else "utf-8-sig"
    return "utf-8-sig"


def _delimiter(head: str) -> str:
    """The separator that the first line has most of."""
    first = next((line for line in head.splitlines() if line.strip()), "")
    return max(",\t;|", key=first.count)


def _excel(path: Path) -> Iterator[Row]:
    """The sheet with the most rows: exports put cover sheets beside it."""
    try:
        book = python_calamine.load_workbook(str(path))
        sheets = [book.get_sheet_by_index(n) for n in range(len(book.sheet_names))]
    except (python_calamine.CalamineError, OSError, ValueError) as exc:
        raise TranscriptError(
            f"{path}: damaged or protected ({exc}); save it again as .xlsx without a"
            " password"
        ) from exc
    if not sheets:
        raise TranscriptError(f"{path}: has no sheet")
    sheet = max(sheets, key=lambda one: one.height)
    return _table(path, ([_text(cell) for cell in row] for row in sheet.iter_rows()))


def _table(path: Path, rows: Iterator[list[str]]) -> Iterator[Row]:
    """The first row with two filled cells, or any if one column, names the columns."""
    header: list[str] = []
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = _names(cells)
            continue
        yield {
            name: cell[:MAX_FIELD]
            for name, cell in zip(header, cells, strict=False)
            if name
        }
    if not header:
        raise TranscriptError(f"{path}: is empty")


def _names(cells: list[str]) -> list[str]:
    """Names of columns; a name given twice gets a number."""
    seen: dict[str, int] = {}
    names = []
    for cell in cells:
        name = cell.strip()
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 or not name else f"{name} {seen[name]}")
    return names


def _is_array(path: Path) -> bool:
    """True for one JSON array over the whole file; a line may be an array too."""
    with path.open("rb") as file:
        head = file.read(_SNIFFED).removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"[")


def _json_array(path: Path) -> Iterator[Row]:
    try:
        items = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise TranscriptError(f"{path}: not JSON: {exc}") from exc
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise TranscriptError(f"{path}: item {number} is not an object")
        yield from _flat(item, number)


def _json_lines(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                tree = msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"))
            except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
                raise TranscriptError(
                    f"{path}:{number}: not JSON: {exc}; write one object a line"
                ) from exc
            if not isinstance(tree, dict):
                raise TranscriptError(f"{path}:{number}: not an object")
            yield from _flat(tree, number)


def _flat(tree: dict[str, Any], number: int) -> Iterator[Row]:
    """One row, or a row for each message in it."""
    inner = next((key for key in LISTS if isinstance(tree.get(key), list)), None)
    outer = {name: _text(value) for name, value in tree.items() if name != inner}
    if inner is None:
        yield outer
        return
    if not outer.get(CONVERSATION):
        outer[CONVERSATION] = outer.pop("id", "") or f"line-{number}"
    for item in tree[inner]:
        said = item if isinstance(item, dict) else {"text": item}
        yield outer | {name: _text(value) for name, value in said.items()}


def _text(value: Any) -> str:
    """A cell as text; whole numbers without the point that spreadsheets add."""
    match value:
        case None:
            return ""
        case str():
            return value[:MAX_FIELD]
        case float() if value.is_integer():
            return str(int(value))
        case datetime() | date():
            return value.isoformat()
        case dict() | list():
            return msgspec.json.encode(value).decode()[:MAX_FIELD]
        case _:
            return str(value)
