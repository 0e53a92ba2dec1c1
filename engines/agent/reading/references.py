"""
Which order: references resolved on the customer's records.

A reference is only ever resolved to a record that the shop gave for this very
customer. What could mean two things stays unresolved; asking is cheaper than a
wrong guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec

from engines.agent.reading.consent import read_reply
from engines.agent.reading.titles import best_named
from engines.shops.port import Order


_LATEST = re.compile(
    r"最近|最新|上一[单个笔次]|刚刚?[才]?(?:下|买|拍|付)"
    r"|\b(?:latest|newest|most recent|last) (?:order|one|purchase)\b"
    r"|\bjust (?:placed|bought|ordered)\b"
)
_ONE_ZH = r"(?:那|这)?一?(?:个(?!商品|东西)|单|笔|订单)"
_ONE_EN = r" (?:one|orders?|purchase)\b"
_CHEAPEST = re.compile(
    rf"(?:便宜(?:点|些|一点)?|金额(?:最|较)?[小低]|最便宜)的?{_ONE_ZH}|\b(?:cheap(?:er|est)|less expensive){_ONE_EN}"
)
_DEAREST = re.compile(
    rf"(?<![太很])(?:贵(?:点|些|一点)?|金额(?:最|较)?[大高]|最贵)的?{_ONE_ZH}|\b(?:more expensive|most expensive|pricier|dearer|costlier){_ONE_EN}"
)
#: By when they were placed.
_EARLIER = re.compile(
    rf"(?:先|早点?)(?:下|买|拍|付)的{_ONE_ZH}|早(?:点|一点|些)的{_ONE_ZH}|\b(?:earlier|older){_ONE_EN}"
)
_LATER = re.compile(
    rf"(?:后来?|后面|晚点?)(?:下|买|拍|付)的{_ONE_ZH}|晚(?:点|一点|些)的{_ONE_ZH}|\b(?:later|newer){_ONE_EN}"
)
_ID_CUE = re.compile(
    r"(?:订单号?|单号|编号|\border(?: number| no\.?| id)?)"
    r"\s*[:#是为]?\s*#?(?P<id>[a-z]{1,6}-?\d{2,24}|\d{3,24})\b"
)
_ID_SHAPE = re.compile(
    r"(?<![a-z0-9])(?:[a-z]{1,6}[-_]?\d{2,24}|\d{4,24})(?:-\d{1,12})*(?![a-z0-9])"
)
_SPACES = re.compile(r"\s+")
_CJK = re.compile(r"[\u4e00-\u9fff]")
#: An id shorter than this is too likely something else.
_FEWEST_DIGITS = 4


#: The end of an order's number, as people say it: "尾号0014", "ending in 0014".
_TAIL = re.compile(
    r"(?:尾号|末尾|结尾|[后末][三四五六3-6]位(?:数字?)?|\bend(?:s|ing)? (?:in|with)|\blast (?:four|three|[3-6])(?: digits)?)"
    r"\s?[:是为]?\s?(?P<cued>\d{3,8})(?!\d)"
    # Bare digits that are no part of an address, a date, an amount or a longer number.
    r"|(?<![A-Za-z0-9路街巷弄道号栋楼室¥￥$€£/-])(?<!\d[.:])(?P<bare>\d{4,8})(?![A-Za-z0-9]|[-/.:]\d|\s?[号室栋楼弄座元块年月日%])"
    r"(?!\s(?:[A-Z][a-z]+\s){1,3}(?:Road|Street|Avenue|Lane|Drive|Rd|St|Ave|Blvd))"
)


class Mention(msgspec.Struct, frozen=True):
    """
    What a text says of an order.

    Attributes:
        ids: Own orders it may mean; one if it is clear.
        foreign: An id it names that is none of this customer's.
    """

    ids: tuple[str, ...] = ()
    foreign: str = ""


def in_full(text: str, orders: Sequence[Order]) -> str:
    """
    The cleaned *text* with whole ids in place of their ends.

    Only an end that belongs to one own order is replaced; every reader after this
    one knows whole ids alone.
    """

    def whole(found: re.Match[str]) -> str:
        tail = found["cued"] or found["bare"]
        ids = [one.id for one in orders if _ends_with(one.id, tail)]
        is_whole = any(_names(tail, one.id) for one in orders)
        return f" {ids[0]} " if len(ids) == 1 and not is_whole else found[0]

    return _SPACES.sub(" ", _TAIL.sub(whole, text)).strip()


def _ends_with(order_id: str, tail: str) -> bool:
    digits = re.sub(r"\D", "", order_id)
    return len(digits) > len(tail) and digits.endswith(tail)


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
    # "确认" names no goods, though a title may hold the word.
    if not orders or read_reply(text) == "consent":
        return ()
    if _LATEST.search(text):
        return (orders[0].id,)
    return best_named(text, {order.id: order.lines for order in orders})


def ranked_order(text: str, orders: Sequence[Order]) -> str:
    """
    The order of several that "the cheaper one" or "后下的那单" means; empty if none.

    By when they were placed, or by what was or is to be paid; where two are alike,
    neither is meant.
    """
    is_least = _EARLIER.search(text) is not None
    if is_least != (_LATER.search(text) is not None) and len(orders) > 1:
        placed = sorted(orders, key=lambda order: order.placed_at, reverse=not is_least)
        return placed[0].id if placed[0].placed_at != placed[1].placed_at else ""
    is_least = _CHEAPEST.search(text) is not None
    if len(orders) < 2 or is_least == (_DEAREST.search(text) is not None):  # noqa: PLR2004
        return ""
    paid = sorted(orders, key=lambda order: order.paid_minor, reverse=not is_least)
    return paid[0].id if paid[0].paid_minor != paid[1].paid_minor else ""


def order_in_history(lines: Iterable[str], orders: Sequence[Order]) -> str:
    """The own order that was last spoken of alone; empty if none was."""
    for line in reversed(list(lines)):
        named = [order.id for order in orders if _names(line, order.id)]
        if len(named) == 1:
            return named[0]
    return ""


def merged_into(text: str, ids: Sequence[str]) -> str:
    """The order whose parcel takes the others: the one named so, else the first."""
    for id_ in ids:
        named = re.escape(id_.lower())
        if re.search(
            rf"(?:合并|并|合|放)(?:到|进|入|在)\s?(?:订单)?\s?{named}|\b(?:into|to) (?:order )?#?{named}",
            text,
        ):
            return id_
    if len(ids) <= 1:
        return ""
    # Who names none as the one that takes the others begins with it.
    named_at = {id_: text.lower().find(id_.lower()) for id_ in ids}
    return min(ids, key=lambda id_: (named_at[id_] < 0, named_at[id_]))


def parts_by_order(text: str, ids: Sequence[str]) -> Iterator[list[tuple[str, str]]]:
    """*text* cut so that each part names one order: from its id on, or up to it."""
    ids_here = re.compile("|".join(map(_whole, ids)), re.IGNORECASE)
    found = list(ids_here.finditer(text))
    known = {id_.lower(): id_ for id_ in ids}
    own = [known[one[0].lower()] for one in found]
    starts = [0, *(one.start() for one in found[1:]), len(text)]
    ends = [0, *(one.end() for one in found[:-1]), len(text)]
    for cuts in (starts, ends):
        yield [
            (id_, text[left:right])
            for id_, (left, right) in zip(own, pairwise(cuts), strict=True)
        ]


def _names(text: str, order_id: str) -> bool:
    return re.search(_whole(order_id.lower()), text.lower()) is not None


def _whole(order_id: str) -> str:
    """Pattern of an id that is no part of a longer word."""
    return rf"(?<![A-Za-z0-9]){re.escape(order_id)}(?![A-Za-z0-9])"


def _foreign(text: str, orders: Sequence[Order]) -> str:
    """An id that is announced as one, or has the make of this shop's ids."""
    own = {order.id.lower() for order in orders}
    for ended in _TAIL.finditer(text):
        if ended["cued"] and not any(_ends_with(one, ended["cued"]) for one in own):
            return ended["cued"]
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
