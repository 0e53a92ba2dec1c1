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
from stdnum.iso7064 import mod_11_2


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
    r"|[\d〇零○一二三四五六七八九幺](?:(?:[^\w○]|_)?[\d〇零○一二三四五六七八九幺]){10}"
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
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}"
)
#: Fewer digits than a phone has, or more, typed partly as words: "一三800138000".
_MIXED_RUN: Final = re.compile(
    r"(?<![0-9〇零○一二三四五六七八九幺])[1一幺](?:[ -]?[0-9〇零○一二三四五六七八九幺]){10}"
    r"(?![0-9〇零○一二三四五六七八九幺])"
)
_SPOKEN_RUNS: Final = (_SPOKEN_RUN, _MIXED_RUN)
#: Digits in groups; at most two blanks or dashes, or a dot, between groups.
_RUN: Final = re.compile(
    r"\d+(?:(?:[ -]{1,2}|\.|\) ?)\d+){0,40}(?:[ -]{0,2}[Xx](?![A-Za-z0-9]))?"
)
_GROUP: Final = re.compile(r"\d+(?:[ -]{0,2}[Xx](?![A-Za-z0-9]))?")
_BETWEEN: Final = re.compile(r"[^0-9X]")
_PHONE: Final = re.compile(r"(?:(?:00)?86)?1[3-9]\d{9}\Z")
_CARD: Final = re.compile(
    r"(?:62\d{14,17}|4\d{15}|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}"
    r"|3[47]\d{13}|35\d{14}|6(?:011|5\d\d|4[4-9]\d)\d{12})\Z"
)
#: Seldom seen, and shaped as order numbers are: only where a card is spoken of.
_RARE_CARD: Final = re.compile(r"(?:3(?:0[0-5]|[68]\d)\d{11}|4\d{18})\Z")
_CARD_WORD: Final = re.compile(r"card|卡|visa|diners", re.IGNORECASE)
#: Cards are printed in groups of four to six; longer groups are an order number's.
_MAX_CARD_GROUP: Final = 6
#: First two digits of an identity number: a province.
_PROVINCE: Final = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91)"
_ID: Final = re.compile(_PROVINCE + r"\d{4}((?:18|19|20)\d\d)(\d\d)(\d\d)\d{3}[\dX]\Z")
_OLD_ID: Final = re.compile(_PROVINCE + r"\d{4}(\d\d)(\d\d)(\d\d)\d{3}\Z")
#: "订单号：", "order no. TG" right before a number makes it the number's name.
_RECORD_BEFORE: Final = re.compile(
    r"(?:订单|单号|运单|流水|交易|编号|orders?|tracking|waybill|parcel|transaction|ref)"
    r"(?P<gap>[^\d证卡\n]{0,12})\Z",
    re.IGNORECASE,
)
_PERSON_WORD: Final = re.compile(r"card|passport|\bid\b|身份|账号|帐号", re.IGNORECASE)
_LETTERS_BEFORE: Final = re.compile(r"(?<![A-Za-z])[A-Za-z]{1,5}-?\Z")
#: Letters in front of parcel numbers: what follows is never a phone.
_CARRIER_BEFORE: Final = re.compile(
    r"(?<![A-Za-z])(?:sf|jd|jd[a-z]{1,2}|yt|yto|zto|zt|sto|yd|ems|db|dpk|jt|ht|tt|tg)"
    r"-?\Z",
    re.IGNORECASE,
)
_LOOK_BACK: Final = 40
_MIN_DIGITS: Final = 11
_MAX_DIGITS: Final = 19
#: Most digits of a phone with 0086, fewest of a card, both of an identity number.
_PHONE_DIGITS: Final = 15
_CARD_DIGITS: Final = 14
_ID_DIGITS: Final = (15, 18)


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
    readings = dict.fromkeys((folded, *(p.sub(_digits, folded) for p in _SPOKEN_RUNS)))
    for reading in readings:
        for run in _RUN.finditer(reading):
            if run.end() - run.start() >= _MIN_DIGITS and not _inside(run, found):
                found += _in_run(run, reading)
    return tuple(sorted(found))


