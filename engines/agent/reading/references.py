"""
Which order, which line, how many: references resolved on the customer's records.

A reference is only ever resolved to a record that the shop gave for this very
customer. What could mean two things stays unresolved; asking is cheaper than a
wrong guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from engines.agent.reading.exceptions import Kept, split_kept
from engines.agent.reading.text import (
    CN_NUMBER,
    NUMBER_EN,
    NUMBER_ZH,
    ORDINAL_EN,
    number,
)
from engines.agent.reading.titles import named_lines
from engines.shops.port import Order


_LATEST = re.compile(
    r"最近|最新|上一[单个笔次]|刚刚?[才]?(?:下|买|拍|付)"
    r"|\b(?:latest|newest|most recent|last) (?:order|one|purchase)\b"
    r"|\bjust (?:placed|bought|ordered)\b"
)
_ID_CUE = re.compile(
    r"(?:订单号?|单号|编号|\border(?: number| no\.?| id)?)"
    r"\s*[:#是为]?\s*#?(?P<id>[a-z]{1,6}-?\d{2,24}|\d{3,24})\b"
)
_ID_SHAPE = re.compile(
    r"(?<![a-z0-9])(?:[a-z]{1,6}[-_]?\d{2,24}|\d{4,24})(?:-\d{1,12})*(?![a-z0-9])"
)
_CJK = re.compile(r"[\u4e00-\u9fff]")
_POSITION = re.compile(
    rf"第\s?(?P<zh>{NUMBER_ZH})(?![天次周年月回])\s?(?:件|个|样|款|种|项|行|条|双|台|单|笔)?"
    rf"|\b(?P<en>{ORDINAL_EN})\s(?:item|product|one|thing|line|article|order)s?\b"
    r"|\b(?:item|line|product|number|no\.|order)\s?#?(?P<no>\d{1,3})\b(?!\d)"
)
_BARE_POSITION = re.compile(
    rf"^(?:the )?(?P<en>{ORDINAL_EN})(?: one| item)?$|^#?(?P<no>\d{{1,2}})$"
)
_LAST = re.compile(r"最后(?:一|那)?[件个样款]|\blast (?:item|product|one|line|thing)\b")
_EACH = re.compile(r"全部|全都|都退|都要退|所有|\ball\b|\bboth\b|\bevery\b")
_COUNTER = "(?:件|个|条|双|台|只|瓶|盒|套|份|本|张|根|袋|支|片|包|把|块(?!钱)|顶|副|罐|听|卷|组|串|颗|粒|枚|床)(?!半)"
_OF_THEM = re.compile(rf"(?:其中|中|里)的?(?P<zh>{NUMBER_ZH})\s?{_COUNTER}")
_QUANTITY = re.compile(
    rf"(?<!第)(?<!第 )(?<!最后)(?P<zh>{NUMBER_ZH})\s?{_COUNTER}"
    rf"|\b(?P<en>{NUMBER_EN})\s(?:of (?:them|the|these|those|my)|units?|pieces?|pcs|items?)\b"
    rf"|\b(?:only|just|refund|return) (?P<only>{NUMBER_EN})\b(?! days?)"
)
#: The count that stands at the verb is the one that is meant.
_BY_VERB = re.compile(
    rf"(?<!第)(?<!第 )(?<!最后)(?P<zh>{NUMBER_ZH})\s?{_COUNTER}(?:给我|帮我)?(?:退|换|不要)"
    rf"|(?:退|换)(?:掉|货|其中)?(?P<z2>{NUMBER_ZH})\s?{_COUNTER}"
    rf"|\b(?:swap|exchange|replace) (?P<en>{NUMBER_EN})\b(?! days?)"
)
#: Several positions in one breath: "第2、3件", "items 2 and 3", "return 2 and 3".
_POSITIONS = re.compile(
    rf"第\s?(?P<zh>{NUMBER_ZH}(?:\s?[、和与及,，]\s?第?\s?{NUMBER_ZH})+)\s?[件个样款]"
    r"|\b(?:items?|lines?|products?|numbers?|return|refund|exchange) #?(?P<en>\d{1,2}(?:(?:\s?,\s?|\s?,?\s?(?:and|&)\s?)#?\d{1,2})+)\b"
)
#: An id shorter than this is too likely something else.
_FEWEST_DIGITS = 4
_PART = re.compile(r"[,，。;；、]|和|还有|以及|\band\b|\bplus\b")


class Mention(msgspec.Struct, frozen=True):
    """
    What a text says of an order.

    Attributes:
        ids: Own orders it may mean; one if it is clear.
        foreign: An id it names that is none of this customer's.
    """

    ids: tuple[str, ...] = ()
    foreign: str = ""


class LineMention(msgspec.Struct, frozen=True):
    """
    What a text says of the lines of an order.

    Attributes:
        units: Line and quantity of each line named; 0 units mean all.
        choices: Lines it could mean, if that is not clear.
    """

    units: tuple[tuple[int, int], ...] = ()
    choices: tuple[int, ...] = ()


def mentioned_orders(text: str, orders: Sequence[Order]) -> Mention:
    """Own orders named by id in the folded *text*, or the id that is no own one."""
    own = [order.id for order in orders if _names(text, order.id)]
    own = own or _by_digits(text, orders)
    if own:
        return Mention(tuple(own))
    return Mention(foreign=_foreign(text, orders))


def also_foreign(text: str, orders: Sequence[Order]) -> str:
    """An id beside own ones that is none of this customer's; empty if none."""
    return _foreign(text, orders)


