"""
A shop's list of questions and answers (CSV or XLSX) as a rule pack.

The first row names the columns: ``question`` and ``answer`` are needed;
``similar`` (further wordings, one a line or separated by ``|``), ``id`` and
``locale`` (zh or en) may be there. Chinese names of the columns work too.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook

from engines import yamlfile
from engines.rules import folding
from engines.yamlfile import BadFile, Problem


_NAMES: Final[Mapping[str, str]] = {
    "question": "question", "问题": "question", "标准问": "question", "q": "question",
    "answer": "answer", "答案": "answer", "回答": "answer", "a": "answer",
    "similar": "similar", "相似问": "similar", "相似问法": "similar",
    "id": "id", "编号": "id", "locale": "locale", "语言": "locale",
}  # fmt: skip
_SPLIT = re.compile(r"[|\n｜]+")
_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*\Z")

#: Rows of a list that are read; more is no FAQ.
MAX_ROWS: Final = 20_000


def read_faq(path: Path, pack: str, extends: str) -> tuple[str, list[Problem]]:
    """
    Turn the list at *path* into the text of a pack that extends another one.

    An intent that the list has in one language only says the same in the other,
    until somebody translates it. Rows that cannot be used are told as problems and left out.

    Raises:
        BadFile: If the file cannot be read, or has not the needed columns.
    """
    rows = _rows(path)
    columns = [_NAMES.get(str(name).strip().lower(), "") for name in next(rows, ())]
    if not {"question", "answer"}.issubset(columns):
        fix = "the first row must name the columns question and answer"
        raise BadFile([Problem(str(path), 1, "there is no list of questions", fix)])
    intents: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for number, cells in enumerate(rows, 2):
        row = {n: str(c or "").strip() for n, c in zip(columns, cells, strict=False)}
        problem = _add(row, number, intents)
        if problem:
            problems.append(Problem(str(path), number, problem, "row left out"))
    for intent in intents.values():
        given = intent.get("zh") or intent["en"]
        intent.setdefault("zh", given)
        intent.setdefault("en", given)
    head = {"pack": pack, "version": "1", "extends": extends}
    body = {**head, "intents": list(intents.values())}
    return yamlfile.dump(body), problems


def _add(row: Mapping[str, str], number: int, intents: dict[str, Any]) -> str:
    """Add a row's intent or language; what is wrong with it, if anything."""
    question, answer = row.get("question", ""), row.get("answer", "")
    if not question and not answer:
        return ""
    if not question or not answer:
        return "question or answer is empty"
    name = row.get("id") or f"faq.n{number}"
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


def _rows(path: Path) -> Iterator[Sequence[Any]]:
    try:
        if path.suffix.lower() in (".xlsx", ".xls", ".ods"):
            sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
            return iter(sheet.to_python()[:MAX_ROWS])
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, CalamineError, UnicodeDecodeError) as exc:
        fix = "save it as XLSX, or as CSV in UTF-8"
        raise BadFile([Problem(str(path), 1, f"cannot be read: {exc}", fix)]) from exc
    return iter(list(csv.reader(text.splitlines()))[:MAX_ROWS])