def find_split_personal_data(
    first: str, second: str
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """
    Findings of which *first* ends with one part and *second* begins with the rest.

    People send a number in two messages. Either both have a part, or there is none.
    """
    cut = len(first)
    # Without a gap, so that "475718832513" and "5085" are one card; with one, so that
    # "2026" before a phone is not.
    for joint in ("", " "):
        for span in find_personal_data(f"{first}{joint}{second}"):
            end = span.end - cut - len(joint)
            if span.start < cut and end > 0:
                return (Span(span.start, cut, span.kind),), (Span(0, end, span.kind),)
    return (), ()


def _digits(run: re.Match[str]) -> str:
    return run[0].translate(_SPOKEN)


def _inside(run: re.Match[str], found: list[Span]) -> bool:
    return any(span.start < run.end() and run.start() < span.end for span in found)


def _in_run(run: re.Match[str], folded: str) -> Iterator[Span]:
    """Neighbouring groups of one run that together make a number, longest first."""
    groups = list(_GROUP.finditer(folded, run.start(), run.end()))
    names = _named_by(folded, run.start())
    first = 0
    while first < len(groups):
        if first:
            # "260320-659915490421257": a dash makes it the tail of one long number.
            gap = folded[groups[first - 1].end() : groups[first].start()]
            names = _Names(record=gap == "-")
        span = _longest(groups, first, names)
        if span is None:
            first += 1
            continue
        yield span
        first = next(
            (i for i, g in enumerate(groups) if g.start() >= span.end), len(groups)
        )


class _Names(NamedTuple):
    """What the words before a number say that it is."""

    record: bool = False
    parcel: bool = False
    card: bool = False


def _longest(groups: list[re.Match[str]], first: int, names: _Names) -> Span | None:
    best, digits, longest = None, "", 0
    for group in groups[first : first + _MAX_DIGITS]:
        bare = group[0] if group[0].isdigit() else _BETWEEN.sub("", group[0].upper())
        digits, longest = digits + bare, max(longest, len(bare))
        if len(digits) < _MIN_DIGITS:
            continue
        if len(digits) > _MAX_DIGITS:
            break
        kind = _kind(digits, names)
        if kind == "card" and _MAX_CARD_GROUP < longest < len(digits):
            continue
        if kind is not None:
            best = Span(groups[first].start(), group.end(), kind)
    return best


def _kind(digits: str, names: _Names) -> Kind | None:
    """What a bare number is; of a shop's record only a plain phone is one."""
    if names.parcel:
        return None
    if len(digits) <= _PHONE_DIGITS and _PHONE.match(digits):
        return "phone"
    if names.record or len(digits) < _CARD_DIGITS:
        return None
    if len(digits) in _ID_DIGITS and _is_id(digits):
        return "id"
    is_card = _CARD.match(digits) or (names.card and _RARE_CARD.match(digits))
    return "card" if is_card and luhn.is_valid(digits) else None


def _is_id(digits: str) -> bool:
    """
    A birthday in the right place and the check digit (GB 11643, ISO 7064 MOD 11-2).

    Identity numbers of before 1999 have two digits of the year and no check digit.
    Whether the first six name a district is not asked: districts come and go.
    """
    match, century = _ID.match(digits), 0
    if match is None:
        match, century = _OLD_ID.match(digits), 1900
    elif not mod_11_2.is_valid(digits):
        return False
    if match is None:
        return False
    year, month, day = (int(part) for part in match.groups())
    try:
        date(century + year, month, day)
    except ValueError:
        return False
    return True


def _named_by(folded: str, start: int) -> _Names:
    before = folded[max(0, start - _LOOK_BACK) : start]
    if _LETTERS_BEFORE.search(before):
        is_parcel = _CARRIER_BEFORE.search(before) is not None
        return _Names(record=True, parcel=is_parcel)
    match = _RECORD_BEFORE.search(before)
    return _Names(
        record=match is not None and not _PERSON_WORD.search(match["gap"]),
        card=_CARD_WORD.search(before) is not None,
    )
