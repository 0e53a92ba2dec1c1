"""
Load a shop's knowledge: Markdown documents with a strict header.

A knowledge folder has ``zh/*.md`` and ``en/*.md``. A document starts with a
header between ``---`` lines (:class:`Header`); every ``## Heading {#anchor}``
after it is a passage with the id ``locale/document#anchor``. A line
``<!-- asked: one wording | another -->`` under a heading adds wordings that
are searched but never shown. Paragraph lines are joined, list items stay lines.

    BadFile (engines.yamlfile)   all problems of all files; nothing was loaded
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final, Literal

import msgspec

from engines import yamlfile
from engines.contract import Locale, ShopId
from engines.retrieval.language import split_sentences
from engines.yamlfile import BadFile, Problem


Kind = Literal["policy", "promotion", "product"]
Audience = Literal["customer", "staff"]

LOCALES: Final[tuple[Locale, ...]] = ("zh", "en")

#: A passage is an answer, not a chapter.
MAX_PASSAGE: Final = 2000
#: Larger files are refused unread.
MAX_BYTES: Final = 4 * 1024 * 1024

#: Between the id of a document and the number of a row in it.
ROW: Final = "/row-"
_LABEL: Final = re.compile(r"[^：:]{1,40}[：:]\s?\S")
_FENCE: Final = "---"
_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_HEADING: Final = re.compile(r"## +(?P<title>\S.*?) *\{#(?P<anchor>[^{}]*)\}\s*\Z")
_ASKED: Final = re.compile(r"<!-- *asked: *(?P<asked>.*?) *-->\s*\Z")
_ITEM: Final = re.compile(r"\A\s*(?:[-*]|\d{1,2}\.) +")


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What stands before a document.

    Attributes:
        audience: ``staff`` passages are never shown to a customer.

        effective_from / effective_until: First and last day of validity.

        products: Stock numbers it speaks of; empty if of none in particular.

        names: How customers call the product; only with exactly one product.
    """

    id: str
    title: str
    kind: Kind
    audience: Audience
    effective_from: date
    effective_until: date | None = None
    products: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """
    One section of a document: what is found, and what is cited.

    Attributes:
        id: ``locale/document#anchor``; stable as long as the anchor is.

        text: The body as it may be quoted; every sentence is a slice of it.

        sentences: The body cut into sentences, in order.

        asked: Other wordings of the question it answers; not quotable.

        path / line: Where it stands; *place* is how people say that, for
            documents that have no lines.
    """

    id: str
    shop: ShopId
    locale: Locale
    header: Header
    heading: str
    text: str
    sentences: tuple[str, ...]
    asked: tuple[str, ...]
    path: str
    line: int
    place: str = ""

    @property
    def title(self) -> str:
        """What a reader would call the source."""
        return f"{self.header.title} · {self.heading}"

    @property
    def document(self) -> str:
        """The document it is part of; rows of one table share theirs."""
        return self.header.id.split(ROW)[0]

    @property
    def is_record(self) -> bool:
        """True for a row of a table, said as lines of a label and a value."""
        return ROW in self.header.id and all(
            _LABEL.match(line) for line in self.text.split("\n")
        )


class _Section(msgspec.Struct, kw_only=True):
    """A heading and the lines under it, while reading."""

    heading: str
    anchor: str
    line: int
    lines: list[str]


def load_passages(folder: Path, shop: ShopId) -> tuple[Passage, ...]:
    """
    Load all documents under *folder* for *shop*.

    Raises:
        BadFile: If there are none, or anything is wrong in any of them.
    """
    problems: list[Problem] = []
    passages: list[Passage] = []
    for locale in LOCALES:
        for path in sorted((folder / locale).glob("*.md")):
            try:
                passages += read_document(path, locale, shop)
            except BadFile as bad:
                problems += bad.problems
    problems += _repeated(passages)
    if not passages and not problems:
        fix = "put Markdown documents into its zh/ and en/"
        problems.append(Problem(str(folder), 1, "no documents here", fix))
    if problems:
        raise BadFile(problems)
    return tuple(passages)


def read_document(path: Path, locale: Locale, shop: ShopId) -> list[Passage]:
    """
    Read one file.

    Raises:
        BadFile: If it is no UTF-8, too large, or not in the form above.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadFile([Problem(str(path), 1, f"is larger than {MAX_BYTES} bytes")])
        text = path.read_bytes().decode("utf-8")
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        raise BadFile([Problem(str(path), 1, f"cannot be read: {reason}")]) from exc
    except UnicodeDecodeError as exc:
        problem = Problem(
            str(path), 1, f"is not UTF-8 at byte {exc.start}", "save the file as UTF-8"
        )
        raise BadFile([problem]) from exc
    return parse_document(text, str(path), locale, shop)


def parse_document(text: str, path: str, locale: Locale, shop: ShopId) -> list[Passage]:
    """
    Parse *text*; *path* is only named in complaints and passages.

    Raises:
        BadFile: With the line of everything that is wrong.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    header, start = _header(lines, path)
    sections, problems = _sections(lines, start, path)
    passages = [_passage(s, header, path, locale, shop) for s in sections]
    problems += _thin(passages)
    if not sections and not problems:
        problems.append(
            Problem(path, start + 1, "no passage", "add '## Heading {#anchor}'")
        )
    if problems:
        raise BadFile(problems)
    return passages


