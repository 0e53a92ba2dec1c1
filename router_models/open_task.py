"""
What a conversation is in the middle of, when all we have is its lines.

In the gateway the engine that asked says so itself (``Turn.open_task``). Rows from
elsewhere carry no such thing, so the shop's last line is read: does it ask for
something, or for consent to something it would do? A plain heuristic, on purpose: it
reads questions of the usual wordings and says None to everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import re2

from engines.contract import Complexity, OpenTask, Risk, Utterance
from router_models.policy import tier_of
from router_models.text import clean


class Asked(NamedTuple):
    """
    What the shop's last line asks for.

    Attributes:
        waits_for: Slot name, or ``consent``.

        at: Place in the context of the shop's line.

        request_at: Place in the context of the customer's line that the task
            most likely began with; None if there is none.
    """

    waits_for: str
    at: int
    request_at: int | None


#: Characters of the shop's line that are read, from its end, and sentences.
_TAIL, _SENTENCES = 300, 3
#: Customers answer in pieces: so many of their lines leave a question open.
_PIECES = 2

#: The shop waits: what it asked before is still open.
_PAUSE = re2.compile(
    r"(?:好的?|嗯+|没关系|没事|没问题|不着?急|您?慢慢(?:找|来|看)|等您|[亲哦呢的哈~,，。!！ ])+"
    r"|(?:(?:ok|okay|sure|of course|no (?:problem|worries|rush)|take your time|all right|alright)[,.! ]*)+"
)

#: What a card or a picture leaves in a line of text.
_CARD = re2.compile(r"\[[^\]]*\]")
_SENTENCE = re2.compile(r"[^.。!！?？;；\n]+[.。!！?？;；\n]*")
_OFFER_OF_HELP = re2.compile(
    r"(?:还有|其他|别的|还需要).{0,12}(?:需要|问题|可以帮|能帮|帮您|帮到|咨询|吗)|问题.{0,4}解决|满意"
    r"|(?:什么|哪些|啥|怎么).{0,6}(?:可以帮|能帮|能为|可以为|帮到|帮您|需要帮|帮助|协助)|想(?:咨询|了解|问)"
    r"|anything (?:else|i can)|(?:有|任何)(?:什么)?问题|(?:how|what|where) (?:can|may|could|else can) (?:i|we) (?:help|do|assist)"
    r"|(?:is there|do you have) (?:any|some)(?:thing)?(?: other| more| further| else)"
    r"|what (?:is it|is this) (?:about|regarding)|what would you like to know|whats it about|which product is it about"
    r"|接.{0,4}(?:人工|同事)|(?:connect|transfer) you|hand you over|leave a ticket"
)
#: Shops drop the mark: 请问查哪一个, 您什么时间方便, 您看行不行.
_UNMARKED = re2.compile(
    r"(?:请问|您|你|亲|麻烦|要|是).{0,24}(?:哪|什么|多[少大久长高]|几|谁|啥|咋|怎么样|怎样)[^都也就]{0,8}$"
    r"|(?:行不行|好不好|可不可以|对不对|是不是|要不要|有没有|能不能|方便不)"
    r"|您(?:看(?:看|下|一下)?|希望|想要|倾向)(?:$|[ ,，:：①1])|(?:您|请问).{0,14}还是.{1,10}$|您.{0,4}方便的时间$|(?:为啥|为什么).{0,6}$|[没否]$|哪一?[件个款双条台单].{0,3}$"
)
_OPEN = re2.compile(
    r"什么|哪|多[少大久长高]|几|谁|怎么|为何|还是"
    r"|\b(?:what|which|where|when|who|why|how)s?\b|\bor\b"
)
_CONSENT = re2.compile(
    r"(?:确认|同意|可以|是否|要不要|需要|接受|行|好|对|要|ok|帮您|给您|为您).{0,40}(?:(?:吗|嘛|吧|么|不|呢|可否)(?:[ ~,，.。!！?？;；哈哦呀]|$)|[?？])"
    r"|(?:回复|回覆|输入|发送|请回|点击).{0,6}(?:是|确认|确定|同意|好|1)"
    r"|可以(?:帮|给|为)您.{0,20}(?:[。,，~哦哈]|$)"
    r"|请(?:您)?(?:再)?(?:确认|核对)|核对一下|确认一下"
    r"|\b(?:shall|should) (?:i|we)\b|\bdo you (?:want|wish|agree|confirm|accept|mean)\b"
    r"|\b(?:would|do|did) you (?:like|want|prefer) (?:me|us) to\b|\bwant (?:me|us) to\b|\bi can .{0,60}(?:\?|for you|to you)"
    r"|\bi can (?:ask|refund|offer|give|send|go up|arrange|book|make|exchange|replace|cancel|change|upgrade)\b|\byou can (?:have|get|choose|take) .{0,60}\bor\b"
    r"|\b(?:please|pls) confirm\b|\b(?:can|could|may) (?:you|i|we) (?:please )?(?:confirm|go ahead|proceed)\b"
    r"|\b(?:is|are|have|has|was|did|does) (?:that|this|it|you|the|they|everything)\b.{0,80}\?"
    r"|\b(?:ok|okay|correct|right|agreed|confirm|proceed|go ahead|fine)\s*\?"
    r"|\breply (?:with )?\"?(?:yes|confirm|ok)\b|\byes or no\b|\bif you(?:d| would) like .{0,40}\bi(?:ll| will)\b"
)
_ASKS = re2.compile(
    r"(?:请|麻烦|辛苦|劳烦|需要您|方便).{0,24}(?:提供|告诉|告知|发|输入|填写|上传|选择|选|说明|说|补充|留下|留个|报|描述|拍|回复|给我)"
    r"|(?:提供|发|告诉|告知|报|填)(?:一下|下|我|给我)|发我|(?:地址|电话|手机号?|单号|姓名|照片|尺码|颜色)(?:说|报)"
    r"|\b(?:please|pls|kindly|could you|can you|may i|can i|could i|i need|ill need|we need|i still need) .{0,30}?(?:provide|send|give|share|tell|enter|upload|type|specify|have|get|take|choose|select|describe|attach|let me know|ask|confirm)\b"
    r"|\b(?:i|we|ill|well) (?:still |also |just |only )*need (?:your|the|an?|some|one)\b"
)
#: A warning names what it forbids; it waits for nothing.
_FORBIDS = re2.compile(
    r"(?:不要|请勿|切勿|勿|别[^着担急]|不用|无需|不需要).{0,12}(?:提供|告诉|告知|发|输入|转|点|付)"
    r"|\b(?:do not|dont|never|no need to) .{0,20}(?:share|give|send|provide|enter|tell|click)\b"
)
#: What stands after the words of a sentence.
_MARKS = "。.!！;；~,， \n哈哦呀"
_SLOTS = (
    (
        "order_id",
        re2.compile(r"订单|单号|order (?:number|no|id|#)|which order|order is"),
    ),
    (
        "photo",
        re2.compile(r"照片|图片|拍|截图|视频|photo|picture|image|screenshot|video"),
    ),
    ("address", re2.compile(r"地址|寄到|送到|address|deliver(?:ed)? to|postcode|zip")),
    ("phone", re2.compile(r"手机|电话|号码|phone|mobile|contact number")),
    ("email", re2.compile(r"邮箱|邮件|e-?mail")),
    ("invoice_title", re2.compile(r"抬头|税号|invoice|tax (?:id|number)|company name")),
    (
        "reason",
        re2.compile(
            r"原因|为什么|怎么了|什么问题|reason|why|whats? (?:is |was )?wrong"
        ),
    ),
    ("time", re2.compile(r"时间|哪天|几点|什么时候|when|what time|which day|date")),
    (
        "item",
        re2.compile(r"哪件|哪一件|哪款|商品|第几|which (?:item|one|product)|what item"),
    ),
    ("variant", re2.compile(r"颜色|尺码|规格|尺寸|型号|colou?r|size|model|variant")),
    ("quantity", re2.compile(r"几件|数量|多少件|how many|quantity")),
    ("name", re2.compile(r"姓名|名字|收件人|your name|full name|recipient")),
)


def infer_open_task(context: Sequence[Utterance]) -> Asked | None:
    """
    Tell what the shop's last line in *context* waits for, if it asks.

    A line or two of the customer's after it leave the question open: they answer in
    pieces, or ask for time. An offer of further help waits for nothing.
    """
    at = _shops_last(context)
    if at is None:
        return None
    line = clean(context[at].text[-_TAIL:]).replace("'", "").replace("\u2019", "")
    waits_for = _waits_for(_CARD.sub("", line))
    if waits_for is None:
        return None
    lines = [n for n, said in enumerate(context[:at]) if said.role == "customer"]
    return Asked(waits_for, at, lines[-1] if lines else None)


def _shops_last(context: Sequence[Utterance]) -> int | None:
    """Place of the shop's last line that says anything, if not left behind."""
    pieces = 0
    for at in range(len(context) - 1, -1, -1):
        if context[at].role != "customer":
            if _PAUSE.fullmatch(clean(context[at].text[:_TAIL])) is None:
                return at
        elif (pieces := pieces + 1) > _PIECES:
            return None
    return None


