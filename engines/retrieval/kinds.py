"""
Where the answer to a question is found: in a passage, or in the shop's records.

Rules for Chinese and English. Of orders and parcels most is asked in the words
that the shop's rules use too: :mod:`engines.retrieval.own_orders` tells them
apart. The router's auxiliary intent helps where the words leave it open.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from engines.contract import Locale
from engines.retrieval.own_orders import (
    asks_arrival,
    asks_order,
    asks_parcel,
    is_anyones,
)


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
    #: Which sizes, colours or sorts of a product there are.
    VARIANTS = "variants"
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


def _zh(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _en(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_KINDS: Final[dict[Locale, tuple[tuple[Kind, re.Pattern[str]], ...]]] = {
    "zh": (
        (
            Kind.COUPON,
            _zh(
                r"^(?!.*(?:怎么|为什么|为啥|用不了|不能|叠加|一起|领|退|会员)).*(?:我(?:的|有|还有|账户|账号|手里|手上|名下|现在).{0,8}(?:券|红包)|(?:有|还有|剩)(?:哪些|几张|多少张|什么).{0,6}券.{0,6}(?:可以用|能用|没用|可用|$)|我.{0,6}(?:能|可以)?用(?:哪|几)张券|我.{0,4}券.{0,4}(?:剩|还有|过期)|我(?:名下|账[户号]).{0,6}(?:优惠|券))"
            ),
        ),
        (
            Kind.COMPANION,
            _zh(
                r"^(?!.*(?:券|积分|优惠|满减)).*(?:搭配|配(?:个)?(?:什么|啥)|搭(?:什么|啥)|一起买(?:什么|啥|点)|还(?:需要|要)买(?:什么|啥)|(?:什么|啥)(?:可以|能)?(?:配|搭)|(?:和|跟|与).{1,10}搭的|(?:大家|别人|人家|一般).{0,4}一起买)"
            ),
        ),
        (
            Kind.FREIGHT,
            _zh(
                r"(?:运费|邮费|快递费|配送费).{0,10}(?:多少|怎么算|几块|多贵)|(?:寄|发|送)[到往去].{1,12}(?:多少钱|要多少|运费|邮费)|(?:公斤|千克|kg|斤|到.{2,6})(?:的)?(?:运费|邮费|快递费)(?:贵|高|多少|呢|[?？]|$)"
            ),
        ),
        (
            Kind.STOCK,
            _zh(
                r"有货|有没有货|有现货|现货|库存|还有没有货|(?:缺货|断货|断码|卖完|卖光|售罄|脱销)(?:了)?(?:吗|没|么|[?？])|买得到|能买到吗|仓库还有|(?:什么时候|啥时候|多久).{0,3}(?:补货|上架|到新货)"
            ),
        ),
        (
            Kind.VARIANTS,
            _zh(
                r"有(?:没有)?[^，。]{0,6}(?:再?[大小长短厚薄]一?(?:点|些|号|码)|[大小加][码号])的?(?!问题|区别|优惠)|(?:别的|其他|其它|另外的)(?:颜色|尺码|尺寸|码数?|规格|型号)(?!的?(?:能|可以)?换)"
                r"|有(?:没有)?(?:[黑白红蓝灰绿粉紫黄棕]|藏青|米白)色?的(?:吗|没|么|\W*$)|有(?:没有)?(?:x{0,3}[sml]|\d{2})(?:号|码)的?(?:吗|没|么|\W*$)"
            ),
        ),
        (
            Kind.PRICE,
            _zh(
                r"多少(?:钱|米|银子)|(?:什么|啥)价|价格(?:是)?多少|卖多少|售价|几块钱|个几块|几块一|怎么卖|价位|报个?价|价格\W*$|(?:一共|总共|合计).{0,3}多少\W*$"
            ),
        ),
    ),
    "en": (
        (
            Kind.COUPON,
            _en(
                r"^(?!.*\b(?:why|how do i|how can i|stack|combine|together|refund|return)\b).*(?:\b(?:my|do i have|have i got|have i any|i have|left)\b.{0,24}\b(?:coupons?|vouchers?)\b|\b(?:coupons?|vouchers?|discount codes?)\b.{0,12}\b(?:do i have|have i got|on my account|left|can i use)\b|\bdo i have\b.{0,12}\b(?:discounts?|codes?)\b)"
            ),
        ),
        (
            Kind.COMPANION,
            _en(
                r"\bgo(?:es)? (?:well |best |nicely )?(?:together )?with\b|\bpairs? (?:well )?with\b|\b(?:buy|bought|need) (?:\w+ )?(?:together )?with\b|\bbought together\b|\bwhat else (?:do|should) i (?:need|buy|get)\b"
            ),
        ),
        (
            Kind.FREIGHT,
            _en(
                r"(?:shipping|freight|postage|delivery)\s+(?:cost|fee|charge|rate|price)|how much.{0,30}\b(?:ship|shipping|deliver|delivery|postage|freight|send)\b|cost.{0,12}\b(?:ship|send|deliver)\b|\b(?:shipping|freight|postage|delivery)\b.{0,30}\bcosts?\b|\bpostage (?:for|to)\b"
            ),
        ),
        (
            Kind.STOCK,
            _en(
                r"\bin stock\b|\bavailable\b|\bstock\b|sold out|(?:have |got )?any (?:\w+ )?left\b|\bhow many (?:are|do you have) left\b"
            ),
        ),
        (
            Kind.VARIANTS,
            _en(
                r"\b(?:do you have|have you got|is there|are there|got|any|does it come in|do they come in|available in)\b.{0,24}\b(?:bigger|larger|smaller|longer|shorter|other colou?rs?|different colou?rs?|other sizes?|different sizes?|more sizes?|more colou?rs?)\b"
                r"|\b(?:do you have|have you got|does it come|do they come|do(?:es)? (?:the|this|that|your) (?:\w+ ){1,3}?come|is (?:it|that|this|there one)) (?:it |this |that |one |them |available |the \w+ (?:\w+ )?|\w+s )?in (?:a )?(?:size )?(?:x{0,3}[sml]|small|medium|large|black|white|red|blue|navy|grey|gray|green|pink|purple|yellow|brown|another (?:size|colou?r))\b"
            ),
        ),
        (
            Kind.PRICE,
            _en(
                r"how much (?:is|are|does|do|for)\b|what(?:'s| is| are) the price|\bprice of\b|what (?:does|do) .{1,40} cost|\bcosts?\s*\?|\bcost of (?:the|a|an|one|two|\d)\b|\bhow (?:expensive|pricey)\b|^\W*(?:(?:the )?\w+(?: \w+)? )?price\W*$|\bhow much\W*$|\bgoing for\b"
            ),
        ),
    ),
}

#: One's own points: the rules on points are in passages.
_POINTS: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(
        r"我[^，。]{0,8}(?:多少|几个?)积分|积分(?:我)?(?:还|现在)?(?:有|剩)(?:多少|几)|^\W*(?:我的?)?积分(?:余额|多少|明细)?\W*$"
        r"|我的?积分(?:还)?(?:有|剩|余额|是?多少|能抵多少|值多少|可以抵多少)|(?:查|看)(?:一?下|询)?我?的?积分(?:余额)?\W*$"
    ),
    "en": _en(
        r"\bhow many (?:loyalty |reward )?points (?:do i have|have i|are left|i have)\b"
        r"|\bmy (?:loyalty |reward )?points? balance\b|\bpoints (?:do i have|have i got)\b|^\W*(?:my |check my )?(?:loyalty |reward )?points(?: balance)?\W*$|\b(?:do i have|have i got) any points\b|\bcheck my (?:loyalty |reward )?points\b|\bmy points worth\b"
    ),
}
#: General questions in the same words, which a passage answers.
_GENERAL: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(
        r"一般|通常|规则|政策|维修|修理|安装费|平时|保价|价保|降价|差价|包邮|发票|退款|积分|谁|退货|退回|寄回|换货|怎么(?:查|看)|少发|漏发"
    ),
    "en": _en(
        r"\busually|\bgenerally|\bnormally|policy|\brule|price protection|price drop|cheaper|free shipping|\breturn|refund|exchange|who pays|restock|back in stock"
    ),
}


#: Of a product that is named; without one it may ask for anything.
_HAD: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(
        r"还?有(?:没有|吗|么|不|没)\W*$|(?:还有|缺货|断货|没货)(?:了)?(?:吗|没)?\W*$"
    ),
    "en": _en(
        r"\b(?:do you|you) (?:still )?(?:have|sell|carry)\b|\bany (?:more )?(?:of the )?\w+ left\b|\bany more of\b|\bcan i still (?:buy|get|order)\b"
        r"|\bbe back\b"
    ),
}


def kind_with_product(text: str, locale: Locale) -> Kind:
    """As :func:`kind_of`, of *text* that names a product of the shop."""
    kind = kind_of(text, locale)
    if kind is not Kind.KNOWLEDGE or is_anyones(text, locale):
        return kind
    if asks_arrival(text, locale):
        return Kind.PARCEL
    return Kind.STOCK if _HAD[locale].search(text) else kind


#: Something is wrong with goods that came.
_FAULT: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(
        r"进水|漏|[坏碎裂断破脏烂瘪]|发霉|异味|掉色|起球|变形|划痕|不好用|用不了|没反应|不亮|不转"
    ),
    "en": _en(
        r"\b(?:broken?|broke|leak\w*|crack\w*|torn|ripped|dirty|stain\w*|faulty|defective|damaged|smells?|scratch\w*|dead|not working|stopped working|doesn'?t work)\b"
    ),
}
#: Auxiliary intents of the router that ask of the customer's own order.
_HINTS: Final = {"parcel_where": Kind.PARCEL, "order_status": Kind.ORDER}


def hinted(kind: Kind, text: str, locale: Locale, intent: str) -> Kind:
    """*kind*, unless *text* left it open and the router's *intent* tells."""
    is_open = kind is Kind.KNOWLEDGE and intent in _HINTS
    if not is_open or is_anyones(text, locale) or _FAULT[locale].search(text):
        return kind
    return _HINTS[intent]


def kind_of(text: str, locale: Locale) -> Kind:
    """Where the answer to *text* is found."""
    if _POINTS[locale].search(text):
        return Kind.POINTS
    if not _GENERAL[locale].search(text):
        for kind, pattern in _KINDS[locale]:
            if pattern.search(text):
                return kind
    if asks_parcel(text, locale):
        return Kind.PARCEL
    return Kind.ORDER if asks_order(text, locale) else Kind.KNOWLEDGE
