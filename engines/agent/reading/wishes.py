"""
Which task a customer wants done, or what they want to know of one.

Cues of each task are in :mod:`engines.agent.reading.task_cues`. Where the words of
one task stand in another's ("refund me the price difference"), the table of parts
tells which is meant. Whether a machine may do it is policy's to say, not theirs.
"""

from __future__ import annotations

import re

from engines.agent.reading.exceptions import split_kept
from engines.agent.reading.spelling import spelled
from engines.agent.reading.task_cues import (
    CHASE,
    CUES,
    DAMAGE,
    INTO,
    MISSING,
    ORDER_STATUS,
    PART_OF,
    RECIPES,
    REFUND_STATUS,
    REPLACE,
    SAME_ANEW,
    WRONG_ITEM,
    Look,
    Recipe,
)
from engines.agent.reading.text import number
from engines.shops.effects import ReplacementReason


#: What the router calls a fault -> what is claimed.
_FAULTS: dict[str, ReplacementReason] = {
    "damaged_item": "damaged",
    "quality_complaint": "damaged",
    "wrong_item": "wrong_item",
    "missing_item": "missing",
}

_WHOLE_BY_NAME = re.compile(
    r"整单|整个订单|订单退[了掉](?!第)|\b(?:whole|entire|full) order\b"
)
_WHOLE = re.compile(
    r"整单|整个订单|全部退|全退|都退|所有商品|一起退|订单退[了掉]|\b(?:whole|entire|full) order\b"
    r"|\b(?:everything|all (?:two|three|four|five|six|\d) (?:items|things|products|of them)|all (?:the )?items|all of (?:it|them))\b",
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
    r"(?:其他|其它|其余|别的|剩下)的?(?:商品|东西|几件|都)?.{0,4}(?:保留|不变|不退|留着|不动|照发|照常|正常|照旧|继续)"
    r"|\b(?:keep|leave) (?:the )?(?:rest|others?|other (?:items?|ones?)|everything else)\b"
    r"|\b(?:the )?(?:rest|others?|other (?:items?|ones?)|everything else|remaining items?) (?:(?:can|should|will|must|to) )?(?:stays?|remains?|(?:is|are) fine)\b",
)
#: What would be, asked before deciding: it may be worked out, never carried out by an "ok".
_ONLY_ASKS = re.compile(
    r"(?:如果|要是|假如|假设|万一|的话)[^。;；]{0,40}(?:多少|几[块元]|扣|损失|怎么算|划算|会不会|能不能|[吗么?])"
    r"|(?:能|可以|会|要|得)(?:给我|我)?(?:退|扣|补|收|返)(?:回|给|我|来)*(?:多少|几[块元])"
    r"|(?:退|换|取消|改)[^,，。;；]{0,12}(?:要|得|会)?(?:多少钱|扣钱|扣费|手续费)"
    r"|(?:只是|就是|就|随便)问(?:一下|下|问|个)|打听"
    r"|\bif i (?:\w+ ){0,2}(?:return|cancel|exchange|chang|send|sent|swap|refund|gave|give)\w*\b"
    r"|\bhow much (?:would|will|do|does|can|could|money)\b|\bwhat (?:would|will) (?:i|it|the|happen)\b"
    r"|\b(?:just|only) (?:asking|curious|wondering|checking)\b|\b(?:is|would) there (?:be )?an?y? (?:fee|charge|cost)\b"
)
#: "If it can be done, do it" decides.
_DECIDES = re.compile(
    r"就(?:帮我|给我|直接)?(?:退|办|取消|换|改)|\bif so\b|\bthen (?:do|cancel|refund|return)\b"
)
_THE_SAME = re.compile(
    r"(?:也|同样)(?:一样|这样|这么|如此|是|照办|处理|来一[次遍])|[也都]一样$|\bsame (?:for|with|thing|again|goes)\b|\b(?:that one|this one|it|order) too$|^(?:and|also) .{0,40}\b(?:too|as well)$"
)
#: What is right as it is: "地址没问题".
_FINE = re.compile(
    r"(?:收货)?(?:地址|电话|手机号?|收货人|抬头)(?:是?(?:没问题|没错|对的)|不变|不用[改换动]|照旧)"
    r"|\b(?:address|phone|name|number) (?:is|stays|remains) (?:fine|right|correct|the same)\b"
)
#: When, not what: "退完再…".
_ONCE_DONE = re.compile(r"(?:退|换|取消|改|合并)完(?:了|以后|之后|后)?(?=再|就|,|，)")
_KEEPS_FIRST = re.compile(
    r"\s*(?:保留|留下|留着|只?留|不退|(?:please )?(?:keep|leave|not)\b)"
)
_STAYS_ALONE = re.compile(
    r"(?:不退|不用退|不换|不用换|留着|留下|留到|也要|保留|自己留|先留)(?:着|了|吧|啊|哈|的)?[。!！]?$"
)
_ALSO = re.compile(r"另外|还有|同时|顺便|以及|再把|\balso\b|\bas well\b|\bplus\b")
#: (what a piece alone asks for, the task before it that it explains).
_EXPLAINED: frozenset[tuple[Recipe, Recipe]] = frozenset(
    {("exchange_item", "replace_item"), ("replace_item", "exchange_item")}
)
_HAS_FREIGHT: frozenset[Recipe] = frozenset({"change_address", "merge_orders"})
_DIFFERENCE = re.compile(
    r"运费|差价|差额|多付|多收|\bfreight\b|\bshipping\b|\bdifference\b"
)
_ADDRESS_WORD = re.compile(r"地址|\baddress\b")
#: A company is what an invoice is made out to, unless it stands at a door.
_COMPANY = re.compile(r"有限公司|股份公司|集团|事务所|合作社|\b(?:ltd|llc|inc|gmbh)\b")
_DOOR = re.compile(r"地址|[路街巷弄道号栋楼室园厦]|\b(?:road|street|avenue|floor)\b")
_FORBIDS = re.compile(
    r"(?:取消|撤销|撤回)(?:退款|退货|换货|申请)|\bcancel (?:the|my|that) (?:refund|return|exchange)\b"
    r"|(?:^|[,，。\s]|订单)[我俺]?(?:先|千万|请)?(?:别|不要|不用|不必|无需)(?:再|急着|把.{1,8})?(?:给我|帮我|替我)?(?:取消|退|改|换|合并|开)"
    r"|\b(?:don'?t|do not|never) (?:cancel|refund|return|change|exchange|merge|ship)\b"
)
_HOW = re.compile(
    r"(?:怎么|如何|怎样)(?:才能|去|办理|操作|申请)?(?:退(?!还|了|没)|换|取消|改|合并|开)"
    r"|\bhow (?:do|can|would|should) (?:i|you|we)\b|\bhow to\b"
)
#: Who bears the postage is a question on the rules, unless something is asked for.
_WHO_PAYS = re.compile(
    r"(?:运费|邮费|快递费)[^,，。;；]{0,4}(?:谁|是不是我|要我)|谁[^,，。;；]{0,3}(?:运费|邮费)"
    r"|\bwho (?:pays|covers|bears)\b"
)
#: Words on the rules of a return, which are no wish for one.
_RULES = re.compile(
    r"\b(?:return|refund|exchange|cancellation)s? (?:window|polic|period|process|rule|deadline)"
    r"|退[货款换](?:政策|规则|规定|流程|期限|时效)|影响[^,，。]{0,4}[退换]|退(?:款|的钱)?(?:是|会|能|可以)?(?:退)?[到回](?!来|去)[^,，。;；]{0,8}[吗么哪呢?？]|[退换][^,，。]{0,3}(?:几|多少)次"
    r"|\bhow (?:often|many times)\b|\btoo late (?:to|for) (?:an? )?(?:return|refund|exchange|cancel|send)|(?:过了|超过|都)[^,，。]{0,6}天[^,，。]{0,6}(?:还|能)[^,，。]{0,4}[退换](?:吗|不|么|货吗|货不)?[?？]?$|\bcan i still (?:return|exchange|refund|cancel)\b|\bcan (?:they|it) (?:still )?go back\b"
)
#: Money for goods that stay with the customer is for people to grant.
_KEEPS_GOODS = re.compile(
    r"\b(?:instead of|without) (?:returning|sending)\b|不退货[^,，。]{0,6}(?:退|补|赔)"
)
#: Another carrier is no exchange of goods.
_CARRIER = re.compile(
    r"(?:改|换)(?:成|为|发|用|走)?(?:个)?(?:顺丰|京东|中通|圆通|申通|韵达|邮政|ems|德邦|极兔|(?:别的|其他|另一?[家个])快递)"
)
_QUESTION = re.compile(
    r"[?？]|[吗么呢]$|怎么[办样]|能不能|会不会|是不是|什么|多[少久]|归谁|不$|\b(?:is|are|can|how)\b.{0,12}\b(?:i|they|it)\b|^(?:is|are|can|could|do|does|did|will|would|what|how|why|when|where|who|which)\b"
)
_PLEASE = re.compile(
    r"帮|给我|我要|我想|申请|麻烦|请(?!问)|\bplease\b|\bi(?:'d like| want| would like)\b"
)
_STAYS = re.compile(
    r"(?<![按用转跑走推拉])不动|别动|不变|照常|正常|照发|不用管|保留|留着|\balone\b|\bstays?\b|\bkeep\b|\bleave\b"
)
_MONEY_BACK = re.compile(r"退|到账|到帐|返现|钱|\brefund|\bmoney\b")
_EVERY_ORDER = re.compile(
    r"(?:所有|全部|全都|每[一个]?)的?[^,，。;；]{0,10}(?:订单|单子|[个张]单|单)"
    r"|(?:订单|单子|[两二俩三四2-4]个?[单笔])(?:全部|全都|所有|都)"
    r"|我?(?:买|订|拍|下单)的(?:东西|商品)?(?:全部|全都|都)|\beverything (?:that )?i(?:'ve| have)? (?:ordered|bought)\b"
    r"|\b(?:all|every|each|both)\b(?: of)?(?: my| the)?[\w' -]{0,24}\borders?\b"
)
_COUNTED_ORDERS = re.compile(
    r"(?<![a-z\d第])(?P<zh>[两二俩三四五2-5])个?(?:订?单|笔)|\b(?P<both>both)\b|\b(?P<en>two|three|four|five|[2-5])(?: of)?(?: my| the)? orders\b"
)
_ORDER_WORD = re.compile(r"订单|这单|那单|整单|\border\b|(?<![a-z0-9])[a-z]{0,4}\d{4,}")
_CANCELS = re.compile(
    r"取消|撤|退单|\b(?:cancel|scrap|call off|void)\b|订单[^,，。]{0,6}不要"
)
_KEEPS_GIFT = re.compile(
    r"(?:赠品|礼品|赠送?的|送的)[^,，。;；]{0,20}(?:留|不退|不还|想要|保留)|\b(?:keep|without) the (?:free )?gift\b"
)


