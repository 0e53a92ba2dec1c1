"""
Tell what is no question: a wish for a change, or an answer to our own question.

A second look only: the router sends such turns to another tier, but a wrong
turn must not be answered with a rule that happens to hold the same words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from engines.contract import Locale, Utterance
from engines.retrieval.questions import asks, clauses


_VERBS_ZH: Final = (
    r"退款|退货|退掉|退了|退一|退[^货款]{0,6}(?:件|个|单)|退给|退我|拒收|取消|撤销|修改|更改|换货|换成|换一|换个"
    r"|改(?:一下|下|成|到|个)?(?:收货|注册)?(?:地址|电话|手机号|收件人)|改[成到派]|改一下|补发|补寄|补一|合并|拆单"
    r"|开(?:一张|张|个)?(?:发)?票|重开|催|拦截|退差价|补差价|申请|加急|赔|补偿|注销|退回去|寄到|发到|送到|报修|维修|保修|安排"
)
_WH_ZH: Final = r"怎么|咋|如何|怎样|流程|规则|政策|步骤|多久|多少|谁|哪|什么|几[天个次]|查|看|解释|介绍|说说|讲"
_ASKS_ZH: Final = r"吗|能不能|可以|可不可以|呢|[?？]|后|的"
_VERBS_EN: Final = (
    r"(?:cancel|refund|return|exchange|change|update|modify|correct|merge|combine|replace|reissue|redirect"
    r"|compensate|resend|swap|switch|remove|repair|arrange|raise|accept|send back|call off|re-?ship)"
)
_WH_EN: Final = r"\b(?:how|what|when|which|policy|who|why|where)\b"


def _zh(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _en(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_CHANGE: Final[dict[Locale, tuple[re.Pattern[str], ...]]] = {
    "zh": (
        # "do it for me" is a wish even in the form of a question
        _zh(
            rf"^(?!.*(?:{_WH_ZH})).*(?:帮我|帮忙|给我|替我|麻烦|请把|请帮|请给|赶紧|立刻|马上).{{0,15}}(?:{_VERBS_ZH})"
        ),
        # A number that comes with it is the new one.
        _zh(
            r"(?:手机|电话|号码?|联系方式)(?=.*(?<!\d)1[3-9]\d{9}(?!\d)).{0,4}(?:换|改|变|错)"
        ),
        _zh(r"\d{3,}.{1,12}\d{3,}.{0,8}(?:合并|一(?:起|块儿?|道)(?:发|寄))"),
        _zh(rf"^(?!.*(?:{_WH_ZH})).*(?:能|可以)[^，,。]{{0,6}}(?:换|改)成"),
        _zh(
            rf"^(?!.*(?:{_WH_ZH}|{_ASKS_ZH})).*(?:我要|我想|想要|要求|申请|需要|打算|准备).{{0,8}}(?:{_VERBS_ZH})"
        ),
        _zh(
            rf"^(?!.*(?:{_WH_ZH}|会不会|要不要|需要)).{{0,14}}(?:把|将).{{1,25}}(?:退|取消|换|改|合并|补发|寄到|发到|送到)"
        ),
        _zh(
            rf"^(?!.*(?:{_WH_ZH}|{_ASKS_ZH})).{{0,2}}(?:取消|退掉|退款|退货|改地址|换货|补发|合并)(?:吧|了|订单|我|这|那|第|一|两|给|其中|\W|$)"
        ),
        _zh(
            rf"^(?!.*(?:{_WH_ZH}|{_ASKS_ZH})).*(?:(?:退|换|取消|合并|合|改|修)(?:了|掉|货|款|一下)?吧|(?:换|改|退|合并|取消|修)一下"
            r"|(?:退|赔|补)(?:还|给)?我|退一笔|改到[^了]{2,})"
        ),
    ),
    "en": (
        _en(
            rf"^(?!.*{_WH_EN}).*\b(?:please|pls|plz|can you|could you|would you|will you|help me|just)\s+(?:please\s+|to\s+|just\s+|help me\s+)*{_VERBS_EN}\b"
        ),
        _en(
            rf"^(?!.*(?:{_WH_EN}|\b(?:can i|could i|if|whether)\b|\?)).*\b(?:i want|want|i'd like|i would like|i need|i wish|i have|let me|need)\s+(?:you\s+)?to\s+{_VERBS_EN}\b"
        ),
        _en(
            rf"^\W*(?:please\s+|pls\s+|yes\s+|ya\s+)?{_VERBS_EN}\s+(?:my|the|this|that|it|order|item|one|both|all|just)\b(?!.*\?)"
        ),
        _en(
            rf"^(?!.*(?:{_WH_EN}|\?)).*\b(?:want|i'd like|need|i demand|give me|raise)\s+(?:a|my|an|the)\s+(?:\w+\s+){{0,2}}(?:refund|exchange|replacement|compensation|money back|invoice|repair|difference)\b"
        ),
    ),
}
_OURS_ASKS: Final[dict[Locale, re.Pattern[str]]] = {
    "zh": _zh(r"[?？]|吗|请(?:提供|告诉|说|选|回复|发)|提供(?:一下|下)|发(?:我|一下)"),
    "en": _en(r"\?|\bplease (?:give|tell|send|provide|choose|confirm|reply)\b"),
}


def wants_change(text: str, locale: Locale) -> bool:
    """True if *text* asks to change an order, a refund, an invoice or the like."""
    found = clauses(text, locale)
    return any(p.search(clause) for p in _CHANGE[locale] for clause in found)


def replies(text: str, history: Sequence[Utterance], locale: Locale) -> bool:
    """
    True if *text* only answers what we asked last, and asks nothing itself.

    Whoever asked knows what to do with it: it is a slot, or consent.
    """
    if not history or history[-1].role == "customer" or asks(text, locale):
        return False
    return _OURS_ASKS[locale].search(history[-1].text) is not None
