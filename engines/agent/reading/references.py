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

from engines.agent.reading.text import NUMBER_EN, NUMBER_ZH, ORDINAL_EN, number
from engines.shops.port import Order, OrderLine


_LATEST = re.compile(
    r"最近|最新|上一[单个笔次]|刚刚?[才]?(?:下|买|拍|付)|\b(?:latest|newest|most recent|last) (?:order|one|purchase)\b"
    r"|\bjust (?:placed|bought|ordered)\b"
)
_ID_CUE = re.compile(
    r"(?:订单号?|单号|编号|\border(?: number| no\.?| id)?)\s*[:#是为]?\s*#?(?P<id>[a-z]{0,4}-?\d{3,24})\b"
)
_ID_SHAPE = re.compile(r"(?<![a-z0-9])[a-z]{0,4}-?\d{4,24}(?![a-z0-9])")
_POSITION = re.compile(
    rf"第\s?(?P<zh>{NUMBER_ZH})\s?(?:件|个|样|款|种|项|行|条|双|台|单|笔)?"
    rf"|\b(?P<en>{ORDINAL_EN})\s(?:item|product|one|thing|line|article|order)s?\b"
    rf"|\b(?:item|line|product|number|no\.|order)\s?#?(?P<no>\d{{1,3}})\b(?!\d)"
)
_BARE_POSITION = re.compile(
    rf"^(?:the )?(?P<en>{ORDINAL_EN})(?: one| item)?$|^#?(?P<no>\d{{1,2}})$"
)
_LAST_LINE = re.compile(r"最后(?:一|那)?[件个样款]|\blast (?:item|product|one|line)\b")
_EACH = re.compile(r"全部|全都|都退|都要退|所有|\ball\b|\bboth\b|\bevery\b")
_QUANTITY = re.compile(
    rf"(?<!第)(?<!第 )(?P<zh>{NUMBER_ZH})\s?(?:件|个|条|双|台|只|瓶|盒|套|份|本|张|根|袋)(?!半)"
    rf"|\b(?P<en>{NUMBER_EN})\s(?:of (?:them|the|these|those|my)|units?|pieces?|pcs|items?)\b"
    rf"|\b(?:only|just|refund|return) (?P<only>{NUMBER_EN})\b(?! days?)"
)
_LATIN_WORD = re.compile(r"[a-z][a-z\-]{2,}")
_CJK = re.compile(r"[\u4e00-\u9fff]")
_GAP = re.compile(r"\s+")
#: Words of titles that say nothing of which product is meant.
_COMMON = re.compile(
    r"^(?:the|and|for|with|order|item|product|refund|return|please|cancel|one|set|pro"
    r"|mini|smart|city)$"
)
#: Fewer characters in common name nothing.
_SHORTEST_RUN = 2


class Mention(msgspec.Struct, frozen=True):
    """
    What a text says of an order.

    Attributes:
        ids: Own orders it may mean; one if it is clear.
        foreign: An id it names that is none of this customer's.
    """

    ids: tuple[str, ...] = ()
    foreign: str = ""


def mentioned_orders(text: str, orders: Sequence[Order]) -> Mention:
    """Own orders named by id in the folded *text*, or the id that is no own one."""
    own = [order.id for order in orders if _names(text, order.id)]
    if own:
        return Mention(tuple(own))
    cued = _ID_CUE.search(text)
    if cued:
        return Mention(foreign=cued["id"])
    shapes = {_shape(order.id) for order in orders}
    for found in _ID_SHAPE.finditer(text):
        if _shape(found[0]) in shapes:
            return Mention(foreign=found[0])
    return Mention()


def described_orders(text: str, orders: Sequence[Order]) -> tuple[str, ...]:
    """Own orders that the folded *text* describes: the latest, or by product."""
    if not orders:
        return ()
    if _LATEST.search(text):
        return (orders[0].id,)
    return tuple(order.id for order in orders if matching_lines(text, order.lines))


def order_in_history(lines: Iterable[str], orders: Sequence[Order]) -> str:
    """The own order that was last spoken of alone; empty if none was."""
    for line in reversed(list(lines)):
        named = [order.id for order in orders if _names(line, order.id)]
        if len(named) == 1:
            return named[0]
    return ""


def position(text: str) -> int | None:
    """The place a text names ("第2件", "second item", "item 2"); -1 for the last."""
    if _LAST_LINE.search(text):
        return -1
    found = _POSITION.search(text) or _BARE_POSITION.search(text)
    if found is None:
        return None
    return number(next(word for word in found.groups() if word))


def positions(text: str) -> tuple[int, ...]:
    """All places a text names, in order."""
    numbers = (
        number(next(word for word in found.groups() if word))
        for found in _POSITION.finditer(text)
    )
    return tuple(dict.fromkeys(place for place in numbers if place))


def chosen(text: str, choices: Sequence[str]) -> str:
    """The choice of a shown list that a text points at; empty if none."""
    place = position(text)
    if place == -1:
        return choices[-1] if choices else ""
    return choices[place - 1] if place and 0 < place <= len(choices) else ""


def matching_lines(text: str, lines: Sequence[OrderLine]) -> tuple[int, ...]:
    """Lines whose title the folded *text* names, best matches only."""
    scores = {line.line: _likeness(text, line) for line in lines}
    best = max(scores.values(), default=0)
    if not best:
        return ()
    return tuple(line for line, score in scores.items() if score == best)


def quantity(text: str) -> int | None:
    """How many units a text names; 0 for all of them; None if it does not say."""
    if _EACH.search(text):
        return 0
    found = _QUANTITY.search(text)
    if found is None:
        return None
    return number(next(word for word in found.groups() if word))


def _names(text: str, order_id: str) -> bool:
    pattern = rf"(?<![a-z0-9]){re.escape(order_id.lower())}(?![a-z0-9])"
    return re.search(pattern, text.lower()) is not None


def _shape(order_id: str) -> str:
    letters = re.sub(r"[a-z]", "a", order_id.lower())
    return re.sub(r"\d", "9", letters)


def _likeness(text: str, line: OrderLine) -> int:
    """Characters of a title that the text repeats; a whole word at least."""
    words = _words(line.title_en) & _words(text)
    latin = sum(len(word) for word in words)
    run = _common_run(_joined(line.title_zh), _joined(text))
    has_cjk = len(run) >= _SHORTEST_RUN and _CJK.search(run) is not None
    return max(latin, 3 * len(run) if has_cjk else 0)


def _joined(text: str) -> str:
    return _GAP.sub("", text.lower())


def _words(text: str) -> set[str]:
    found = _LATIN_WORD.findall(text.lower())
    return {word.removesuffix("s") for word in found if not _COMMON.match(word)}


def _common_run(left: str, right: str) -> str:
    """The longest run of characters that both texts share."""
    best, end = 0, 0
    previous = [0] * (len(right) + 1)
    for at, mark in enumerate(left, start=1):
        row = [0]
        for place, other in enumerate(right):
            row.append(previous[place] + 1 if mark == other else 0)
        longest = max(row)
        if longest > best:
            best, end = longest, at
        previous = row
    return left[end - best : end]