def before_target(text: str) -> str:
    """The words of an exchange before what it is exchanged for."""
    return INTO.split(text, maxsplit=1)[0] or text


def speaks_of_refund(text: str) -> bool:
    """Tell if a text has a word for money that comes back."""
    return _MONEY_BACK.search(text) is not None


def wants_back(text: str) -> bool:
    """Tell if a text asks for the money or the order back, and for nothing else."""
    found = set(recipes_in(text))
    return bool(found) and found <= {"refund_item", "cancel_order"}


def means_every_order(text: str) -> bool:
    """Tell if a text speaks of all orders there are: "所有没发货的订单"."""
    return _EVERY_ORDER.search(text) is not None


def orders_counted(text: str) -> int:
    """How many orders a text says it is about: "两单都", "both orders"; 0 if it does not."""
    found = _COUNTED_ORDERS.search(text)
    if found is None:
        return 0
    return 2 if found["both"] else number(found["zh"] or found["en"]) or 0


def asks_human(text: str) -> bool:
    """Tell if the customer asks for a person."""
    return _HUMAN.search(text) is not None


def without_rest(text: str) -> str:
    """*text* without the clauses that say what stays as it is."""
    text = _ONCE_DONE.sub("", _FINE.sub(" ", text))
    return _KEEPS_GIFT.sub(" ", _KEEP.sub(" ", text))


