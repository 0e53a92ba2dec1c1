"""
Which task a customer wants done, or what they want to know of one.

Cues are short patterns in both languages. Tasks that this house does not do by
machine have cues too, so that they go to a person at once instead of being
mistaken for one it does.
"""

from __future__ import annotations

import re
from typing import Literal

from engines.agent.reading.exceptions import split_kept


Recipe = Literal["change_address", "refund_item", "cancel_order"]
Look = Literal["refund_status", "order_status"]

_REFUND_STATUS = re.compile(
    r"(?:退款|退的钱|退货款|钱)[^,，。;；!！]{0,8}(?:到哪|到账|进度|什么时候|啥时候|多久|还没|没到|没收到|状态|怎么还|怎么没)"
    r"|(?:什么时候|多久|还没|没有?收到|怎么还没|查)[^,，。;；!！]{0,6}(?:退款|到账|退钱)"
    r"|\b(?:where|when|status|track|not received|n'?t received|haven'?t got|still waiting"
    r"|still no|how long|check|any news)\b.{0,40}\brefund"
    r"|\brefund\b.{0,30}\b(?:status|yet|arrive|come through|where|when|taking|late|not)\b"
    r"|\b(?:been|was|were|get|got|gotten) refunded\b|\bdid you refund\b",
)
_ORDER_STATUS = re.compile(
    r"(?:订单|快递|包裹|物流|货).{0,6}(?:到哪|状态|进度|发货了吗|发了吗|什么时候到|送到哪)|查.{0,4}(?:订单|物流|快递)"
    r"|发货了(?:吗|没)|到哪(?:了|儿了|里了)"
    r"|\b(?:where|status|track).{0,25}\b(?:order|parcel|package|delivery)\b"
    r"|\border status\b|\bhas it shipped\b|\bwhere(?:'s| is) (?:it|my)\b",
)
_CHANGE_ADDRESS = re.compile(
    r"(?:改|换|变更|更新|填错|写错|选错|弄错|搞错|错了?).{0,8}(?:地址|收货|收件)"
    r"|(?:地址|收货|收件).{0,10}(?:改|换|错|变|更新)|新地址|别的地址|另一个地址"
    r"|(?:改|换)?(?:寄|送|发)(?:到|去|往)|改[到去]"
    r"|\b(?:change|update|edit|correct|modify|fix|wrong|different|another|new)\b.{0,30}\baddress\b"
    r"|\baddress\b.{0,30}\b(?:change|wrong|update|mistake|incorrect|instead)"
    r"|\b(?:ship|send|deliver|redirect)\b.{0,25}\b(?:to|address)\b.{0,80}\b(?:instead|rather)\b",
)
_CANCEL_ORDER = re.compile(
    r"取消.{0,12}(?:订单|这单|那单|那笔|这笔|购买|下单|一单)|(?:订单|这单|那单|单子).{0,14}取消|撤单|退单|取消(?:掉|了)?吧?$|取消\s?#?[a-z]{0,4}-?\d{3,}"
    r"|(?:订单|单子?).{0,4}不要了|(?:整单|全部|都).{0,3}不(?:想)?要了|不想买了|不买了"
    r"|\bcancel\b(?!.{0,30}\b(?:items?|refund|product)\b)",
)
_REFUND_ITEM = re.compile(
    r"(?<![不别])退(?![休出步烧役伍])|.{2,20}(?:不想要了|不要了)"
    r"|\brefund|\breturn\b|\bsend (?:it |them )?back\b|\bmoney back\b"
    r"|\bcancel\b.{0,30}\b(?:items?|product)\b",
)
_WHOLE = re.compile(
    r"整单|整个订单|全部退|全退|都退|所有商品|一起退|订单退[了掉]|\b(?:whole|entire|full) order\b"
    r"|\b(?:everything|all (?:the )?items|all of (?:it|them))\b",
)
_OTHER_TASKS = (
    (
        "exchange",
        re.compile(
            r"换货|换(?:一?个|成|大|小|码|颜色|尺码|新的)|\bexchange|\bswap\b|\breplac"
        ),
    ),
    ("invoice", re.compile(r"发票|抬头|\binvoice")),
    (
        "price_protection",
        re.compile(r"价保|保价|降价|差价|买贵|\bprice (?:match|protect|drop|adjust)"),
    ),
    (
        "merge",
        re.compile(r"合并|并单|一起发|\bmerge\b|\bcombine\b|\bship .{0,20}together\b"),
    ),
    (
        "reschedule",
        re.compile(
            r"改.{0,4}(?:时间|日期)|延迟配送|晚点送|\breschedul|\bdeliver .{0,20}(?:later|another day)"
        ),
    ),
    (
        "change_phone",
        re.compile(
            r"改.{0,4}(?:手机|电话|号码)|换.{0,3}(?:手机号|电话)|\bchange .{0,20}\bphone"
        ),
    ),
    (
        "damage",
        re.compile(
            r"破损|坏了|碎了|漏发|少发|少了|发错|\bdamaged\b|\bbroken\b|\bmissing\b|\bwrong (?:item|product)\b"
        ),
    ),
    (
        "gift",
        re.compile(
            r"(?:赠品|礼品|礼物).{0,8}(?:没|少|补)|补发|\b(?:gift|freebie)\b.{0,20}\b(?:missing|not|never)"
        ),
    ),
)
_HUMAN = re.compile(
    r"转人工|人工(?:客服|服务)|^人工[。!]?$|找(?:个)?(?:真人|客服|人工)|真人客服"
    r"|\b(?:talk|speak|chat|transfer|connect)\b.{0,20}\b(?:human|person|agent|representative|someone)\b"
    r"|^(?:human|agent|real person)(?: please)?$"
)
_AGAIN = re.compile(
    r"^.{0,6}(?:查一?下|查查|看一?下|看看|核实一?下).{0,4}$"
    r"|^(?:please |can you |could you )?(?:check|look)(?: (?:it|that|again|please|for me|into it))*[.!?]?$"
)
_KEEP = re.compile(
    r"(?:其他|其它|其余|别的|剩下)的?(?:商品|东西|几件|都)?.{0,4}(?:保留|不变|不退|留着|不动|照发)"
    r"|\b(?:keep|leave) (?:the )?(?:rest|others?|other (?:items?|ones?)|everything else)\b",
)
_ORDER_WORD = re.compile(r"订单|这单|那单|整单|\border\b|(?<![a-z0-9])[a-z]{0,4}\d{4,}")
_KEEPS_GIFT = re.compile(
    r"(?:赠品|礼品).{0,6}(?:留|不退|不还|想要|保留)|\b(?:keep|without) the (?:free )?gift\b"
)


