"""
Cut blocks into passages: a section, a row, or a question with its answer each.

A passage keeps the headings above it, where it stands, and the days it holds. A
long section is cut between paragraphs, else between sentences. Which columns of a
table hold questions, answers, products or days is told by their names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

import msgspec

from engines.contract import Locale, ShopId
from engines.retrieval.documents import ROW, Audience, Header, Passage
from engines.retrieval.ingest.blocks import (
    Asked,
    Block,
    Facts,
    Heading,
    Paragraph,
    Row,
)
from engines.retrieval.ingest.columns import Columns, columns_of
from engines.retrieval.language import split_sentences


#: Longest passage, in characters: an answer, not a chapter.
LONGEST: Final[dict[Locale, int]] = {"zh": 400, "en": 1000}
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN: Final = re.compile(r"[A-Za-z]")
#: A text with so many Latin letters for one Chinese character is English.
_MOSTLY_LATIN: Final = 6
_DAY: Final = r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
_HOLDS: Final = re.compile(
    r"^\W*(?:有效期|有效时间|活动时间|活动日期|适用时间|生效时间|valid(?:ity)?(?: period)?|effective(?: period)?|offer period)"
    rf"\s*(?:[:：]|from|is)\s*(?:从|自|from)?\s*{_DAY}[^\n\d]{{0,12}}(?:至|到|-|–|—|~|～|to|until|through){{1}}\s*{_DAY}",
    re.IGNORECASE | re.MULTILINE,
)
_FROM: Final = re.compile(
    rf"^\W*(?:生效日期|生效时间|开始日期|effective (?:from|date)|valid from)\s*[:：]?\s*{_DAY}",
    re.IGNORECASE | re.MULTILINE,
)
_UNTIL: Final = re.compile(
    rf"^\W*(?:失效日期|截止日期|有效期至|有效期到|结束日期|expires?(?: on)?|valid (?:until|till|through))\s*[:：]?\s*{_DAY}",
    re.IGNORECASE | re.MULTILINE,
)


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """
    The document that blocks come from.

    Attributes:
        id: Part of every passage's id; unique within the shop.

        name: What people call the file.

        audience: Of documents that do not say.
    """

    shop: ShopId
    id: str
    name: str
    audience: Audience = "customer"


class _Span(msgspec.Struct, frozen=True):
    """Days on which something holds; None where nothing was said."""

    first: date | None = None
    last: date | None = None

    def within(self, outer: _Span) -> _Span:
        return _Span(self.first or outer.first, self.last or outer.last)


def passages_of(blocks: Iterable[Block], source: Source) -> Iterator[Passage]:
    """Passages of a document, in order; blocks are read one by one."""
    cutter = _Cutter(source)
    for block in blocks:
        yield from cutter.take(block)
    yield from cutter.finish()


class _Cutter:
    """Holds the headings and the open section of one document."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._facts = Facts(title=_stem(source.name))
        self._has_title = False
        self._path: list[tuple[int, str]] = []
        self._texts: list[str] = []
        self._asked: list[str] = []
        self._place = ""
        self._rows = 0
        self._seen: dict[str, int] = {}
        self._header_of: tuple[tuple[str, ...], Columns] | None = None

    def take(self, block: Block) -> Iterator[Passage]:
        if isinstance(block, Facts):
            self._learn(block)
        elif isinstance(block, Heading):
            yield from self._close()
            self._enter(block)
        elif isinstance(block, Asked):
            self._asked += block.wordings
        elif isinstance(block, Row):
            yield from self._row(block)
        else:
            yield from self._paragraph(block)

    def finish(self) -> Iterator[Passage]:
        yield from self._close()

    def _learn(self, facts: Facts) -> None:
        known = msgspec.structs.asdict(self._facts)
        told = {k: v for k, v in msgspec.structs.asdict(facts).items() if v}
        self._facts = Facts(**(known | told))
        self._has_title = self._has_title or bool(facts.title)

    def _enter(self, heading: Heading) -> None:
        text = " ".join(heading.text.split())[:200]
        if heading.level == 1 and not self._path and not self._has_title:
            self._learn(Facts(title=text))
        while self._path and self._path[-1][0] >= heading.level:
            self._path.pop()
        self._path.append((heading.level, text))

    def _paragraph(self, block: Paragraph) -> Iterator[Passage]:
        size = sum(map(len, self._texts)) + len(block.text)
        if self._texts and size > LONGEST[locale_of(block.text)]:
            yield from self._close(keep_asked=True)
        if not self._texts:
            self._place = block.place
        self._texts.append(block.text)

    def _row(self, row: Row) -> Iterator[Passage]:
        columns = self._columns(row.header)
        cells = dict(zip(range(len(row.header)), row.cells, strict=False))
        if columns.question is not None and columns.answer is not None:
            yield from self._close()
            yield from self._question(row, columns, cells)
        elif columns.is_labels:
            yield from self._paragraph(Paragraph(_labelled([row.cells[:2]]), row.place))
        else:
            yield from self._close()
            yield from self._record(row, columns, cells)

    def _columns(self, header: tuple[str, ...]) -> Columns:
        if self._header_of is None or self._header_of[0] != header:
            self._header_of = (header, columns_of(header))
        return self._header_of[1]

    def _question(
        self, row: Row, columns: Columns, cells: dict[int, str]
    ) -> Iterator[Passage]:
        question = cells.get(columns.question or 0, "")
        answer = cells.get(columns.answer or 0, "")
        if not question or not answer:
            return
        alike = cells.get(columns.alias, "") if columns.alias is not None else ""
        yield from self._passages(
            heading=question,
            text=answer,
            place=row.place,
            asked=tuple(w.strip() for w in re.split(r"[|;；\n]", alike) if w.strip()),
            span=_span_of(columns, cells),
            own=self._next_row(),
        )

    def _record(
        self, row: Row, columns: Columns, cells: dict[int, str]
    ) -> Iterator[Passage]:
        name = cells.get(columns.name or 0, "") or next(filter(None, row.cells), "")
        pairs = [
            (row.header[number], cell)
            for number, cell in cells.items()
            if cell and row.header[number]
        ]
        sku = cells.get(columns.sku, "") if columns.sku is not None else ""
        alike = cells.get(columns.alias, "") if columns.alias is not None else ""
        is_product = columns.is_product and bool(name)
        yield from self._passages(
            heading=" · ".join(filter(None, (self._heading(), name))),
            text=_labelled(pairs),
            place=row.place,
            span=_span_of(columns, cells),
            own=self._next_row(),
            products=(sku or name,) if is_product else (),
            names=_names(name, alike) if is_product else (),
        )

    def _next_row(self) -> str:
        """Each row is a source of its own."""
        self._rows += 1
        return f"{ROW}{self._rows}"

    def _heading(self) -> str:
        return " · ".join(text for _, text in self._path if text != self._facts.title)

    def _close(self, *, keep_asked: bool = False) -> Iterator[Passage]:
        texts, self._texts = self._texts, []
        asked = tuple(self._asked)
        if not keep_asked:
            self._asked = []
        if texts:
            text = "\n".join(texts)
            yield from self._passages(
                heading=self._heading() or self._facts.title,
                text=text,
                place=self._place,
                asked=asked,
                span=_span_in(text),
            )

    def _passages(
        self,
        *,
        heading: str,
        text: str,
        place: str,
        span: _Span,
        asked: tuple[str, ...] = (),
        own: str = "",
        products: tuple[str, ...] = (),
        names: tuple[str, ...] = (),
    ) -> Iterator[Passage]:
        locale = locale_of(f"{heading} {text}")
        header = self._header(span, own, products, names)
        for part in _parts(text, locale):
            yield Passage(
                id=f"{locale}/{self._source.id}#{self._anchor(heading)}",
                shop=self._source.shop,
                locale=locale,
                header=header,
                heading=heading[:300],
                text=part,
                sentences=split_sentences(part, locale),
                asked=asked,
                path=self._source.name,
                line=_line(place),
                place=place,
            )

    def _header(
        self, span: _Span, own: str, products: tuple[str, ...], names: tuple[str, ...]
    ) -> Header:
        facts = self._facts
        held = span.within(_Span(facts.effective_from, facts.effective_until))
        products = products or facts.products
        names = names or (facts.names if len(products) == 1 else ())
        return Header(
            id=f"{self._source.id}{own}",
            title=facts.title,
            kind="product" if products else "policy",
            audience="staff" if facts.audience == "staff" else self._source.audience,
            effective_from=held.first or date.min,
            effective_until=held.last,
            products=products,
            names=names,
        )

    def _anchor(self, heading: str) -> str:
        digest = hashlib.blake2b(heading.encode(), digest_size=4).hexdigest()
        number = self._seen[digest] = self._seen.get(digest, 0) + 1
        return digest if number == 1 else f"{digest}-{number}"


