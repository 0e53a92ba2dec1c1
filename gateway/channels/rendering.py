"""
From events of a conversation to pieces that a channel can show.

Texts are cut by the channel's own measure, at sentences where there are some,
never inside what a reader sees as one character. What was cut joins again to
the very same text, so that "how much was delivered" is a number of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import msgspec

from engines.contract import ActionRef
from gateway.channels.contract import Unit, Who
from gateway.outcome import EventOut


#: State of an action that waits for the customer's word.
_ASKS = "proposed"
#: States of a handoff after which the machine has the conversation.
_RETURNED = frozenset({"closed", "abandoned"})
#: Put in front of what a machine or a person says, by language.
_MACHINE = {"zh": "【智能客服】", "en": "[AI] "}
#: What a customer may answer to a proposal.
_CONSENT = {"zh": ("确认", "取消"), "en": ("Yes", "No")}
_SPELLED = {"zh": "（请回复：{}）", "en": "(Please reply: {})"}
#: At the end of the last piece that the window leaves room for.
MORE = {
    "zh": "\n（回复任意内容查看后面的部分）",
    "en": "\n(Reply anything for the rest)",
}
_HAN = re.compile(r"[\u3400-\u9fff]")
#: Where a reader expects a break, best first.
_BREAKS = (
    re.compile(r"\n\n+"),
    re.compile(r"\n"),
    re.compile(r"[。！？!?；;]+[”’」』)）]*\s*|\.\s+"),
    re.compile(r"[，,、\s]+"),
)
#: A cut may give away so much of a full piece for a better place.
_SLACK = 0.5

_KINDS: dict[str, Who] = {
    "reply": "machine",
    "operator": "operator",
    "notice": "notice",
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One event as it is shown."""

    n: int
    who: Who
    text: str
    choices: tuple[str, ...] = ()
    handoff: str = ""
    is_returned: bool = False


def language(text: str) -> str:
    """Language of our own words around *text*."""
    return "zh" if _HAN.search(text) else "en"


def line_of(event: EventOut, *, choices: int, labels_machine: bool) -> Line | None:
    """How an event is shown; None for what the customer wrote, or empty ones."""
    who = _KINDS.get(event.kind)
    if who is None or not event.text:
        return None
    words = language(event.text)
    asked = _CONSENT[words] if _asks(event.actions) else ()
    text = _named(event, words, labels_machine=labels_machine)
    if len(asked) > choices:
        text, asked = spelled(text, asked), ()
    return Line(
        n=event.n,
        who=who,
        text=text,
        choices=asked,
        handoff=event.handoff.id if event.handoff else "",
        is_returned=event.handoff is not None and event.handoff.state in _RETURNED,
    )


def spelled(text: str, choices: Sequence[str]) -> str:
    """Choices as words, for who can show no buttons."""
    if not choices:
        return text
    return f"{text}\n{_SPELLED[language(text)].format(' / '.join(choices))}"


def _asks(actions: Sequence[ActionRef]) -> bool:
    return any(action.state == _ASKS for action in actions)


def _named(event: EventOut, words: str, *, labels_machine: bool) -> str:
    if event.kind == "operator" and event.operator:
        return f"{event.operator}: {event.text}"
    if event.kind == "reply" and labels_machine:
        return _MACHINE[words] + event.text
    return event.text


def measure(text: str, unit: Unit) -> int:
    """Length of *text* as the platform counts it."""
    if unit == "bytes":
        return len(text.encode("utf-8", "surrogatepass"))
    if unit == "utf16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text)


def split(text: str, most: int, unit: Unit) -> list[str]:
    """
    Cut *text* into parts of at most *most*; joined they are *text* again.

    A single grapheme longer than *most* is cut between its characters.
    """
    return list(_parts(text, most, unit))


def _parts(text: str, most: int, unit: Unit) -> Iterator[str]:
    while measure(text, unit) > most:
        end = _cut(text, most, unit)
        yield text[:end]
        text = text[end:]
    if text:
        yield text


def _cut(text: str, most: int, unit: Unit) -> int:
    """Characters of the first part."""
    widest = _fitting(text, most, unit)
    for pattern in _BREAKS:
        ends = [m.end() for m in pattern.finditer(text, 0, widest)]
        if ends and ends[-1] >= widest * _SLACK:
            return ends[-1]
    end = widest
    while end > 1 and not _is_border(text, end):
        end -= 1
    return end if end > 1 or _is_border(text, 1) else max(widest, 1)


def _fitting(text: str, most: int, unit: Unit) -> int:
    """Most characters that fit; at least one."""
    low, high = 1, min(len(text), most)
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle], unit) <= most:
            low = middle
        else:
            high = middle - 1
    return low


def _is_border(text: str, at: int) -> bool:
    """Whether a reader sees two characters before and after *at*."""
    before, after = text[at - 1], text[at]
    if before == "\u200d" or _joins(after):
        return False
    if _is_flag(before) and _is_flag(after):
        run = 0
        while run < at and _is_flag(text[at - 1 - run]):
            run += 1
        return run % 2 == 0
    return not (before == "\r" and after == "\n")


def _joins(character: str) -> bool:
    """Combining marks, joiners, variation selectors, skin tones."""
    code = ord(character)
    return (
        character == "\u200d"
        or 0xFE00 <= code <= 0xFE0F  # noqa: PLR2004 - variation selectors
        or 0x1F3FB <= code <= 0x1F3FF  # noqa: PLR2004 - skin tones
        or unicodedata.category(character) in {"Mn", "Me", "Mc"}
    )


def _is_flag(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF  # noqa: PLR2004 - regional indicators
