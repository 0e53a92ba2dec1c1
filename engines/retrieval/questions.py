"""
Read what a turn asks: its parts, the kind of each, and whether it asks at all.

Rules only, for Chinese and English. A message with several questions becomes
several parts; words that only set the scene stay with the question they
belong to. What is no question at all is told by :mod:`engines.retrieval.wishes`.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from engines.contract import Locale
from engines.retrieval.kinds import Kind, hinted, kind_of
from engines.retrieval.which_order import counts_orders


#: More questions than this in one message are kept together at the end.
MAX_PARTS: Final = 4


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """
    One question of a message.

    Attributes:
        is_followup: True if it means little without what was said before.

        points_back: True if a pronoun stands for a product or an order.

        asks: False if it states something; it may still be a question.
    """

    text: str
    kind: Kind
    is_followup: bool = False
    points_back: bool = False
    asks: bool = True


def _zh(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _en(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_CLAUSE: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(
        r".+?(?:(?:[，。！!？?；;\n]|(?<!\d),|,(?!\d))+|$|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])"
        r"|(?=另外|还有(?!没)|顺便|再问|同时(?!用|使用)|以及))"
    ),
    "en": _en(
        r".+?(?:[?!;\n]+|[.,](?=\s|$)|$|(?=\s+and\s+(?:also\s+)?(?:is|are|does|do|did|can|could|how"
        r"|what|when|where|which|who|will|would|should|has|have)\b)|(?=\balso\b))"
    ),
}
#: What joins a question to the one before it, without leaning on it.
_CONNECTIVE: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(r"^\W*(?:另外|还有|顺便|以及|同时|再问)\W*"),
    "en": _en(r"^\W*(?:(?:and|also|then)\b\W*)+"),
}
_ASKS: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(
        r"吗|呢|吧|么[?？]?$|多久|多少|多大|多长|多重|几[天个时号点件月年期斤次]|怎么|咋|如何|哪|什么|啥|谁|何时"
        r"|能不能|可不可以|可以不|能否|可否|是否|是不是|有没有|有无|会不会|要不要|行不行|[?？]|不$"
    ),
    "en": _en(
        r"\?|^\W*(?:and\s+|also\s+|so\s+|but\s+)*(?:is|are|does|do|did|can|could|how|what|when|where"
        r"|which|who|why|will|would|should|has|have|may)\b"
        r"|\b(?:do|does|did|can|could|will|would|should|may|am|is|are)\s+(?:i|you|we|they|it|that|this|there)\b"
        r"|\b(?:what|which|how|when|where|who)\s+(?:\w+\s+)?(?:do|does|should|can|could|will|would|is|are|happens|now|if)\b"
    ),
}
_FOLLOWUP: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(
        r"^\W*(?:那|那么|要是|如果|换成|还有)?[^，。？?]{0,14}呢\W*$|^\W*(?:那|那么)(?![个款件家边里])"
    ),
    "en": _en(r"^\W*(?:and|then|so|what about|how about|what if)\b"),
}
_POINTS_BACK: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(r"它|这个|这款|那款|这件|那件|那个|这单|那单|这双|该商品|刚才那"),
    "en": _en(
        r"\b(?:it|its|this|that|these|those|they|them)\b(?!\s+(?:take|possible|ok|necessary|true)\b)|\bthe other (?:one|order)\b"
    ),
}


def parts(text: str, locale: Locale, intent: str = "") -> tuple[Part, ...]:
    """
    The questions of *text* in order; one part if it is not composite.

    Args:
        intent: Of the whole text as the router read it; empty if it did not.
    """
    first, *others = _split(text, locale) or [""]
    bare = (_CONNECTIVE[locale].sub("", piece, count=1) for piece in others)
    found = [_part(piece, locale) for piece in (first, *bare)]
    if len(found) == 1:
        kind = hinted(found[0].kind, text, locale, intent)
        found = [msgspec.structs.replace(found[0], kind=kind)]
    return tuple(part for part in found if part.text)


def whole(text: str, locale: Locale) -> Part:
    """*text* as one question that a passage answers."""
    return msgspec.structs.replace(_part(text, locale), kind=Kind.KNOWLEDGE)


def leans_back(text: str, locale: Locale) -> bool:
    """True if *text* means little without what was said before it."""
    marks = (_FOLLOWUP[locale], _POINTS_BACK[locale])
    return any(mark.search(text) for mark in marks)


def _part(text: str, locale: Locale) -> Part:
    return Part(
        text=text,
        kind=kind_of(text, locale),
        is_followup=_FOLLOWUP[locale].search(text) is not None,
        points_back=_POINTS_BACK[locale].search(text) is not None
        or counts_orders(text),
        asks=asks(text, locale),
    )


def asks(text: str, locale: Locale) -> bool:
    """True if *text* has the form of a question."""
    return any(_ASKS[locale].search(clause) for clause in clauses(text, locale))


def clauses(text: str, locale: Locale) -> list[str]:
    """Pieces of *text* between stops, commas and joints."""
    found = (match[0].strip() for match in _CLAUSE[locale].finditer(text))
    return [clause for clause in found if clause]


def _split(text: str, locale: Locale) -> list[str]:
    """Clauses, gathered so that each piece has one that asks."""
    pieces: list[str] = []
    lead = ""
    for clause in clauses(text, locale):
        lead = f"{lead} {clause}" if lead else clause
        if _ASKS[locale].search(clause):
            pieces.append(lead)
            lead = ""
    if lead and pieces:
        pieces[-1] = f"{pieces[-1]} {lead}"
    elif lead:
        pieces = [lead]
    if len(pieces) > MAX_PARTS:
        pieces[MAX_PARTS - 1 :] = [" ".join(pieces[MAX_PARTS - 1 :])]
    return pieces
