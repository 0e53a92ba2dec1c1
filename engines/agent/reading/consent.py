"""
Yes, no, or neither: what a reply to a proposal means.

Consent is narrow on purpose: the *whole* reply must be made of words of
agreement, politeness and the task itself. One foreign word, a question or a
negation, and it is not consent. Declining is wider, since it costs nothing.
"Wait" counts as a question: the proposal is shown again and stays open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Literal


Reply = Literal["consent", "decline", "question", "other"]


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split("|")) - {""}


#: A longer reply says more than yes.
MAX_CONSENT_CHARS = 60

_AGREE = _listed(
    "确认|确定|是的|是|好的|好|可以的|可以|行|同意|没问题|没错|对的|对|嗯|没意见|就这样|就这么办"
    "|照办|办吧|y|yes|yep|yeah|yup|ok|okay|sure|confirm|confirmed|i confirm|agreed"
    "|i agree|agree|approve|approved|proceed|absolutely|go ahead|do it|please do"
    "|sounds good|looks good|fine|go on|carry on|yes to all|yes to both|correct|that's right|that is right"
    "|要的|要得|得行|好嘛|没得问题|妥|成|中|得嘞|好嘞|好滴|好哒|安排|没毛病|两个都要|perfect|alright|all right|go for it|works for me|that works"
    "|👍|👌|🆗|✅"
)
_POLITE = _listed(
    "的|了|吧|啊|呀|哦|噢|哈|那|那就|就|请|麻烦|麻烦你|麻烦您|辛苦了|谢谢|谢谢你|谢谢您|感谢|多谢"
    "|拜托|帮我|给我|你|您|我|立即|马上|现在|尽快|这个|方案|处理|办理|操作|提交|执行|都"
    "|please|thanks|thank you|thx|then|now|it|that|this|all|good|with|by|me|for|and"
    "|just|great|very|much|so|you|i|the|plan|proposal|to|both|both of them|all of it|all of them|pls|lovely"
    "|两个|两件|两样|三个|三件|全部|全|一起|这两个|这两件|这两样|这俩|这几个|这几件|这些|these|those|these two|those two"
)
_TASK = {
    "change_address": "修改|更改|改|换|地址|收货|新地址|change|update|the address|address|new",
    "refund_item": "退款|退货|退掉|退|这件|商品|refund|return|the item|item",
    "cancel_order": "取消|订单|这单|cancel|the order|order",
    "exchange_item": "换货|更换|换|exchange|swap|the item|item",
    "replace_item": "补发|补|重发|换新|replace|resend|send|replacement|again",
    "claim_gift": "补发|补|赠品|gift|send|the gift",
    "merge_orders": "合并|合|并|发货|一起|订单|merge|combine|ship|together|orders|them",
    "split_shipment": "拆单|分开|先发|发货|split|ship|first|separately",
    "price_protection": "价保|退差价|补差价|差价|退|补|refund|the difference|difference",
    "reissue_invoice": "开票|开|换开|重开|发票|issue|reissue|invoice|the invoice",
    "reschedule_delivery": "改期|配送|修改|更改|改|reschedule|deliver|change",
    "change_phone": "修改|更改|改|换|手机号|电话|change|update|phone|number",
    "chase_refund": "催办|催一下|催一哈|催催|催|退款|chase|refund|the refund",
}
_NO = re.compile(
    r"不用|不要|算了|不了|不退|不改|不取消|先不|先别|别[改退取办了]|放弃|不同意|不可以|不行|不好"
    r"|不确认|不确定|不是|拒绝|不需要|暂时不|暂不|撤回|没说要|保留订单|^别$|^不$|^否$"
    r"|\b(?:no|nope|nah|don'?t|do not|never ?mind|stop|not now|not yet|forget it"
    r"|leave it|keep (?:it|the order|everything)|changed my mind)\b"
)
#: "算了，还是等等吧": they would rather wait, which asks us for nothing.
_DROPPED = re.compile(
    r"^(?:那|还是|哎|唉)?[,，]?算了(?![^吧]*[??])[,，]?(?:$|吧|我?(?:还是|再)?(?:先|再)?等|不)"
)
_FIRM = re.compile(
    r"确认|确定|同意|办|就这[么样]|照做|提交|执行|[退换改取补发合催开][^,，。]{0,3}吧|取消|安排"
    r"|\b(?:yes|yep|yeah|sure|confirm(?:ed)?|go ahead|go for it|do it|do that|please do|proceed|i agree|agreed|then \w+ it)\b"
)
_INSTEAD = re.compile(r"^(?:no|nope|不是?|不对|错了)[ ,，]+(?=\S)")
_CANCEL = re.compile(r"取消|撤销|\bcancel\b")
_QUESTION = re.compile(
    r"[??]|[吗么呢]$|(?<!好)嘛$|多少|什么|怎么|为什么|为何|哪|几[天个件号点]|多久|是不是|能不能|可不可以"
    r"|可以不|行不行|对不对|好不好|等等|等一下|等下|再想想|考虑一下|\bwait\b|\bhold on\b"
    r"|^(?:is|are|was|were|can|could|do|does|did|will|would|should|what|how|why|when"
    r"|where|which|who|may)\b(?! it\b)"
)
#: "yesss", "okkk": a last letter drawn out.
_DRAWN_OUT = re.compile(
    r"(?<=\b)(yes|yep|yeah|yup|ok|sure|please|no)(?:(?<=s)s+|(?<=p)p+|(?<=h)h+|(?<=k)k+|(?<=e)e+|(?<=o)o+)\b"
)
_EDGES = " \t,.!~;:'\"()[]…·、，。！；：“”‘’（）【】~—-"


def read_reply(text: str, *recipes: str) -> Reply:
    """
    What a cleaned *text* means as a reply to proposals of *recipes*.

    Where "cancel" could mean either the order or the proposal, it is neither.
    """
    folded = _DRAWN_OUT.sub(r"\1", text.lower().strip(_EDGES))
    if not folded:
        return "other"
    if _is_agreement(folded, recipes):
        return "consent"
    if _QUESTION.search(folded) and not _DROPPED.search(folded):
        return "question"
    if _NO.search(folded):
        return "decline"
    if "cancel_order" not in recipes and _CANCEL.search(folded):
        return "decline"
    return "other"


def instead_of_no(text: str) -> bool:
    """Tell if a folded text says no to what was said, and goes on: "no, Sunday"."""
    return _INSTEAD.search(text) is not None


def is_firm(text: str) -> bool:
    """
    Tell if a consent tells to act, not merely that an answer was heard.

    After a question on what would be, "好的，谢谢" and "ok thanks" only thank.
    """
    return _FIRM.search(text.lower()) is not None


def _is_agreement(folded: str, recipes: tuple[str, ...]) -> bool:
    """Check that every word of the reply is one of agreement, manners or the task."""
    if len(folded) > MAX_CONSENT_CHARS or _QUESTION.search(folded):
        return False
    words = _words_of(recipes)
    is_agreed, rest = False, folded
    while rest:
        found = words.match(rest)
        if found is None:
            return False
        is_agreed = is_agreed or found[0] in _AGREE or found.lastgroup == "done_so"
        rest = rest[found.end() :].lstrip(_EDGES)
    return is_agreed


@cache
def _words_of(recipes: tuple[str, ...]) -> re.Pattern[str]:
    """
    Words of agreement, manners and the tasks; longest first, whole Latin words.

    "退吧", "then refund it" tell to do just what was proposed: that is agreement. The
    verb alone is not, it may be the wish once more. "Cancel it" is not either, since
    it could be the proposal that is cancelled.
    """
    tasks = frozenset().union(*(_listed(_TASK.get(name, "")) for name in recipes))
    verbs = _one_of((tasks & _VERBS) | _DOING)
    done_so = (
        rf"(?P<done_so>就?(?:{verbs})(?:掉|了)?(?:吧|嘛(?![??]))"
        rf"|\bthen (?:please )?(?:{verbs})(?![a-z]))|"
    )
    return re.compile(done_so + _one_of(_AGREE | _POLITE | tasks))


def _one_of(words: Iterable[str]) -> str:
    return "|".join(
        re.escape(word) + (r"(?![a-z])" if word[-1].isascii() else "")
        for word in sorted(words, key=lambda word: (-len(word), word))
    )


#: Verbs that tell to act, whatever the task: "申请吧", "办吧".
_DOING = _listed("申请|办理|处理|操作|提交|执行|办")
_VERBS = _listed(
    "修改|更改|改|换|退款|退货|退掉|退|换货|更换|补发|补|重发|换新|合并|合|并|发货|拆单|分开|先发|催办|催一下|催一哈|催催|催|开票|开|换开|重开"
    "|change|update|refund|return|exchange|swap|replace|resend|send|merge|combine|ship|split|issue|reissue|reschedule|deliver|chase"
)
