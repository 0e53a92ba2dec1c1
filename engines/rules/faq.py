"""
A shop's list of questions and answers (CSV or XLSX) as a rule pack.

The first row names the columns: ``question`` and ``answer`` are needed;
``similar`` (further wordings, one a line or separated by ``|``), ``id`` and
``locale`` (zh or en) may be there. Chinese names of the columns work too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook

from engines import yamlfile
from engines.rules import folding
from engines.rules.plain_files import csv_rows, refuse
from engines.yamlfile import Problem


_NAMES: Final[Mapping[str, str]] = {
    "question": "question", "问题": "question", "标准问": "question", "q": "question",
    "answer": "answer", "答案": "answer", "回答": "answer", "a": "answer",
    "similar": "similar", "相似问": "similar", "相似问法": "similar",
    "id": "id", "编号": "id", "locale": "locale", "语言": "locale",
}  # fmt: skip
_SPLIT = re.compile(r"[|\n｜]+")
_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*\Z")

#: Longer lists are refused whole: no FAQ is that long.
MAX_ROWS: Final = 20_000


def read_faq(path: Path, pack: str, extends: str) -> tuple[str, list[Problem]]:
    """
    Turn the list at *path* into the text of a pack that extends another one.

    An intent that the list has in one language only says the same in the other,
    until somebody translates it. What cannot be used (rows, cells beyond the named
    columns, further sheets) is told as problems and left out.

    Raises:
        BadFile: If the file cannot be read, has not the needed columns or has two of
            one kind, or has more than ``MAX_ROWS`` rows.
    """
    rows, problems = _rows(path)
    columns = _columns(path, *next(rows, (1, [])))
    intents: dict[str, dict[str, Any]] = {}
    for count, (line, values) in enumerate(rows, 1):
        if count > MAX_ROWS:
            fix = "split the list; nothing of it was imported"
            raise refuse(path, line, f"there are more than {MAX_ROWS} rows", fix)
        cells = [_text(value) for value in values]
        row = dict(zip(columns, cells, strict=False))
        problem = "a cell has no column"
        if not any(cells[len(columns) :]):
            problem = _add(row, line, intents)
        if problem:
            problems.append(Problem(str(path), line, problem, "row left out"))
    for intent in intents.values():
        given = intent.get("zh") or intent["en"]
        intent.setdefault("zh", given)
        intent.setdefault("en", given)
    head = {"pack": pack, "version": "1", "extends": extends}
    body = {**head, "intents": list(intents.values())}
    return yamlfile.dump(body), problems


def _columns(path: Path, line: int, names: Sequence[Any]) -> list[str]:
    """What each column is; empty for one of no meaning here."""
    columns = [_NAMES.get(_text(name).lower(), "") for name in names]
    if not {"question", "answer"}.issubset(columns):
        fix = "the first row must name the columns question and answer"
        raise refuse(path, line, "there is no list of questions", fix)
    twice = [kind for kind, times in Counter(columns).items() if kind and times > 1]
    if twice:
        fix = "keep one of them"
        raise refuse(path, line, f"there are two columns of {twice[0]}", fix)
    return columns


def _text(value: object) -> str:
    """Text of a cell; a spreadsheet keeps whole numbers as floats."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _add(row: Mapping[str, str], line: int, intents: dict[str, Any]) -> str:
    """Add a row's intent or language; what is wrong with it, if anything."""
    question, answer = row.get("question", ""), row.get("answer", "")
    if not question and not answer:
        return ""
    if not question or not answer:
        return "question or answer is empty"
    name = row.get("id") or f"faq.n{line}"
    if not _ID.match(name):
        return f"{name!r} is not an id"
    folded = folding.fold(question)
    locale = row.get("locale") or folding.language(folded, "zh")
    if locale not in ("zh", "en"):
        return f"{locale!r} is no language of packs"
    similar = [one.strip() for one in _SPLIT.split(row.get("similar", ""))]
    examples = list(dict.fromkeys([question, *filter(None, similar)]))
    safe = answer.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #")
    intent = intents.setdefault(
        name, {"id": name, "title": {"zh": question, "en": question}}
    )
    if locale in intent:
        return f"{name!r} has {locale} already"
    intent["title"][locale] = question
    intent[locale] = {"examples": examples, "answer": safe}
    return ""


def _rows(path: Path) -> tuple[Iterator[tuple[int, Sequence[Any]]], list[Problem]]:
    """Rows with their lines, and what of the file is not among them."""
    if path.suffix.lower() not in (".xlsx", ".xls", ".ods"):
        return csv_rows(path), []
    try:
        book = CalamineWorkbook.from_path(str(path))
        first, *others = map(book.get_sheet_by_index, range(len(book.sheet_names)))
    except (OSError, CalamineError, ValueError) as exc:
        fix = "save it as XLSX, or as CSV in UTF-8"
        raise refuse(path, 1, f"cannot be read: {exc}", fix) from exc
    rows = enumerate(first.to_python(skip_empty_area=False), 1)
    fix = "only the first sheet is read; put its rows there"
    left = [
        Problem(str(path), 1, f"sheet {other.name!r} was left out", fix)
        for other in others
        if other.total_height
    ]
    return iter(rows), left
