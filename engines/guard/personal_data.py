"""
Find and mask what identifies a person: phones, identity numbers, cards, e-mail.

Used before logs and before any language model. Digits may be full-width,
Chinese (``一三八…``), grouped by blanks or dashes, or carry +86. Order and
parcel numbers stay: they name a record of the shop, not a person, and people
who read logs need them. Deliberately not here: names and street addresses,
which need more than a pattern, and the mapping back to the original.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final, Literal, NamedTuple

from stdnum import luhn
from stdnum.cn import ric


Kind = Literal["phone", "id", "card", "email"]


class Span(NamedTuple):
    """Where personal data stands in a text, as a slice, and what it is."""

    start: int
    end: int
    kind: Kind


#: Without any of these nothing can be found; nearly every text ends here. Eleven
#: digits are the fewest that count, and between two of them stand at most two
#: characters, of spoken ones one.
_WORTH_A_LOOK: Final = re.compile(
    r"\d(?:\D{0,2}\d){10}|[@＠]"
    r"|[〇零○一二三四五六七八九幺](?:(?:[^\w○]|_)?[〇零○一二三四五六七八九幺]){10}"
)

#: One character each, so that places in the folded text are places in the text.
_FOLD: Final = str.maketrans(
    {chr(0xFF01 + i): chr(0x21 + i) for i in range(94)}
    | dict.fromkeys("\u3000\u00a0\u2009\u202f\u200b\u200c\u200d\u2060\ufeff", " ")
    | dict.fromkeys("‐‑‒–—―－·•_/", "-")
)
#: Spoken digits are read only in runs of their own: "13800138000零点后打" is a
#: phone and a time.
_SPOKEN: Final = str.maketrans("〇零○一二三四五六七八九幺", "0001234567891")
_SPOKEN_RUN: Final = re.compile(
    r"[〇零○一二三四五六七八九幺](?:[ -]?[〇零○一二三四五六七八九幺]){10,22}"
)
_EMAIL: Final = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}"
)
#: Digits in groups; at most two blanks or dashes, or a dot, between groups.
_RUN: Final = re.compile(r"\d+(?:(?:[ -]{1,2}|\.|\) ?)\d+){0,40}[Xx]?")
_GROUP: Final = re.compile(r"\d+[Xx]?")
_PHONE: Final = re.compile(r"(?:(?:00)?86)?1[3-9]\d{9}\Z")
_CARD: Final = re.compile(
    r"(?:62\d{14,17}|4\d{15}|4\d{18}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}"
    r"|3[47]\d{13}|35\d{14}|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12})\Z"
)
_OLD_ID: Final = re.compile(r"[1-6]\d{5}(\d\d)(\d\d)(\d\d)\d{3}\Z")
#: "订单号：", "order no. TG" right before a number makes it the number's name.
_RECORD_BEFORE: Final = re.compile(
    r"(?:订单|单号|运单|流水|交易|编号|orders?|tracking|waybill|parcel|transaction|ref)"
    r"(?P<gap>[^\d证卡\n]{0,12})\Z",
    re.IGNORECASE,
)
_PERSON_WORD: Final = re.compile(r"card|passport|\bid\b|身份|账号|帐号", re.IGNORECASE)
_CARRIER_BEFORE: Final = re.compile(r"(?<![A-Za-z])[A-Za-z]{1,5}-?\Z")
_LOOK_BACK: Final = 40
_MIN_DIGITS: Final = 11
_MAX_DIGITS: Final = 19


def mask_personal_data(text: str) -> str:
    """*text* with each finding replaced by ``[phone]``, ``[id]`` and so on."""
    if not _WORTH_A_LOOK.search(text):
        return text
    spans = find_personal_data(text)
    if not spans:
        return text
    parts, at = [], 0
    for span in spans:
        parts += [text[at : span.start], f"[{span.kind}]"]
        at = span.end
    return "".join([*parts, text[at:]])


def find_personal_data(text: str) -> tuple[Span, ...]:
    """All findings of *text*, in order, without overlaps."""
    folded = text.translate(_FOLD)
    found: list[Span] = []
    if "@" in folded:
        found += (Span(m.start(), m.end(), "email") for m in _EMAIL.finditer(folded))
    spoken = _SPOKEN_RUN.sub(lambda m: m[0].translate(_SPOKEN), folded)
    for reading in (folded, spoken) if spoken != folded else (folded,):
        for run in _RUN.finditer(reading):
            if run.end() - run.start() >= _MIN_DIGITS and not _inside(run, found):
                found += _in_run(run, reading)
    return tuple(sorted(found))


def _inside(run: re.Match[str], found: list[Span]) -> bool:
    return any(span.start < run.end() and run.start() < span.end for span in found)


def _in_run(run: re.Match[str], folded: str) -> Iterator[Span]:
    """Neighbouring groups of one run that together make a number, longest first."""
    groups = list(_GROUP.finditer(folded, run.start(), run.end()))
    is_record = _names_a_record(folded, run.start())
    first = 0
    while first < len(groups):
        span = _longest(groups, first, is_record=is_record and first == 0)
        if span is None:
            first += 1
            continue
        yield span
        first = next(
            (i for i, g in enumerate(groups) if g.start() >= span.end), len(groups)
        )


def _longest(
    groups: list[re.Match[str]], first: int, *, is_record: bool
) -> Span | None:
    best, digits = None, ""
    for group in groups[first:]:
        digits += group[0].upper()
        if len(digits) > _MAX_DIGITS:
            break
        kind = _kind(digits, is_record=is_record)
        if kind is not None:
            best = Span(groups[first].start(), group.end(), kind)
    return best


def _kind(digits: str, *, is_record: bool) -> Kind | None:
    """What a bare number is; of a shop's record only a plain phone is one."""
    if len(digits) < _MIN_DIGITS:
        return None
    if _PHONE.match(digits):
        return "phone"
    if is_record:
        return None
    if ric.is_valid(digits) or _is_old_id(digits):
        return "id"
    return "card" if _CARD.match(digits) and luhn.is_valid(digits) else None


def _is_old_id(digits: str) -> bool:
    """Identity numbers of before 1999 have a birthday and no check digit."""
    match = _OLD_ID.match(digits)
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    try:
        date(1900 + year, month, day)
    except ValueError:
        return False
    return True


def _names_a_record(folded: str, start: int) -> bool:
    before = folded[max(0, start - _LOOK_BACK) : start]
    if _CARRIER_BEFORE.search(before):
        return True
    match = _RECORD_BEFORE.search(before)
    return match is not None and not _PERSON_WORD.search(match["gap"])
