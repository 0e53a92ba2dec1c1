"""
Which lines of an order a text names, how many units of each, and what stays.

What could mean two lines stays unresolved; asking is cheaper than a wrong guess.
"""

from __future__ import annotations

import re

import msgspec

from engines.agent.reading.counts import (
    COUNTER,
    from_ends,
    names_several,
    places_in,
    quantity,
)
from engines.agent.reading.exceptions import Kept, split_kept
from engines.agent.reading.text import NUMBER_EN, NUMBER_ZH, number
from engines.agent.reading.titles import named_lines, number_before
from engines.shops.port import Order


#: Units that stay of a line: "只留一份", "keep one".
_UNITS_STAY = re.compile(
    rf"(?:留下?|保留|(?:只|就|仅)要)(?P<zh>{NUMBER_ZH})\s?{COUNTER}(?=就|即|了|$|[,，。;；])"
    rf"|\bkeep(?:ing)? (?:only |just )?(?P<en>{NUMBER_EN})(?= of (?:them|it)\b| and\b|[,.;]|$)"
)
#: The same with the goods named: "keep one T-shirt, return the other two".
_GOODS_STAY = re.compile(
    rf"(?:留下?|保留|(?:只|就|仅)要|除了?)(?P<zh>{NUMBER_ZH})\s?{COUNTER}(?P<goods_zh>[^,，。;；其剩]{{1,12}})(?=[,，。;；其剩]|$)"
    rf"|\b(?:keep(?:ing)?|except(?: for)?|all but|everything but) (?:only |just )?(?P<en>{NUMBER_EN})(?: of)?(?: the| my)? (?P<goods_en>[a-z][a-z' -]{{1,30}}?)(?=[,.;]| and\b|$)"
)
#: Beside what stays of one line all others go.
_ALL_GO = re.compile(r"全|都|\beverything\b|\ball\b")
_CLAUSE_END = re.compile(r"[,，。;；]")
_ALL_OTHERS = re.compile(
    r"其[他它余]|剩下|另外|别的|\b(?:rest|others?|everything else|remaining)\b"
)
#: How many lines it will be, which is no quantity of one of them.
_ITEMS_IN_ALL = re.compile(
    rf"\b{NUMBER_EN} (?:items|things|products)\b|{NUMBER_ZH}[件样个](?:东西|商品)"
)
_PART = re.compile(
    rf"[,，。;；、]|和|还有|以及|\band\b|\bplus\b|(?<=[\u4e00-\u9fff])(?={NUMBER_ZH}{COUNTER}(?![退换]))"
)


class LineMention(msgspec.Struct, frozen=True):
    """
    What a text says of the lines of an order.

    Attributes:
        units: Line and quantity of each line named; 0 units mean all.
        choices: Lines it could mean, if that is not clear.
    """

    units: tuple[tuple[int, int], ...] = ()
    choices: tuple[int, ...] = ()


def mentioned_lines(
    text: str, order: Order | None, *, is_answer: bool = False
) -> LineMention:
    """
    Lines and units that the folded *text* names.

    Without an *order* a named position stays as it is. Where nothing is named,
    the only line with units left is meant, unless the text is the *answer* to
    the question which.
    """
    if order is None:
        count = _count(text)
        found = places_in(text, is_answer=is_answer)
        return LineMention(tuple((place, count) for place in found))
    units_stay = _UNITS_STAY.search(text)
    if units_stay:
        return _less(units_stay, text, order, is_answer=is_answer)
    some_stay = _units_of_goods(text, order)
    if some_stay is not None:
        return some_stay
    stays = split_kept(text)
    if stays.names:
        return _but_for(stays, order, is_answer=is_answer)
    return _by_place(text, order, is_answer=is_answer) or _by_name(
        text, order, is_answer=is_answer
    )


def _by_place(text: str, order: Order, *, is_answer: bool) -> LineMention | None:
    """Lines named by where they stand; None if none is."""
    numbers = [line.line for line in order.lines]
    ends = from_ends(text, [line.line for line in order.lines if not line.is_gift])
    places = (*places_in(text, is_answer=is_answer), *ends)
    if not places:
        return None
    count = _count(text) if len(ends) <= 1 else 0
    named = dict.fromkeys(place for place in places if place in numbers)
    return LineMention(tuple((place, count) for place in named))