def without_ids(text: str, orders: Sequence[Order]) -> str:
    """*text* with the word for an order in place of every order's id."""
    word = "订单" if _CJK.search(text) else " order "
    for order in orders:
        text = re.sub(_whole(order.id), word, text, flags=re.IGNORECASE)
    foreign = _foreign(text.lower(), orders)
    return re.sub(_whole(foreign), word, text, flags=re.IGNORECASE) if foreign else text


def described_orders(text: str, orders: Sequence[Order]) -> tuple[str, ...]:
    """Own orders that the folded *text* describes: the latest, or by product."""
    if not orders:
        return ()
    if _LATEST.search(text):
        return (orders[0].id,)
    return tuple(order.id for order in orders if any(named_lines(text, order.lines)))


def order_in_history(lines: Iterable[str], orders: Sequence[Order]) -> str:
    """The own order that was last spoken of alone; empty if none was."""
    for line in reversed(list(lines)):
        named = [order.id for order in orders if _names(line, order.id)]
        if len(named) == 1:
            return named[0]
    return ""


def has_position(text: str) -> bool:
    """Tell if a text names a line or an order by its position."""
    return _POSITION.search(text) is not None or _LAST.search(text) is not None


def means_all(text: str) -> bool:
    """Tell if a text speaks of all there are."""
    return _EACH.search(text) is not None


def merged_into(text: str, ids: Sequence[str]) -> str:
    """The order whose parcel takes the others: the one named so, else the first."""
    for id_ in ids:
        named = re.escape(id_.lower())
        if re.search(
            rf"(?:合并|并|合|放)(?:到|进|入|在)\s?(?:订单)?\s?{named}|\b(?:into|to) (?:order )?#?{named}",
            text,
        ):
            return id_
    return ids[0] if len(ids) > 1 else ""


def chosen(text: str, choices: Sequence[str]) -> str:
    """The choice of a shown list that a text points at; empty if none."""
    if _LAST.search(text):
        return choices[-1] if choices else ""
    place = _bare_place(text)
    return choices[place - 1] if 0 < place <= len(choices) else ""


def mentioned_lines(
    text: str, order: Order | None, *, is_answer: bool = False
) -> LineMention:
    """
    Lines and units that the folded *text* names.

    Without an *order* a named position stays as it is. Where nothing is named,
    the only line with units left is meant, unless the text is the *answer* to
    the question which.
    """
    stays = split_kept(text)
    if order is not None and stays.names:
        return _but_for(stays, order, is_answer=is_answer)
    places = _places(text, is_answer=is_answer)
    count = 0 if _POSITIONS.search(text) else quantity(text) or 0
    if order is None:
        return LineMention(tuple((place, count) for place in places))
    numbers = [line.line for line in order.lines]
    goods = [line for line in order.lines if not line.is_gift]
    if _LAST.search(text) and goods:
        places = (goods[-1].line,)
    if places:
        return LineMention(
            tuple((place, count) for place in places if place in numbers)
        )
    named, unclear = named_lines(text, order.lines)
    if named:
        return LineMention(_units(text, order, named))
    left = [line for line in goods if line.refunded_quantity < line.quantity]
    only = goods if len(goods) == 1 else left
    if len(only) == 1 and not is_answer:
        return LineMention(((only[0].line, count),))
    return LineMention(choices=unclear)


