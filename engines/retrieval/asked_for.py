"""
What sort of figure a question asks for, and which sorts a passage holds.

"How long" wants a span of time, "多少钱" an amount: a passage with such a figure is
likelier to answer, even if it shares no word with the question.
"""

from __future__ import annotations

import re
from typing import Final

from engines.contract import Locale


_MANY: Final = r"(?:\d|[一二两三四五六七八九十百半几])"
#: Sort of figure to how it looks in a passage of any language.
_HELD: Final[dict[str, re.Pattern[str]]] = {
    "money": re.compile(
        r"[¥￥$£€]\s*\d|\d\s*(?:元|块|usd|eur|gbp|cny|rmb|yuan|dollars?|euros?|pounds?)"
        r"|\b(?:cny|usd|eur|gbp|rmb)\s*\d|(?:价|租|押金|费|元[）)]?)[^：:\n]{0,8}[：:]\s*\d"
        r"|\b(?:price|fee|cost|rent|deposit|charge)s?\b[^:\n]{0,12}:\s*\d|免费|\bfree\b"
    ),
    "time": re.compile(
        rf"{_MANY}\s*个?(?:多)?(?:工作日|自然日|天|日|小时|分钟|秒|周|星期|个月|月|年)"
        r"|\b(?:\d+|one|two|three|four|five|six|seven|ten|twelve|same|next)[\s-]*(?:working |business |calendar )?"
        r"(?:day|hour|hr|minute|min|second|week|month|year)s?\b|当天|次日|永久|终身|\blifetime\b"
    ),
    "clock": re.compile(
        r"\d{1,2}\s*[:：]\s*\d{2}|\d\s*点|\b\d{1,2}\s*(?:am|pm|a\.m\.|p\.m\.)|周[一二三四五六日末]"
        r"|星期[一二三四五六日天]|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b"
    ),
    "weight": re.compile(
        rf"{_MANY}\s*(?:公斤|千克|克|斤|kg|g\b|grams?|kilo|lbs?|pounds?|oz)|重量|净重|\bweight\b"
    ),
    "size": re.compile(
        rf"{_MANY}\s*(?:厘米|毫米|米|公分|寸|升|毫升|cm|mm|ml|litres?|liters?|inch|m\b|l\b)|尺寸|尺码|\b(?:dimensions?|height|width|length|diameter|capacity)\b"
    ),
    "share": re.compile(
        r"\d\s*(?:%|％|折)|[一二三四五六七八九]折|\bper ?cent\b|百分之"
    ),
}
#: Sort of figure to how a question asks for it.
_ASKED: Final[dict[Locale, dict[str, re.Pattern[str]]]] = {
    "zh": {
        "money": re.compile(
            r"多少钱|几块|多少块|(?:要|给|付|交|收|得|是|押)多少(?!天|小时|个|人|期|次)|多少(?:呢|呀|啊)?[?？]?$|什么价|价格|价钱|售价|卖多少|多少元|收费|怎么收|租金|押金|要钱|(?:运|邮|快递)费"
        ),
        "time": re.compile(
            r"多久|多长时间|几天|几个?月|几年|几个?小时|多少天|多少小时|什么时候(?:能|会)?(?:到|退|发)|啥时候|何时|几时|时限|之内"
        ),
        "clock": re.compile(
            r"几点|哪天|哪几天|周几|星期几|礼拜几|什么时间|(?:周|星期)[一二三四五六日天末]|开门|营业|上班|下班"
        ),
        "weight": re.compile(r"多重|多少(?:公?斤|克)|重量|重不重"),
        "size": re.compile(
            r"多大|多长(?!时间)|多宽|多高|多粗|多深|多厚|多少(?:升|毫升|厘米|寸)|尺寸|容量"
        ),
        "share": re.compile(r"几折|折扣|打折|多少折|百分之几|浓度|含量"),
    },
    "en": {
        "money": re.compile(
            r"\bhow much\b(?! (?:coffee|water|of|do i have to wait|time|longer))|\bcosts?\b|\bprices?\b|\bpostage\b|\bfees?\b|\bcharges?\b"
        ),
        "time": re.compile(
            r"\bhow (?:long|soon|quickly|fast|many (?:days|hours|weeks|months|years))\b|\bwhen (?:will|do|does|can|is)\b"
        ),
        "clock": re.compile(
            r"\bwhat time\b|\bwhich days?\b|\bwhen .{0,24}\b(?:open|close)|\bopening\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\bwhat days?\b"
        ),
        "weight": re.compile(r"\bhow heavy\b|\bweigh"),
        "size": re.compile(
            r"\bhow (?:big|large|tall|high|deep|thick|wide|long is)\b|\bdimensions?\b|\bcapacity\b"
        ),
        "share": re.compile(
            r"\bdiscounts?\b|\bmoney off\b|\bper ?cent\b|\bhow much off\b"
        ),
    },
}


def sorts_held(text: str) -> list[str]:
    """Sorts of figures in lower-case *text*."""
    return [sort for sort, pattern in _HELD.items() if pattern.search(text)]


def sorts_asked(text: str, locale: Locale) -> list[str]:
    """Sorts of figures that lower-case *text* asks for."""
    return [sort for sort, pattern in _ASKED[locale].items() if pattern.search(text)]
