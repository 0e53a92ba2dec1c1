"""
A router of keywords alone, as gateways ship them: what a learned one must beat.

It is a fair one: it knows both languages, words of danger, of change and of look-up.
"""

from __future__ import annotations

import re2

from engines.contract import Tier
from router_models.text import normalise


_PERSON = re2.compile(
    r"人工|投诉|举报|12315|律师|起诉|曝光|假货|诈骗|骗子|盗号|受伤|过敏|冒烟|起火|漏电"
    r"| human | agent | manager | lawyer | sue | scam| fraud| fake | counterfeit| injur| burn| hacked "
)
_CHANGE = re2.compile(
    r"退|换|取消|改|赔|补发|修改|合并|开票|少发|发错|坏了|破损|没收到"
    r"| refund| return| exchange| cancel| change| replace| compensat| damaged| broken| missing | wrong "
)
_LOOK_UP = re2.compile(
    r"我的|订单|快递|物流|到哪|什么时候|哪个|区别|多少|叠加|库存|有货"
    r"| my | order | track| when | which | difference | compare | stock | price | size "
)


def keyword_tier(text: str) -> Tier:
    """The tier that the first list with a hit names; L1 without a hit."""
    both = "\n".join(normalise(text))
    for tier, words in (
        (Tier.HUMAN, _PERSON),
        (Tier.L3, _CHANGE),
        (Tier.L2, _LOOK_UP),
    ):
        if words.search(both) is not None:
            return tier
    return Tier.L1
