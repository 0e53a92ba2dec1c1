"""
Questions on money asked with a request, or before agreeing to it, and their answers.

"How much will I get back?" is answered from the proposal itself: nothing is said that
is not in its figures or in how every refund goes. What the proposal says nothing of
(who pays the postage back) is said to be unknown here, and not made up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from engines.agent.wording import amount
from engines.contract import Answer, Locale
from engines.shops.port import Order
from engines.voice import Voice


Aside = Literal["sum", "less", "when", "where", "postage"]

SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "agent.aside_back": ("amount",),
    "agent.aside_charge": ("amount",),
    "agent.aside_no_money": (),
    "agent.aside_less": (),
    "agent.aside_when": (),
    "agent.aside_where": (),
    "agent.aside_postage": (),
}
_MONEY = r"(?:退款|退的?钱|钱|款项?|到账|到帐|余额)"
_CUES: Final[tuple[tuple[Aside, re.Pattern[str]], ...]] = (
    (
        "less",
        re.compile(
            r"(?:怎么|为什么|为啥|咋|凭什么)[^,，。;；!！]{0,12}(?:少|扣|才|不是|没有?全|不全|只)|[少扣]了?(?:的|我)?[^,，。]{0,6}(?:哪|怎么|什么)"
            r"|\bwhy\b.{0,30}\b(?:not|less|only|deduct\w*|short|lower|isn't|n't)\b|\b(?:less than|deducted)\b.{0,30}\?"
        ),
    ),
    (
        "sum",
        re.compile(
            r"(?:退|补|付|返|到手|拿回|一共|总共|合计)[^,，。;；!！]{0,8}(?:多少|几块|几元)|多少钱"
            r"|\bhow much\b|\bwhat(?:'s| is) the (?:total|amount)\b|\bwhat (?:do|will|would) i (?:get|pay)\b"
        ),
    ),
    (
        "when",
        re.compile(
            rf"{_MONEY}[^,，。;；!！]{{0,10}}(?:什么时候|啥时候?|多久|几[天号]|多长时间|哪天|快不快)|(?:什么时候|啥时候?|多久|几天|多长时间|哪天)[^,，。;；!！]{{0,8}}(?:{_MONEY}|到账|能到|退给)"
            r"|\b(?:how (?:long|soon|fast|many days)|when)\b.{0,40}\b(?:money|refund\w*|paid|back|take|account)\b"
        ),
    ),
    (
        "where",
        re.compile(
            r"(?:退|返|回|打|钱)[^,，。;；!！]{0,8}(?:到|去|回|给)?(?:哪|微信还是|支付宝还是|银行卡还是|原路|余额还是)|(?:微信|支付宝|银行卡|余额|原路)[^,，。]{0,6}还是"
            r"|\bwhere\b.{0,30}\b(?:money|refund|it) (?:go|goes|going|end|paid)|\bwhere (?:does|will|is) (?:it|the money|the refund)\b|\b(?:to|on) (?:my|the) (?:card|wechat|alipay|bank)\b.{0,20}\?"
        ),
    ),
    (
        "postage",
        re.compile(
            r"(?:运费|邮费|快递费)[^,，。;；!！]{0,6}(?:谁|是不是我|要我|我出|我付|自己)|谁[^,，。;；!！]{0,4}(?:运费|邮费|快递费)"
            r"|\bwho (?:pays|covers|bears)\b|\b(?:pay|free|cost|charged)\b.{0,20}\b(?:return|postage|shipping)\b.{0,20}\?"
        ),
    ),
)


def asked_in(text: str) -> tuple[Aside, ...]:
    """What the folded *text* asks about the money of a proposal, in a fixed order."""
    return tuple(kind for kind, cue in _CUES if cue.search(text))


def answered(
    said: Answer, asked: Sequence[Aside], order: Order, voice: Voice, locale: Locale
) -> Answer:
    """
    *said*, a proposal, with the answers to what was *asked* in front.

    Args:
        order: One of those it is on, for the currency.
    """
    total = sum(one.amount_minor or 0 for one in said.actions)
    keys = [_key(kind, total) for kind in asked]
    figure = amount(total, order.currency, locale)
    blanks = {"agent.aside_back": figure, "agent.aside_charge": figure}
    sentences = (
        voice.say(key, locale, **({"amount": blanks[key]} if key in blanks else {}))
        for key in dict.fromkeys(keys)
    )
    return msgspec.structs.replace(said, text="".join(sentences) + said.text)


def _key(kind: Aside, total: int) -> str:
    """The sentence that answers; no date and no account where no money comes back."""
    if kind == "postage":
        return "agent.aside_postage"
    if total > 0:
        return "agent.aside_back" if kind == "sum" else f"agent.aside_{kind}"
    return "agent.aside_charge" if total < 0 else "agent.aside_no_money"