def locale_of(text: str) -> Locale:
    """The language of most of *text*."""
    han = len(_HAN.findall(text))
    latin = len(_LATIN.findall(text))
    return "zh" if han and latin <= han * _MOSTLY_LATIN else "en"


def _parts(text: str, locale: Locale) -> Iterator[str]:
    """*text* cut into pieces of bounded length, at sentences where it can be."""
    limit = LONGEST[locale]
    text = text.strip()
    if len(text) <= limit:
        if text:
            yield text
        return
    part: list[str] = []
    size = 0
    for sentence in split_sentences(text, locale):
        for start in range(0, len(sentence), limit):
            piece = sentence[start : start + limit]
            if part and size + len(piece) > limit:
                yield "\n".join(part)
                part, size = [], 0
            part.append(piece)
            size += len(piece) + 1
    if part:
        yield "\n".join(part)


def _labelled(pairs: Iterable[tuple[str, ...]]) -> str:
    """One line for each pair of a label and a value."""
    lines = []
    for label, *values in pairs:
        value = " ".join(" ".join(values).split())
        joint = "：" if _HAN.search(label + value) else ": "
        lines.append(f"{label.rstrip(':： ')}{joint}{value}" if value else label)
    return "\n".join(lines)


def _names(name: str, alike: str) -> tuple[str, ...]:
    more = [w.strip() for w in re.split(r"[|;；,，、\n]", alike)]
    return tuple(dict.fromkeys(w for w in (name, *more) if len(w) > 1))


def _span_of(columns: Columns, cells: dict[int, str]) -> _Span:
    return _Span(
        _date(cells.get(columns.first_day, ""))
        if columns.first_day is not None
        else None,
        _date(cells.get(columns.last_day, ""))
        if columns.last_day is not None
        else None,
    )


def _span_in(text: str) -> _Span:
    """Days that a line of *text* with a label of its own names."""
    both = _HOLDS.search(text)
    if both:
        return _Span(_day(*both.groups()[:3]), _day(*both.groups()[3:]))
    first, last = _FROM.search(text), _UNTIL.search(text)
    return _Span(first and _day(*first.groups()), last and _day(*last.groups()))


def _date(text: str) -> date | None:
    match = re.match(_DAY, text.strip())
    return _day(*match.groups()) if match else None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _line(place: str) -> int:
    numbers = re.findall(r"\d+", place)
    return int(numbers[-1]) if numbers else 1


def _stem(name: str) -> str:
    last = name.rsplit("/", 1)[-1]
    return last.rsplit(".", 1)[0] or last
