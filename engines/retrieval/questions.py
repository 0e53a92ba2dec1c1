"""
Read what a turn asks: its parts, the kind of each, and whether it asks at all.

Rules only, for Chinese and English. A message with several questions becomes
several parts; words that only set the scene stay with the question they
belong to. What is no question at all is told by :mod:`engines.retrieval.wishes`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

from engines.contract import Locale


#: More questions than this in one message are kept together at the end.
MAX_PARTS: Final = 4


class Kind(StrEnum):
    """Where the answer to a part is found."""

    #: In a passage.
    KNOWLEDGE = "knowledge"
    #: Where the customer's parcel is and when it comes.
    PARCEL = "parcel"
    #: How far the customer's order is.
    ORDER = "order"
    #: Whether a product can be had now.
    STOCK = "stock"
    #: What a product costs now.
    PRICE = "price"
    #: What sending something somewhere costs.
    FREIGHT = "freight"
    #: Which coupons the customer holds.
    COUPON = "coupon"
    #: How many points the customer has.
    POINTS = "points"
    #: What is bought together with a product.
    COMPANION = "companion"


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
        r"\b(?:it|its|this|that|these|those|they|them)\b(?!\s+(?:take|possible|ok|necessary|true)\b)"
    ),
}

_KINDS: Final[dict[Locale, tuple[tuple[Kind, re.Pattern[str]], ...]]] = {
    "zh": (
        (
            Kind.COUPON,
            _zh(
                r"^(?!.*(?:怎么|为什么|为啥|用不了|不能|叠加|一起|领|退|会员)).*(?:我(?:的|有|还有|账户|账号|手里|手上|名下|现在).{0,8}(?:券|红包)|(?:有|还有|剩)(?:哪些|几张|多少张|什么).{0,6}券.{0,6}(?:可以用|能用|没用|可用|$))"
            ),
        ),
        (
            Kind.COMPANION,
            _zh(
                r"^(?!.*(?:券|积分|优惠|满减)).*(?:搭配|配(?:个)?(?:什么|啥)|搭(?:什么|啥)|一起买(?:什么|啥|点)|还(?:需要|要)买(?:什么|啥)|(?:什么|啥)(?:可以|能)?(?:配|搭))"
            ),
        ),
        (
            Kind.FREIGHT,
            _zh(
                r"(?:运费|邮费|快递费|配送费).{0,10}(?:多少|怎么算|几块|多贵)|(?:寄|发|送)[到往去].{1,12}(?:多少钱|要多少|运费|邮费)"
            ),
        ),
        (
            Kind.STOCK,
            _zh(
                r"有货|有没有货|有现货|现货|库存|还有没有货|缺货吗|断货(?:了)?吗|卖完(?:了)?(?:吗|没)|买得到"
            ),
        ),
        (
            Kind.PRICE,
            _zh(r"(?:多少钱|什么价|价格(?:是)?多少|卖多少|售价|几块钱|怎么卖)"),
        ),
        (
            Kind.PARCEL,
            _zh(
                r"(?:快递|物流|包裹|货|件|东西|宝贝|单|买的).{0,8}(?:到哪|在哪|哪里了|哪儿了|哪了|到了(?:吗|没)|几时到|走到)"
                r"|买的.{0,10}(?:什么时候|啥时候|几时|哪天|多久).{0,4}(?:到|送)|到哪(?:了|儿了|里了)|(?:我的?|那个?|这个?)(?:快递|物流|包裹|货|单|订单).{0,10}(?:什么时候|啥时候|几号|多久|今天|明天|后天).{0,4}(?:能|可以)?(?:到|送)"
                r"|(?:今天|明天|后天|今晚|周末|这周|本周).{0,6}(?:能|可以|会).{0,3}(?:到|送)|查(?:一?下|询)?.{0,6}(?:物流|快递|包裹)|(?:还没|怎么没|没有|没)(?:收到|到货|送到|送来)"
            ),
        ),
        (
            Kind.ORDER,
            _zh(
                r"(?:我的?|那个?|这个?|上次的?|昨天的?).{0,6}(?:订单|单子|单).{0,8}(?:状态|情况|怎么样|进度|处理|到哪一步)|(?<!合并)(?<!一起)(?<!分开)(?:发货|发出|寄出)(?:了)?(?:吗|没|么)|发了吗|发了没|还没发(?:货)?"
                r"|订单(?:号)?\s*[A-Za-z]*\d{3,}.{0,8}(?:状态|怎么样|情况|进度)?|[A-Za-z]{1,4}\d{3,}.{0,6}(?:状态|情况|怎么样|进度)|查(?:一?下|询)?.{0,6}(?:订单|单子)"
            ),
        ),
    ),
    "en": (
        (
            Kind.COUPON,
            _en(
                r"^(?!.*\b(?:why|how do i|how can i|stack|combine|together|refund|return)\b).*(?:\b(?:my|do i have|have i got|have i any|i have|left)\b.{0,24}\b(?:coupons?|vouchers?)\b|\b(?:coupons?|vouchers?)\b.{0,12}\b(?:do i have|have i got|on my account|left)\b)"
            ),
        ),
        (
            Kind.COMPANION,
            _en(
                r"\bgo(?:es)? (?:well |best |nicely )?(?:together )?with\b|\bpairs? (?:well )?with\b|\b(?:buy|bought|need) (?:together )?with\b|\bbought together\b"
            ),
        ),
        (
            Kind.FREIGHT,
            _en(
                r"(?:shipping|freight|postage|delivery)\s+(?:cost|fee|charge|rate|price)|how much.{0,30}\b(?:ship|shipping|deliver|delivery|postage|freight|send)\b|cost.{0,12}\b(?:ship|send|deliver)\b"
            ),
        ),
        (
            Kind.STOCK,
            _en(r"\bin stock\b|\bavailable\b|\bstock\b|sold out|have any left"),
        ),
        (
            Kind.PRICE,
            _en(
                r"how much (?:is|are|does|do|for)\b|what(?:'s| is| are) the price|\bprice of\b|what does .{1,40} cost|\bcosts?\s*\?"
            ),
        ),
        (
            Kind.PARCEL,
            _en(
                r"where(?:'?s| is| are| has)\b.{0,20}\b(?:parcel|package|order|delivery|shipment|stuff|item|items|it)\b|track(?:ing)?\b.{0,20}\b(?:my|order|parcel|package)"
                r"|\bmy\b.{0,30}\b(?:parcel|package|order|delivery|shipment|item|items)\b.{0,20}\b(?:arrive|come|get here|be delivered|delivered yet|arrived)|when (?:will|does|is) (?:my|it)\b.{0,30}\b(?:arrive|come|get|deliver)"
                r"|(?:has|hasn't|haven't|still|not).{0,24}\b(?:arrived|received|come yet)\b|(?:will|can|does|do) (?:it|they|my .{0,20}?) (?:be (?:here|delivered)|arrive|get here|come(?! (?:with|in|as|from|back)\b))"
            ),
        ),
        (
            Kind.ORDER,
            _en(
                r"^\W*(?:and |what about |how about )?my (?:last |latest |other )?orders?\W*$|(?:status|state|progress)\b.{0,16}\border|\border\b.{0,12}\b(?:status|doing|progress)|(?:has|have|did|is|was)\b.{0,20}\b(?:my|the|order)\b.{0,20}\b(?:shipped|ship|dispatched|sent|left)\b"
            ),
        ),
    ),
}
_WHERE: Final = _en(r"\bwhere(?:'s|\u2019s|s| is| are) my\b")
#: One's own points: the rules on points are in passages.
_POINTS: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(
        r"我[^，。]{0,8}(?:多少|几个?)积分|积分(?:我)?(?:还|现在)?(?:有|剩)(?:多少|几)"
        r"|我的?积分(?:还)?(?:有|剩|余额|是多少)|(?:查|看)(?:一?下|询)?我?的?积分(?:余额)?\W*$"
    ),
    "en": _en(
        r"\bhow many (?:loyalty |reward )?points (?:do i have|have i|are left|i have)\b"
        r"|\bmy (?:loyalty |reward )?points? balance\b|\bpoints (?:do i have|have i got)\b"
    ),
}
#: General questions in the same words, which a passage answers.
_GENERAL: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(
        r"一般|通常|规则|政策|维修|修理|安装费|平时|保价|价保|降价|差价|包邮|发票|退款|积分|没更新|不更新|显示.{0,4}签收|谁|退货|退回|寄回|换货|怎么(?:查|看)|少发|漏发"
    ),
    "en": _en(
        r"\busually|\bgenerally|\bnormally|policy|\brule|price protection|price drop|cheaper|free shipping|how do i track|how can i track|says delivered|marked|\breturn|refund|exchange|who pays|restock|back in stock"
    ),
}


def parts(text: str, locale: Locale) -> tuple[Part, ...]:
    """The questions of *text* in order; one part if it is not composite."""
    first, *others = _split(text, locale) or [""]
    bare = (_CONNECTIVE[locale].sub("", piece, count=1) for piece in others)
    found = (_part(piece, locale) for piece in (first, *bare))
    return tuple(part for part in found if part.text)


def whole(text: str, locale: Locale) -> Part:
    """*text* as one question that a passage answers."""
    return msgspec.structs.replace(_part(text, locale), kind=Kind.KNOWLEDGE)


def _part(text: str, locale: Locale) -> Part:
    return Part(
        text=text,
        kind=kind_of(text, locale),
        is_followup=_FOLLOWUP[locale].search(text) is not None,
        points_back=_POINTS_BACK[locale].search(text) is not None,
        asks=asks(text, locale),
    )


def kind_of(text: str, locale: Locale) -> Kind:
    """Where the answer to *text* is found."""
    if _POINTS[locale].search(text):
        return Kind.POINTS
    if not _GENERAL[locale].search(text):
        for kind, pattern in _KINDS[locale]:
            if pattern.search(text):
                return kind
    return Kind.KNOWLEDGE


def asks_where(text: str) -> bool:
    """True if *text* asks where something of the customer's is: "where's my ..."."""
    return _WHERE.search(text) is not None


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