def inferred_task(asked: Asked, labels: tuple[Complexity, Risk]) -> OpenTask:
    """The open task that *asked* stands for, once its request is judged."""
    complexity, risk = labels
    tier = tier_of(complexity, risk, asks_human=False, needs_person=False)
    return OpenTask(
        tier=tier,
        name="inferred",
        waits_for=asked.waits_for,
        complexity=complexity,
        risk=risk,
    )


def _waits_for(line: str) -> str | None:
    for sentence in _SENTENCE.findall(line)[: -_SENTENCES - 1 : -1]:
        if any(pattern.search(sentence) for pattern in (_OFFER_OF_HELP, _FORBIDS)):
            continue
        if _asks(sentence):
            return _slot(line)
        if _CONSENT.search(sentence) is not None or _ends(sentence, ("?", "吗", "么")):
            return "consent"
    return None


def _asks(sentence: str) -> bool:
    """True if *sentence* asks for more than a yes or no."""
    is_question = "?" in sentence or _ends(sentence, ("吗", "呢"))
    if is_question and _OPEN.search(sentence) is not None:
        return True
    bare = sentence.rstrip(_MARKS)
    return _ASKS.search(sentence) is not None or _UNMARKED.search(bare) is not None


def _ends(sentence: str, endings: tuple[str, ...]) -> bool:
    return sentence.rstrip("。.~ ").endswith(endings)


def _slot(line: str) -> str:
    found = (name for name, pattern in _SLOTS if pattern.search(line) is not None)
    return next(found, "answer")