def _but_for(stays: Kept, order: Order, *, is_answer: bool) -> LineMention:
    """What goes back if some lines stay; nothing if it is not clear which stay."""
    kept: set[int] = set()
    for name in stays.names:
        said = mentioned_lines(name, order, is_answer=True)
        kept |= {line for line, _ in said.units}
        if said.choices:
            return LineMention(choices=said.choices)
    if not stays.all_else_goes:
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


def quantity(text: str) -> int | None:
    """How many units a text names; 0 for all of them; None if it does not say."""
    if _EACH.search(text):
        return 0
    found = _BY_VERB.search(text) or _OF_THEM.search(text) or _QUANTITY.search(text)
    if found is None:
        return None
    return number(next(word for word in found.groups() if word))


def _units(
    text: str, order: Order, named: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Each named line with the quantity of the part of the text that names it."""
    if len(named) == 1:
        return ((named[0], quantity(text) or 0),)
    counts = dict.fromkeys(named, 0)
    for part in _PART.split(text):
        here, _ = named_lines(part, order.lines)
        for line in here:
            counts[line] = _count_before(part) or counts.get(line, 0)
    return tuple((line, counts[line]) for line in named)


def _count_before(part: str) -> int:
    """The quantity of one part; a bare number word counts too ("two T-shirts")."""
    found = re.search(rf"\b(?P<en>{NUMBER_EN})\s[a-z]", part)
    return quantity(part) or (number(found["en"]) if found else 0) or 0


def _places(text: str, *, is_answer: bool) -> tuple[int, ...]:
    found = (
        number(next(word for word in match.groups() if word))
        for match in _POSITION.finditer(text)
    )
    several = (
        number(word)
        for match in _POSITIONS.finditer(text)
        for word in re.findall(rf"\d{{1,2}}|{CN_NUMBER}", match["zh"] or match["en"])
    )
    places = tuple(dict.fromkeys(place for place in (*several, *found) if place))
    bare = _bare_place(text) if is_answer and not places else 0
    return (bare,) if bare else places


def _bare_place(text: str) -> int:
    """The position that is all a text says, or that it names first."""
    found = _BARE_POSITION.search(text.strip(" .。!！")) or _POSITION.search(text)
    if found is None:
        return 0
    return number(next(word for word in found.groups() if word)) or 0


def _names(text: str, order_id: str) -> bool:
    return re.search(_whole(order_id.lower()), text.lower()) is not None


def _whole(order_id: str) -> str:
    """Pattern of an id that is no part of a longer word."""
    return rf"(?<![A-Za-z0-9]){re.escape(order_id)}(?![A-Za-z0-9])"


def _foreign(text: str, orders: Sequence[Order]) -> str:
    """An id that is announced as one, or has the make of this shop's ids."""
    own = {order.id.lower() for order in orders}
    for cued in _ID_CUE.finditer(text):
        if cued["id"] not in own and not _digits_of(cued["id"], own):
            return cued["id"]
    titles = " ".join(
        f"{line.title_zh} {line.title_en}" for one in orders for line in one.lines
    ).lower()
    words = [
        found[0]
        for found in _ID_SHAPE.finditer(text)
        if found[0] not in own
        and not _digits_of(found[0], own)
        and not _names(titles, found[0])
    ]
    # The very letters of this shop's ids first, then any of the same make.
    for make in (_kin, _make):
        makes = {make(order.id) for order in orders}
        for word in words:
            if make(word) in makes:
                return word
    return ""


def _kin(order_id: str) -> str:
    return re.sub(r"\d", "9", order_id.lower())


def _digits_of(word: str, own: set[str]) -> bool:
    return word.isdigit() and any(re.sub(r"\D", "", one) == word for one in own)


def _by_digits(text: str, orders: Sequence[Order]) -> list[str]:
    """Own orders named by their digits alone, where only one has these digits."""
    digits = [re.sub(r"\D", "", order.id) for order in orders]
    return [
        order.id
        for order, number_ in zip(orders, digits, strict=True)
        if len(number_) >= _FEWEST_DIGITS
        and digits.count(number_) == 1
        and _names(text, number_)
    ]


def _make(order_id: str) -> str:
    """What ids of the same shop have in common: where letters and digits stand."""
    return re.sub(r"[a-z]", "a", re.sub(r"\d", "9", order_id.lower()))
