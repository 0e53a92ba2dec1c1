"""
Numbers in a text: which place in a list, how many units.

Nothing here looks at an order; :mod:`engines.agent.reading.lines` does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engines.agent.reading.text import (
    CN_NUMBER,
    NUMBER_EN,
    NUMBER_ZH,
    ORDINAL_EN,
    number,
)


_POSITION = re.compile(
    rf"(?<!倒数)第\s?(?P<zh>{NUMBER_ZH})(?![天次周年月回])\s?(?:件|个|样|款|种|项|行|条|双|台|单|笔)?"
    rf"|(?<![\d月])(?P<tag>\d{{1,2}})号(?:商品|宝贝|件|货)"
    rf"|\b(?P<en>{ORDINAL_EN})\s(?:item|product|one|thing|line|article|order)s?\b"
    r"|\b(?:item|line|product|number|no\.|order)\s?#?(?P<no>\d{1,3})\b(?!\d)"
)
_BARE_POSITION = re.compile(
    rf"^(?:the )?(?P<en>{ORDINAL_EN})(?: one| item)?$|^#?(?P<no>\d{{1,2}})$"
)
_LAST = re.compile(r"最后(?:一|那)?[件个样款]|\blast (?:item|product|one|line|thing)\b")
_EACH = re.compile(r"全部|全都|都退|都要退|所有|\ball\b|\bboth\b|\bevery\b")
COUNTER = "(?:件|个|条|双|台|只(?![要留退换保是有想能剩收])|瓶|盒|套|份|本|张|根|袋|支|片|包|把|块(?!钱)|顶|副|罐|听|卷|组|串|颗|粒|枚|床|桶|壶|棵|株|辆|提|箱|对|板)(?!半|事|月|订单)"
#: All of several: "两单一起", "都要", "both of them".
_ALL_OF = re.compile(
    rf"{NUMBER_ZH}(?:个订?单|单|笔|个)(?:都|一起|全)|都[要是行开改换办取]|一起[开改换办取]|^都|\beach\b|\bthe two(?: of them)?\b"
)
#: One of two that were shown, by its side.
_SIDE = re.compile(
    r"(?P<first>(?:前|上)(?:面|边|一)?的?(?:那|一)?(?:个|单|笔))|(?:后|下)(?:面|边|一)的?(?:那|一)?(?:个|单|笔)|后那?[个单笔]"
    r"|\bthe (?P<former>former|earlier|older|upper)\b|\bthe (?:latter|later|newer|lower)\b"
)
_PAIR = 2
_OF_THEM = re.compile(rf"(?:其中|中|里|有)的?(?P<zh>{NUMBER_ZH})\s?{COUNTER}")
#: No ordinal, and no end of a longer number or id.
_COUNTED = r"(?<![\da-z])(?<!第)(?<!第 )(?<!最后)(?<!前)(?<!后)(?<!后面)(?<!前面)"
_QUANTITY = re.compile(
    rf"{_COUNTED}(?P<zh>{NUMBER_ZH})\s?{COUNTER}"
    rf"|\b(?P<en>{NUMBER_EN})\s(?:of (?:them|'?em|the|these|those|my)|units?|pieces?|pcs|items?|bottles?|pa(?:ck|ir|cket)s?|box(?:es)?|bags?|sets?|cans?|jars?|rolls?)\b"
    rf"|\b(?:only|just|refund|return) (?P<only>{NUMBER_EN})\b(?! days?)"
)
#: The count that stands at the verb is the one that is meant.
_AFTER_VERB = re.compile(
    rf"(?:退|换)(?:掉|货|其中)?(?P<zh>{NUMBER_ZH})\s?{COUNTER}"
    rf"|\b(?:send|give|take)(?:ing)? (?P<back>{NUMBER_EN}) (?:of (?:them|these) )?back\b"
    rf"|\b(?:swap|exchange|replace|refund|return) (?P<en>{NUMBER_EN})\b(?! days?)"
)
_BEFORE_VERB = re.compile(
    rf"{_COUNTED}(?P<zh>{NUMBER_ZH})\s?{COUNTER}(?:给我|帮我)?(?:退|换|不要)"
)
#: Several positions in one breath: "第2、3件", "items 2 and 3", "return 2 and 3".
_POSITIONS = re.compile(
    rf"(?:第\s?|(?<![\da-z第])(?=\d{{1,2}}(?:、\d{{1,2}})+[件个样款]))(?P<zh>{NUMBER_ZH}(?:\s?[、和与及,，]\s?第?\s?{NUMBER_ZH})+)\s?[件个样款]"
    rf"|\b(?P<ord>{ORDINAL_EN}(?:(?:\s?,\s?|\s?,?\s?(?:and|&)\s?)(?:the )?{ORDINAL_EN})+)(?: items?| ones?| lines?| things?)?\b"
    r"|\b(?:items?|lines?|products?|numbers?|return|refund|exchange) #?(?P<en>\d{1,2}(?:(?:\s?,\s?|\s?,?\s?(?:and|&)\s?)#?\d{1,2})+)\b"
)
_THE_OTHER = re.compile(
    r"\b(?:refund|return|replace|exchange|swap) the other(?: one)?(?=$|[,.;]| (?:for|please)\b)"
    r"|\bthe (?:extra|spare|surplus) one\b|多(?:的|余的?|出来的|买的|拍的|了的)(?:那|这)?一?[个件条双盒瓶只]"
)
_MADE = re.compile(
    rf"(?:改成?|变成|换成|算|还是|就|只)(?:退|要)?(?P<zh>{NUMBER_ZH})\s?{COUNTER}?(?:吧|就行|就好|就可以|得了|算了)?[。!！]?$"
    rf"|\b(?:make (?:it|that)|just|only|change (?:it )?to|let's say) (?P<en>{NUMBER_EN})(?: instead| please| only| will do)*[.!]?$"
)
_BOUGHT = re.compile(
    rf"(?:买|拍|订|下|付)了?[^,，。]{{0,6}}?(?P<zh>{NUMBER_ZH})\s?{COUNTER}"
    rf"|\b(?:ordered|bought|paid for|should (?:be|have)|supposed to be|meant to be) (?P<en>{NUMBER_EN})\b"
)
_CAME = re.compile(
    rf"(?:就|只有?|才)(?P<z2>{NUMBER_ZH})\s?{COUNTER}[。!！]?$|[只就才][^,，。]{{0,3}}?(?:到|收|来|给|发|寄|有)了?[^,，。]{{0,3}}?(?P<zh>{NUMBER_ZH})\s?{COUNTER}"
    rf"|\b(?:only|just)(?: (?:got|received|have|had|came|sent))?(?: me)? (?P<en>{NUMBER_EN})\b"
)
_NO_TIME = r"(?!月|星期|礼拜|小时|半)"
#: From one end of the order: "前两件", "the last two items", "倒数第二件".
_FROM_END = re.compile(
    rf"(?P<first>前|头)(?:面|边)?的?那?(?P<n>{NUMBER_ZH})\s?[件个样款项种]{_NO_TIME}"
    rf"|(?<!以)(?P<last>后)(?:面|边)?的?那?(?P<m>{NUMBER_ZH})\s?[件个样款项种]{_NO_TIME}"
    rf"|倒数第\s?(?P<nth>{NUMBER_ZH})\s?[件个样款项种]"
    rf"|\b(?P<en>first|last) (?P<k>{NUMBER_EN}) (?:items?|products?|things?|ones?|lines?)\b"
)


def has_position(text: str) -> bool:
    """Tell if a text names a line or an order by its position."""
    return _POSITION.search(text) is not None or _LAST.search(text) is not None


def means_all(text: str) -> bool:
    """Tell if a text speaks of all there are."""
    return _EACH.search(text) is not None


def means_each(text: str) -> bool:
    """Tell if a text means all that were shown: "都要", "两单一起"."""
    return means_all(text) or _ALL_OF.search(text) is not None


def chosen(text: str, choices: Sequence[str]) -> str:
    """The choice of a shown list that a text points at; empty if none."""
    if len(choices) == _PAIR and (side := _SIDE.search(text)):
        return choices[0 if side["first"] or side["former"] else 1]
    if _LAST.search(text):
        return choices[-1] if choices else ""
    place = _bare_place(text)
    return choices[place - 1] if 0 < place <= len(choices) else ""


def quantity(text: str) -> int | None:
    """How many units a text names; 0 for all of them; None if it does not say."""
    found = _AFTER_VERB.search(text) or _BEFORE_VERB.search(text)
    if found is None and _EACH.search(text):
        return 0
    if found is None and _THE_OTHER.search(text):
        return 1
    found = found or _OF_THEM.search(text) or _QUANTITY.search(text)
    if found is None:
        return None
    return number(next(word for word in found.groups() if word))


def short_by(text: str) -> int | None:
    """How many units are missing where a text says what was bought and what came."""
    bought, came = _BOUGHT.search(text), _CAME.search(text)
    if bought is None or came is None:
        return None
    want = number(bought["zh"] or bought["en"]) or 0
    have = number(came["zh"] or came["z2"] or came["en"]) or 0
    return want - have if want > have else None


def corrected_to(text: str) -> int | None:
    """The number a correction of a quantity gives: "改成2本", "make it two"."""
    found = _MADE.search(text)
    return number(found["zh"] or found["en"]) if found else None


def from_ends(text: str, goods: list[int]) -> tuple[int, ...]:
    """Lines counted from one end of the order."""
    found: list[int] = [goods[-1]] if goods and _LAST.search(text) else []
    for match in _FROM_END.finditer(text):
        count = number(match["n"] or match["m"] or match["nth"] or match["k"]) or 0
        if match["nth"]:
            found += goods[-count:][:1] if 0 < count <= len(goods) else []
        elif match["first"] or match["en"] == "first":
            found += goods[:count]
        else:
            found += goods[-count:] if count else []
    return tuple(dict.fromkeys(found))


def places_in(text: str, *, is_answer: bool) -> tuple[int, ...]:
    """Places that the folded *text* names; a bare number counts in an answer."""
    found = (
        number(next(word for word in match.groups() if word))
        for match in _POSITION.finditer(text)
    )
    several = (
        number(word)
        for match in _POSITIONS.finditer(text)
        for word in re.findall(
            rf"{ORDINAL_EN}|\d{{1,2}}|{CN_NUMBER}",
            match["zh"] or match["ord"] or match["en"],
        )
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


def names_several(text: str) -> bool:
    """Tell if a text lists places, whose numbers are then no quantity."""
    return _POSITIONS.search(text) is not None
