"""
Tell a question about one's own order or parcel from one about the shop's rules.

Both are asked in the same words: "when does it arrive", "when does it arrive
if I order today". Three cues are weighed together: whether it is what *anyone*
may ask, what shows that it is the customer's *own*, and what is asked about
it. Rules only, for Chinese and English.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from engines.contract import Locale


class _Cues(msgspec.Struct, frozen=True, kw_only=True):
    """
    What to look for in one language.

    Attributes:
        anyone: Asked of the shop's rules, or before buying.

        own: Shows that the customer has bought.

        parcel: Asks where something is by itself.

        thing: A parcel, an order, or a number of either.

        place: Asks where, of whatever was named.

        arriving: Asks when, or whether, something arrives.

        at_hand: The same, and asked by nobody who waits for nothing.

        money: A refund, an invoice: what comes is no parcel.

        shipped: Asks whether something has left.

        shipping: Asks when something will leave.

        state: Asks how far an order is.

        listed: Asks for the orders themselves.

        several: More than one order is meant.

        names: Says what it is about.

        waiting: Asks how long, and nothing else.
    """

    anyone: re.Pattern[str]
    own: re.Pattern[str]
    parcel: re.Pattern[str]
    thing: re.Pattern[str]
    place: re.Pattern[str]
    arriving: re.Pattern[str]
    at_hand: re.Pattern[str]
    money: re.Pattern[str]
    shipped: re.Pattern[str]
    shipping: re.Pattern[str]
    state: re.Pattern[str]
    listed: re.Pattern[str]
    several: re.Pattern[str]
    names: re.Pattern[str]
    waiting: re.Pattern[str]


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_NUMBER: Final = r"(?<![A-Za-z\d])[A-Za-z]{1,4}-?\d{2,}|(?<!\d)\d{8,}"
_ZH_WHEN: Final = r"(?:什么时候|啥时候|啥时|几时|何时|哪一?天|几号|多久|多长时间|几天)"
_ZH_DAY: Final = (
    r"(?:今天|今日|今晚|明天|明早|后天|周末|周[一二三四五六日天]|这周|本周|\d+[号日])"
)
_ZH_TIMES: Final = r"第[一二三四五两\d]"
_EN_THING: Final = (
    r"(?:(?:orders?|parcels?|packages?|deliver(?:y|ies)|shipments?|stuff|things?|items?|goods)\b"
    rf"|{_NUMBER})"
)
#: What the question is about, where it is the customer's.
_EN_OWN: Final = (
    r"(?:(?:my|mine|our)\b|(?:it|they|them|everything)\b"
    rf"|(?:the|this|that)\s+(?:\w+\s+)?{_EN_THING}|the (?:other|next|last|second|first) one\b|{_NUMBER})"
)
_EN_ARRIVE: Final = (
    r"(?:arriv\w+|com(?:e|es|ing)(?! (?:with|in|as|from|back)\b)|(?:get|be|getting) (?:here|to me)|turn\w* up|show\w* up"
    r"|(?:be )?deliver(?:ed)?|reach\w*)\b"
)


_CUES: Final[dict[Locale, _Cues]] = {
    "zh": _Cues(
        anyone=_any(
            r"一般|通常|平时|规则|政策|怎么办|怎样|如果|要是|假如|万一|怎么(?:查|看|算|赔|申请|寄)|哪里(?:查|看|能查)|在哪里?(?:查|看)"
            r"|(?:今天|现在|明天|今晚)(?:才)?(?:下单|拍下?|买|付款)|下单(?:后|以后|之后|的话)|发货(?:后|以后|之后)|付款后|指定|预售|(?:能|可以|怎么|想|要|可不可以)取消",
            r"维修|修理|安装|保价|价保|降价|差价|包邮|运费|邮费|发票|退款|积分|优惠|券|红包|验证码|短信|密码|会员|没更新|不更新|不动了"
            r"|显示.{0,4}签收|谁|退货|退回|寄回|退了|换货|少发|漏发|赔|投诉|赠品|退的?钱|到账|合并|一起发|分开发|补货|到货通知|保修",
        ),
        own=_any(
            r"(?:我|俺|咱)们?的?(?!想|要|能|可以|怎么|该)(?:家|妈|爸|朋友)?(?:的|买|订|下|拍|那|这|个|昨|前|上|单|件|快递|包裹|货|付|水|衣)",
            # Bare goods are those that were bought: "东西什么时候到".
            r"^\W*(?:东西|宝贝|包裹|快递|货)(?:大概|还|到底|究竟|会|能)*(?:什么时候|啥时候|几时|何时|哪一?天|几号)",
            rf"这(?:单|件|个|票)|那(?:单|件|个|票)|{_ZH_TIMES}[个单件票]|昨天|前天|上周|上个?月|上次|还(?:没|未|要|得|有几)|怎么还|咋还|给我|预计",
            _NUMBER,
        ),
        parcel=_any(
            r"到(?:了)?哪(?:里|儿|个站|一站|步)?了|到哪(?:里|儿)?[啦呢呀勒嘛]|走到|去咗边|到咗边|喺邊|喺边",
            r"(?:查|看|瞅|發|发我).{0,5}?(?:物流|快递|包裹|运单|單號|单号)(?!费|员|公司)",
            r"(?:物流|快递|包裹|运单|快递单?)(?:信息|進度|进度|讯息|轨迹|动态|状态|编?号(?:是?多少|是什么|发))|单号(?:是)?多少|单号发",
            r"是不是丢|丢了吗|丢件了|寄丢",
        ),
        thing=_any(
            r"快递|物流|包裹|宝贝|东西|买的|(?<!邮)件|货|(?<!菜)单|拍的|" + _NUMBER
        ),
        place=_any(
            r"在哪|到哪(?!些|个(?:国|省))|到(?:了)?(?:什么|啥)(?:地方|位置)|哪里了|哪儿了|哪了|啥位置|什么位置|哪疙瘩|哪块"
        ),
        arriving=_any(
            rf"{_ZH_WHEN}(?:才|能|可以|会|就)*[^，。！？]{{0,4}}?(?:到(?!账|期|货通知)|收到|收货|送来|送到|送达|派来|来(?!电))",
            r"(?:到|送)(?:了)?(?:没有?|吗|不)(?!问题)|到货(?:了)?(?:没|吗)|几天到|来了(?:没|吗)",
        ),
        at_hand=_any(
            rf"{_ZH_DAY}.{{0,8}}(?:能|可以|会|可|是不是|要).{{0,4}}(?:到(?!账)|送|派|收)|(?<!周末)(?:到|送达)(?:不|得了)(?:了)?[?？]?$",
            r"(?:还没|怎么没|咋没|没有|没|未|冇)(?:有)?(?:收到(?!过)|到货|到呢|送到|送来|拿到|到$|到[，。！？?])|到没到|到咗未",
            r"(?:还没|都没|没有?|一点)(?:有|个|啥|什么|半点|任何|一点)?(?:动静|音信|影子?(?!响)|消息(?!推送|提醒))",
            rf"还(?:要|得|有|需)(?:多久|几天|几日|多长时间|{_ZH_WHEN}).{{0,4}}(?:到|收|送)|预计.{{0,6}}(?:到|收|送)",
            r"派送了?(?:没|吗|中)|派件|派了|在派|配送(?:了|中)|(?:快递员|快递小哥|师傅).{0,6}(?:什么时候|几点|啥时候|多久).{0,3}(?:来|到|送)",
        ),
        money=_any(
            r"退款|退(?:的|我|了)?[^，。]{0,4}钱|钱(?!包)|退到|到账|打款|打的|发票|专票|增票|电子票|纸质票|开票|退回(?:来|原)|原路"
        ),
        shipped=_any(
            r"(?<!合并)(?<!一起)(?<!分开)(?<!可以)(?<!能)(?:发货|发出|寄出|出库|出货|发)(?:了|来了?|出来了?|过)?(?:没有|没|吗|么|未)(?!有?[收问])|发没发|发了(?:吗|没)"
            r"|(?:还|都|也|咋|怎么|为什么|为啥|一直)(?:还)?(?:没|不|未)(?:有|给我?)?(?:发货|发出|发$|发呢?[，。！？?]|出库)",
        ),
        shipping=_any(rf"{_ZH_WHEN}.{{0,6}}(?:发货|发出|寄出|发$|发[呀啊呢？?])"),
        state=_any(
            r"(?:订?单|单子|单号|拍的|买的|下的单).{0,8}(?:状态|情况|怎么样|咋样|进度|处理|到哪一步|什么样|正常|取消了?没)|^\W*订单状态"
            rf"|(?:{_NUMBER}).{{0,6}}(?:状态|情况|怎么样|咋样|进度|处理)",
            r"我?.{0,8}(?:付款|支付|付钱|下单|取消|下好单|拍下)(?:是不是|有没有)?(?:成功了?|好了?|上了?|了)(?:吗|没有?|么)(?!问题)",
        ),
        listed=_any(
            r"(?:看|查)(?:一?下|询|看|一查)?(?:我|俺|我们)?的?.{0,4}(?:订单|单子)",
            rf"(?:{_NUMBER})\s?(?:都|全)?是我的|^\W*(?:那|这|它)?们?(?:几个|两个|些)?单?(?:分别|各自)(?:是|有|买的是?)(?:啥|什么|哪)",
            r"(?:我|俺).{0,3}(?:有|下).{0,3}(?:几|哪|多少|什么|啥).{0,3}单|^\W*我的(?:全部|所有)?订单\W*$",
            r"^(?!.*(?:知道|泄|人家|别人|他)).*(?:我|俺).{0,6}(?:都)?(?:买|下|订|拍)(?:了|过)?(?:些|几|哪些|多少|什么|啥)",
            rf"订单(?:号)?\s*(?:是)?(?:{_NUMBER})\W*$",
        ),
        several=_any(
            r"那些|这些|哪些|全部|所有|都|分别|各自|几个?单|几个订单|[两二三四2-9]个?订?单|[买下拍]了?过?(?:些|什么|啥)"
        ),
        names=_any(
            r"快递|物流|包裹|货|宝贝|东西|买的|件|单|拍的|换的|新的|衣|" + _NUMBER
        ),
        waiting=_any(
            rf"^\W*(?:那|大概|还|要|需要|得|一般)*(?:{_ZH_WHEN})(?:呢|啊|呀|才行|可以|能|到|好|\W)*$"
        ),
    ),
    "en": _Cues(
        anyone=_any(
            r"\busually|\bgenerally|\bnormally|\btypically|policy|\brules?\b|price protection|price drop|cheaper|free shipping|how (?:do|can|would|should) i|where (?:do|can) i"
            r"|says? delivered|marked|\breturn|refund|money back|exchange|who pays|restock|back in stock|\bwhat (?:if|happens)\b|^\W*how (?:are|do you|does your|will you)\b|\bif i\b|\bif it\b|\bwhich courier"
            r"|voucher|coupon|\bcodes?\b|points|invoice|password|e-?mail|charger\b|warranty|card\b|missing|wrong|instead|expected|notif|text me|\bdeposit|\bpre-?order|\bcall it off|\bcancel(?!led)",
            r"\b(?:do|can|could|would) you (?:deliver|ship)\b|\border (?:now|today|tonight|tomorrow)\b|\bto (?:canada|the us|europe|hong kong)\b",
        ),
        own=_any(rf"\b{_EN_OWN}", r"\bi (?:just )?(?:bought|ordered|placed|paid)\b"),
        parcel=_any(
            rf"\bwhere(?:abouts)?(?:'?s|\u2019s|\s+is|\s+are)?\s+(?:my|our|{_EN_OWN}(?:\W*$|\s+(?:now|right now|at|got to|gone|then|please|pls)\b))",
            rf"\bwhere (?:has|have|did)\s+{_EN_OWN}.{{0,12}}\b(?:got|gone|go|been)\b|\bwhere(?:'?s|\u2019s| is| are) the \w+(?: \w+)? i (?:bought|ordered)",
            rf"\btrack(?:ing)?\b.{{0,20}}(?:\bmy\b|\border\b|\bparcel\b|\bpackage\b|\bnumber\b|\bno\b|{_NUMBER}|\blink\b|\binfo\b|\bpls\b|\bplease\b|\bit\b)|^\W*tracking\W*$"
            rf"|(?:{_NUMBER}|\bmy (?:order|parcel|package)).{{0,12}}\btracking\b",
            r"^\W*(?:so |and |hi |hello )?(?:is|are|isn't)\b.{0,30}\b(?:out for delivery|on (?:its|it's|the|their) way)\b",
            r"\b(?:any|an|the latest) ?(?:update|news)?\b.{0,24}\b(?:on|about|of|with) (?:my|the) (?:\w+ )?(?:delivery|parcel|package|shipment|order)\b",
            r"\b(?:parcel|package|shipment|delivery)\b.{0,12}\b(?:status|lost|stuck)\b|\bhow far (?:is|away|along)\b.{0,20}\b(?:parcel|package|order|delivery|it)\b"
            r"|\b(?:locate|find) my (?:order|parcel|package)\b",
        ),
        thing=_any(rf"\b{_EN_THING}"),
        place=_any(r"\bwhich (?:city|town|depot) (?:is|are)\b"),
        arriving=_any(
            rf"\bwhen(?:'?s|\u2019s|'?ll| is| are| will| does| do| should| can| would)\b.{{0,40}}\b(?:{_EN_ARRIVE}|(?:get|receive|expect) (?:my|it|them)\b)",
            rf"\b(?:is|are|isn't|will|can|does|do|gonna|going to|should)\s+{_EN_OWN}.{{0,24}}\b{_EN_ARRIVE}",
            r"\beta\b|\b(?:arrive|arriving|be here|delivered) (?:today|tomorrow|tonight|on time|by|before|this|yet|soon)\b",
        ),
        at_hand=_any(
            r"\b(?:hasn'?t|haven'?t|has not|have not|isn'?t|is not|not|never|still|didn'?t|did not|nothing (?:has|have)?)\b.{0,20}"
            r"\b(?:arriv\w+|come|here|turned up|shown up|delivered|(?:received?|got(?:ten)?) (?:it|them|my (?!bill|code)\w+|anything|(?:the|any) (?:order|parcel|package|goods)))\b(?! with)"
            r"|\b(?:hasn'?t|haven'?t|not|never|still|didn'?t)\b.{0,12}\b(?:received?|gotten)\W*$"
        ),
        money=_any(
            r"\brefund|\bmoney\b|\bdollars?\b|\bbucks\b|\bcredit(?:ed)?\b|\bmy bank\b|\bbank (?:account|card)|\binvoice|goes back the way"
        ),
        shipped=_any(
            rf"\b(?:has|have|did|is|was|are|hasn'?t|had)\s+(?:you\b|{_EN_OWN}).{{0,24}}\b(?:shipped|ship|dispatched|sent|send|left|packed|posted|gone out)\b",
            r"\b(?:has|have|is|was)(?:n'?t| not| still not)\b.{0,16}\b(?:shipped|dispatched|sent)\b",
        ),
        shipping=_any(
            r"\bwhen (?:will|does|do|is|are|can)\b.{0,24}\b(?:ship|send|dispatch|leave|go out|shipped|sent)\b"
        ),
        state=_any(
            rf"\b(?:status|state|progress)\b.{{0,16}}(?:\border|{_NUMBER}|\bpurchase)|(?:\border|{_NUMBER})\b.{{0,12}}\b(?:status|doing|progress|going|confirmed|through|placed|received|processed|cancelled|packed|complete)\b",
            r"\bwhat(?:'?s|\u2019s| is)?\b.{0,12}\b(?:happening|going on|up) with (?:my|the|our) (?:\w+ )?(?:order|purchase|parcel|package)",
            r"\b(?:do|did) you (?:have|get|receive) my order\b|\b(?:did|has|is) my (?:order|payment)\b.{0,16}\b(?:go|gone|through|work|successful|accepted)\b",
            rf"\bcheck\b.{{0,10}}\border\b|\bcheck on (?:my|{_NUMBER})",
        ),
        listed=_any(
            r"^\W*(?:and |what about |how about )?my (?:last |latest |other |recent )?orders?\W*$|\b(?:show|list|see|view|look up|pull up|find|tell)\b.{0,12}\bmy (?:\w+ )?orders?\b",
            r"\bwhat (?:have|did|had) i\b.{0,8}\b(?:order|ordered|buy|bought)\b|\b(?:which|what|how many) orders? (?:do|did|have) i\b|\bwhat(?:'s| is) in (?:my )?order\b",
            rf"^\W*(?:order\s+)?(?:{_NUMBER})\W*\?\W*$",
        ),
        several=_any(
            r"\borders\b|\ball\b|\bboth\b|\beverything\b|\bhave i ordered\b|\bdid i (?:order|buy)\b"
        ),
        names=_any(
            r"\b(?:orders?|parcels?|packages?|deliver\w*|shipments?|stuff|items?|goods|box|replacement|new one)\b|"
            + _NUMBER
        ),
        waiting=_any(
            r"^\W*(?:and |so |ok )*(?:how long|when)(?: (?:does|will|would) (?:it|that|this) (?:take|be))?\W*$"
        ),
    ),
}


def asks_parcel(text: str, locale: Locale) -> bool:
    """True if *text* asks where the customer's parcel is, or when it comes."""
    cues = _CUES[locale]
    if is_anyones(text, locale):
        return False
    if cues.parcel.search(text) or cues.at_hand.search(text):
        return True
    if cues.thing.search(text) and cues.place.search(text):
        return True
    return bool(cues.arriving.search(text) and cues.own.search(text))