def _header(lines: list[str], path: str) -> tuple[Header, int]:
    """The header, and the position of the first line after it."""
    fix = "start the file with a header between two lines of ---"
    if not lines or lines[0].rstrip() != _FENCE:
        raise BadFile([Problem(path, 1, "no header", fix)])
    ends = [i for i, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE]
    if not ends:
        raise BadFile([Problem(path, 1, "the header has no end", fix)])
    # A blank first line keeps line numbers of the header those of the file.
    document = yamlfile.parse("\n" + "\n".join(lines[1 : ends[0]]), path)
    header = yamlfile.convert(document, Header)
    problems = list(_contradictions(header, document))
    if problems:
        raise BadFile(problems)
    return header, ends[0] + 1


def _contradictions(header: Header, document: yamlfile.Document) -> Iterator[Problem]:
    if not _SLUG.match(header.id):
        fix = "use lower case letters, digits and single dashes"
        yield document.problem(f"id {header.id!r} is no slug", "id", fix=fix)
    if not header.title.strip():
        yield document.problem("the title is empty", "title")
    until = header.effective_until
    if until is not None and until < header.effective_from:
        yield document.problem("ends before it begins", "effective_until")
    if header.names and len(header.products) != 1:
        fix = "give exactly one product, or no names"
        yield document.problem("names of which product?", "names", fix=fix)
    if (header.kind == "product") != bool(header.products):
        fix = "list products exactly if kind is product"
        yield document.problem("kind and products disagree", "kind", fix=fix)


def _sections(
    lines: list[str], start: int, path: str
) -> tuple[list[_Section], list[Problem]]:
    sections: list[_Section] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines[start:], start + 1):
        if line.startswith("#"):
            match = _HEADING.match(line)
            if match is None or not _SLUG.match(match["anchor"]):
                fix = "write '## Heading {#anchor}', the anchor in lower case"
                problems.append(Problem(path, number, "bad heading", fix))
                continue
            sections.append(
                _Section(
                    heading=match["title"],
                    anchor=match["anchor"],
                    line=number,
                    lines=[],
                )
            )
        elif sections:
            sections[-1].lines.append(line)
        elif line.strip():
            fix = "put it under a heading"
            problems.append(Problem(path, number, "text before any heading", fix))
    return sections, problems


def _passage(
    section: _Section, header: Header, path: str, locale: Locale, shop: ShopId
) -> Passage:
    asked = [m for m in map(_ASKED.match, section.lines) if m]
    body = _body(
        [line for line in section.lines if not _ASKED.match(line)],
        " " if locale == "en" else "",
    )
    return Passage(
        id=f"{locale}/{header.id}#{section.anchor}",
        shop=shop,
        locale=locale,
        header=header,
        heading=section.heading,
        text=body,
        sentences=split_sentences(body, locale),
        asked=tuple(part.strip() for m in asked for part in m["asked"].split("|")),
        path=path,
        line=section.line,
    )


def _body(lines: list[str], joint: str) -> str:
    """Wrapped lines become one; list items and paragraphs begin a new one."""
    blocks: list[str] = []
    is_open = False
    for line in lines:
        words = _ITEM.sub("", line, count=1).strip()
        if words and is_open and not _ITEM.match(line):
            blocks[-1] += joint + words
        elif words:
            blocks.append(words)
        is_open = bool(words)
    return "\n".join(blocks)


def _thin(passages: list[Passage]) -> list[Problem]:
    empty = [
        Problem(passage.path, passage.line, "nothing under this heading")
        for passage in passages
        if not passage.text
    ]
    text = f"passage longer than {MAX_PASSAGE} characters"
    return empty + [
        Problem(passage.path, passage.line, text, "split it by headings")
        for passage in passages
        if len(passage.text) > MAX_PASSAGE
    ]


def _repeated(passages: list[Passage]) -> list[Problem]:
    seen: dict[str, Passage] = {}
    problems = []
    for passage in passages:
        first = seen.setdefault(passage.id, passage)
        if first is not passage:
            where = f"{first.path}:{first.line}"
            problem = f"id {passage.id} already stands at {where}"
            problems.append(Problem(passage.path, passage.line, problem, "rename one"))
    return problems