def recipes_in(text: str) -> tuple[Recipe, ...]:
    """Tasks that the cleaned, folded *text* asks for, in the order of :data:`RECIPES`."""
    text = spelled(text)
    if REFUND_STATUS.search(text) and not CHASE.search(text):
        return ()
    is_rule = _WHO_PAYS.search(text) or _RULES.search(text)
    if _HOW.search(text) or _KEEPS_GOODS.search(text):
        return ()
    if is_rule and not _PLEASE.search(text):
        return ()
    rest = _CARRIER.sub(" ", without_rest(text))
    found = {name for name, cue in CUES if cue.search(rest)}
    if "change_address" in found and _COMPANY.search(rest) and not _DOOR.search(rest):
        found = found - {"change_address"} | {"reissue_invoice"}
    if "cancel_order" in found and not _ALSO.search(rest):
        # An address that is wrong is then the reason, not another wish.
        return ("cancel_order",)
    found -= _reasons(rest, found)
    return tuple(name for name in RECIPES if name in found)


def _reasons(text: str, found: set[Recipe]) -> set[Recipe]:
    """Tasks whose words are only the reason or a part of another one found."""
    drop: set[Recipe] = {low for low, high in PART_OF if low in found and high in found}
    is_claim = "replace_item" in found
    wants_money = "refund_item" in found
    if is_claim and wants_money:
        drop.add("replace_item")
    elif is_claim and REPLACE.search(text):
        drop.add("exchange_item")
    return drop