def asks_human(text: str) -> bool:
    """Tell if the customer asks for a person."""
    return _HUMAN.search(text) is not None


def without_rest(text: str) -> str:
    """*text* without the clauses that say what stays as it is."""
    return _KEEPS_GIFT.sub(" ", _KEEP.sub(" ", text))


def recipes_in(text: str) -> tuple[Recipe, ...]:
    """Tasks of ours that the cleaned, folded *text* asks for, those that undo least first."""
    if _REFUND_STATUS.search(text):
        return ()
    rest = without_rest(text)
    if _CANCEL_ORDER.search(rest):
        # An address that is wrong is then the reason, not another wish.
        return ("cancel_order",)
    cues: tuple[tuple[Recipe, re.Pattern[str]], ...] = (
        ("change_address", _CHANGE_ADDRESS),
        ("refund_item", _REFUND_ITEM),
    )
    return tuple(recipe for recipe, cue in cues if cue.search(rest))


def look_in(text: str) -> Look | None:
    """What the customer wants to know, if it is one of what L3 can read."""
    if _REFUND_STATUS.search(text):
        return "refund_status"
    return "order_status" if _ORDER_STATUS.search(text) else None


def asks_again(text: str) -> bool:
    """Tell if a text only urges to look again at what was asked before."""
    return _AGAIN.search(text) is not None


def other_task_in(text: str) -> str:
    """Name of a task that only people do here; empty if the text asks for none."""
    for name, cue in _OTHER_TASKS:
        if cue.search(text):
            return name
    return ""


def is_whole_order(text: str) -> bool:
    """Tell if a refund is meant for everything in the order."""
    rest = without_rest(text)
    return _WHOLE.search(rest) is not None and not split_kept(rest).names


def keeps_gift(text: str) -> bool:
    """Tell if the customer wants to keep the gift of what goes back."""
    return _KEEPS_GIFT.search(text) is not None


def names_order(text: str) -> bool:
    """Tell if a text speaks of an order as such, by word or by id."""
    return _ORDER_WORD.search(text) is not None