def asks_order(text: str, locale: Locale) -> bool:
    """True if *text* asks how far the customer's order is, or what it is."""
    cues = _CUES[locale]
    if is_anyones(text, locale):
        return False
    if cues.state.search(text) or cues.listed.search(text):
        return True
    if cues.shipped.search(text):
        return True
    return bool(cues.shipping.search(text) and cues.own.search(text))


def asks_arrival(text: str, locale: Locale) -> bool:
    """True if *text* asks when something comes or leaves; not whose it is."""
    cues = _CUES[locale]
    if is_anyones(text, locale):
        return False
    asked = (cues.arriving, cues.at_hand, cues.shipped, cues.shipping)
    return any(cue.search(text) for cue in asked)


def is_own(text: str, locale: Locale) -> bool:
    """True if *text* shows that the customer has bought something."""
    return _CUES[locale].own.search(text) is not None


def asks_when(text: str, locale: Locale) -> bool:
    """True if *text* asks when or whether it comes, and does not say what."""
    cues = _CUES[locale]
    if cues.names.search(text):
        return False
    asks = (cues.arriving, cues.at_hand, cues.waiting)
    return any(cue.search(text) for cue in asks)


def tells_of_money(text: str, locale: Locale) -> bool:
    """True if *text* speaks of money that goes back, or of an invoice."""
    return _CUES[locale].money.search(text) is not None


def means_several(text: str, locale: Locale) -> bool:
    """True if *text* speaks of more orders than one."""
    return _CUES[locale].several.search(text) is not None


def is_anyones(text: str, locale: Locale) -> bool:
    """True if *text* asks of rules or of money, not how far an order is."""
    cues = _CUES[locale]
    return bool(cues.anyone.search(text) or cues.money.search(text))