def _by_name(text: str, order: Order, *, is_answer: bool) -> LineMention:
    """Lines named by their goods; the only one there is, if none is named."""
    named, unclear = named_lines(text, order.lines)
    if named:
        return LineMention(_units(text, order, named))
    goods = [line for line in order.lines if not line.is_gift]
    left = [line for line in goods if line.refunded_quantity < line.quantity]
    only = goods if len(goods) == 1 else left
    if len(only) == 1 and not is_answer:
        return LineMention(((only[0].line, _count(text)),))
    return LineMention(choices=unclear)


def _count(text: str) -> int:
    return 0 if names_several(text) else quantity(text) or 0


def _less(
    stay: re.Match[str], text: str, order: Order, *, is_answer: bool
) -> LineMention:
    """The units of one line that go back if some of them stay."""
    rest = f"{text[: stay.start()]} {text[stay.end() :]}"
    said = mentioned_lines(rest, order, is_answer=is_answer)
    if len(said.units) > 1:
        # Of one line some units stay; which line goes whole would be a guess.
        said = mentioned_lines(_clause_to(text, stay), order, is_answer=True)
    if len(said.units) != 1:
        return LineMention(choices=said.choices)
    place, count = said.units[0]
    line = next(one for one in order.lines if one.line == place)
    left = line.quantity - line.refunded_quantity
    if count not in (0, left):
        return said
    goes = left - (number(stay["zh"] or stay["en"]) or 0)
    return LineMention(((place, goes),)) if goes > 0 else LineMention()


def _units_of_goods(text: str, order: Order) -> LineMention | None:
    """What goes of one line if some of its units stay; None if that is not said."""
    stay = _GOODS_STAY.search(text)
    if stay is None:
        return None
    kept, _ = named_lines(stay["goods_zh"] or stay["goods_en"], order.lines)
    rest = f"{text[: stay.start()]} {text[stay.end() :]}"
    others = set(named_lines(rest, order.lines)[0]) - set(kept)
    if len(kept) != 1 or others:
        return None
    line = next(one for one in order.lines if one.line == kept[0])
    goes = line.quantity - line.refunded_quantity
    goes -= number(stay["zh"] or stay["en"]) or 0
    units: tuple[tuple[int, int], ...] = ((line.line, goes),) if goes > 0 else ()
    if _ALL_GO.search(rest):
        units += tuple(
            (one.line, 0)
            for one in order.lines
            if one.line != line.line
            and not one.is_gift
            and one.refunded_quantity < one.quantity
        )
    return LineMention(units) if units else None


def _clause_to(text: str, stay: re.Match[str]) -> str:
    """The words of the clause before those that say how many stay."""
    return _CLAUSE_END.split(text[: stay.start()])[-1]


def _but_for(stays: Kept, order: Order, *, is_answer: bool) -> LineMention:
    """What goes back if some lines stay; nothing if it is not clear which stay."""
    kept: set[int] = set()
    for name in stays.names:
        said = mentioned_lines(name, order, is_answer=True)
        kept |= {line for line, _ in said.units}
        if said.choices:
            return LineMention(choices=said.choices)
    is_rest = _ALL_OTHERS.search(stays.rest) is not None
    if not stays.all_else_goes and not (kept and is_rest):
        said = mentioned_lines(stays.rest, order, is_answer=is_answer or bool(kept))
        units = tuple(unit for unit in said.units if unit[0] not in kept)
        return LineMention(units, said.choices)
    left = [
        (line.line, 0)
        for line in order.lines
        if not line.is_gift
        and line.line not in kept
        and line.refunded_quantity < line.quantity
    ]
    return LineMention(tuple(left) if kept else ())


def _units(
    text: str, order: Order, named: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Each named line with the quantity of the part of the text that names it."""
    if len(named) == 1:
        count = quantity(text)
        if count is None:
            goods = next(one for one in order.lines if one.line == named[0])
            count = number_before(text, goods)
        return ((named[0], count or 0),)
    counts = dict.fromkeys(named, 0)
    before: tuple[int, ...] = ()
    for part in _PART.split(_ITEMS_IN_ALL.sub(" ", text)):
        here, _ = named_lines(part, order.lines)
        # "水壶一个、杯子两个": a count by itself is of the goods before it.
        for line in here or before:
            counts[line] = _count_before(part) or counts.get(line, 0)
        before = tuple(line for line in here if not counts[line])
    return tuple((line, counts[line]) for line in named)


def _count_before(part: str) -> int:
    """The quantity of one part; a bare number word counts too ("two T-shirts")."""
    found = re.search(rf"\b(?P<en>{NUMBER_EN})\s[a-z]", part)
    return quantity(part) or (number(found["en"]) if found else 0) or 0