def goes_on(text: str, recipe: Recipe, other: Recipe) -> bool:
    """
    Tell if a piece that alone would ask for *recipe* goes on with *other*.

    Args:
        text: The folded piece; it names nothing of its own.
    """
    pair = (recipe, other)
    if pair == ("change_address", "reissue_invoice"):
        return _ADDRESS_WORD.search(text) is None
    if pair in PART_OF or pair in _EXPLAINED:
        return True
    return other in _HAS_FREIGHT and _DIFFERENCE.search(text) is not None


def stays(text: str) -> bool:
    """Tell if a folded piece says of what it names that it stays as it is."""
    return _STAYS.search(text) is not None


def only_asks(text: str) -> bool:
    """Tell if a folded text asks what would be, before anything is decided."""
    return _ONLY_ASKS.search(text) is not None and _DECIDES.search(text) is None


def means_the_same(text: str) -> bool:
    """Tell if a folded text asks for the wish before once more, of something else."""
    return _THE_SAME.search(text) is not None


def begins_to_keep(text: str) -> bool:
    """Tell if a folded piece says first that what it names stays."""
    return _KEEPS_FIRST.match(text) is not None


def only_stays(text: str) -> bool:
    """Tell if all that a folded piece says is that what it names does not go."""
    kept = split_kept(text)
    ends = _STAYS_ALONE.search(text) is not None and not kept.all_else_goes
    return ends and not recipes_in(kept.rest)


def wants_the_same(text: str) -> bool:
    """Tell if a folded piece asks for a new one of the same goods."""
    return SAME_ANEW.search(text) is not None


def is_forbidden(text: str) -> bool:
    """Tell if a folded piece says that something shall *not* be done."""
    return _FORBIDS.search(text) is not None


def claim_in(text: str) -> ReplacementReason | None:
    """What is wrong with goods that came, if the text says so."""
    if WRONG_ITEM.search(text):
        return "wrong_item"
    if DAMAGE.search(text):
        return "damaged"
    return "missing" if MISSING.search(text) else None


def asks_rules(text: str, intent: str) -> bool:
    """
    Tell if a folded text asks for a rule of the shop, whoever asks.

    Args:
        intent: Of the text, as the router read it; it counts for a question alone.
    """
    if _WHO_PAYS.search(text) or _RULES.search(text):
        return True
    return intent.endswith("_rule") and _QUESTION.search(text) is not None


def fault_told(text: str, intent: str) -> ReplacementReason | None:
    """
    What is wrong with goods in words that :func:`claim_in` does not know.

    Args:
        intent: Of the text, as the router read it. A question is no claim.
    """
    asks = _HOW.search(text) or _QUESTION.search(text) or only_asks(text)
    return None if asks else _FAULTS.get(intent)


def look_in(text: str) -> Look | None:
    """What the customer wants to know, if it is one of what L3 can read."""
    if REFUND_STATUS.search(text):
        return "refund_status"
    return "order_status" if ORDER_STATUS.search(text) else None


def asks_again(text: str) -> bool:
    """Tell if a text only urges to look again at what was asked before."""
    return _AGAIN.search(text) is not None


def is_whole_order(text: str) -> bool:
    """Tell if a refund is meant for everything in the order."""
    rest = without_rest(text)
    return _WHOLE.search(rest) is not None and not split_kept(rest).names


def is_whole_by_name(text: str) -> bool:
    """Tell if a text calls the whole order so."""
    return _WHOLE_BY_NAME.search(without_rest(text)) is not None


def says_cancel(text: str) -> bool:
    """Tell if a text has the verb itself; "都不要了" may be of goods alone."""
    return _CANCELS.search(text) is not None


def keeps_gift(text: str) -> bool:
    """Tell if the customer wants to keep the gift of what goes back."""
    return _KEEPS_GIFT.search(text) is not None


def wants_anew(said: str, instead: str) -> bool:
    """Tell if either side of a correction has a wish; a "wrong one" alone is none."""
    wished = set(recipes_in(instead.lower())) | set(recipes_in(said.lower()))
    return bool(wished - {"replace_item"})


def names_order(text: str) -> bool:
    """Tell if a text speaks of an order as such, by word or by id."""
    return _ORDER_WORD.search(text) is not None
