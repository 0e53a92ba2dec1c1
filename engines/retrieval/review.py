"""
What is wrong with a shop's knowledge: contradictions, expired passages, duplicates.

Two passages contradict each other if they stand under the same heading, or say
nearly the same words, and name different figures of one kind. That is a suspicion
for a person to settle, told with both places.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, Literal

import msgspec

from engines.guard.figures import Figure, figures
from engines.retrieval.documents import Passage
from engines.retrieval.instructions import instructs
from engines.retrieval.language import clean


FindingKind = Literal["contradiction", "expired", "not_yet", "duplicate", "instruction"]

#: Figures that customers hold a shop to.
_BINDING: Final = frozenset({"money", "share", "span", "date"})
_FIGURE: Final = re.compile(r"[\d一二三四五六七八九十百千万两半.,:：/%-]+")
#: Passages that share one of so many are compared; more would be boilerplate.
_MAX_GROUP: Final = 50
#: Shorter sentences mean something else under another heading.
_MIN_SENTENCE: Final = 8


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """
    One thing to look at.

    Attributes:
        where: The passage; *other* the one it disagrees with, if any.
    """

    kind: FindingKind
    where: str
    text: str
    other: str = ""


def review(passages: Sequence[Passage], on: date) -> list[Finding]:
    """Everything suspicious about *passages* on the day *on*."""
    return [
        *_outdated(passages, on),
        *_twice(passages),
        *_instructing(passages),
        *_contradictions([p for p in passages if _holds(p, on)]),
    ]


def _instructing(passages: Iterable[Passage]) -> Iterator[Finding]:
    for one in passages:
        for sentence in filter(instructs, one.sentences):
            text = f"talks to a machine, never said: {sentence[:80]}"
            yield Finding(kind="instruction", where=_place(one), text=text)


def _holds(passage: Passage, on: date) -> bool:
    until = passage.header.effective_until
    return passage.header.effective_from <= on and (until is None or on <= until)


def _outdated(passages: Iterable[Passage], on: date) -> Iterator[Finding]:
    for one in passages:
        until = one.header.effective_until
        if until is not None and until < on:
            text = f"held until {until}; it is never found"
            yield Finding(kind="expired", where=_place(one), text=text)
        elif one.header.effective_from > on:
            text = f"holds from {one.header.effective_from}"
            yield Finding(kind="not_yet", where=_place(one), text=text)


def _twice(passages: Iterable[Passage]) -> Iterator[Finding]:
    first: dict[tuple[str, str], Passage] = {}
    for one in passages:
        key = (clean(one.heading).lower(), clean(one.text).lower())
        other = first.setdefault(key, one)
        if other is not one:
            text = f"says word for word what {_place(other)} says"
            yield Finding(
                kind="duplicate", where=_place(one), text=text, other=other.id
            )


def _contradictions(passages: Sequence[Passage]) -> Iterator[Finding]:
    groups: dict[tuple[object, ...], list[Passage]] = defaultdict(list)
    for one in passages:
        products = one.header.products
        heading = clean(one.heading).lower()
        groups["heading", one.locale, products, heading].append(one)
        # Rows of a table share their labels and differ in what is behind them.
        for sentence in () if "/" in one.header.id else one.sentences:
            words = _FIGURE.sub("#", clean(sentence).lower())
            if "#" in words and len(words) >= _MIN_SENTENCE:
                groups["sentence", one.locale, products, words].append(one)
    told: set[tuple[str, str]] = set()
    for key, group in groups.items():
        for first, second in _pairs(group):
            why = _differ(first, second, str(key[3]) if key[0] == "sentence" else "")
            if why and (first.id, second.id) not in told:
                told.add((first.id, second.id))
                yield Finding(
                    kind="contradiction",
                    where=_place(second),
                    text=f"{why}; see {_place(first)}",
                    other=first.id,
                )


def _pairs(group: list[Passage]) -> Iterator[tuple[Passage, Passage]]:
    if len(group) <= _MAX_GROUP:
        for number, first in enumerate(group):
            yield from ((first, second) for second in group[number + 1 :])


def _differ(first: Passage, second: Passage, words: str) -> str:
    """What two passages disagree on; in the sentence *words*, if given."""
    if first.id == second.id:
        return ""
    one, other = (_binding(p, words) for p in (first, second))
    for kind in sorted(_BINDING):
        ours = {f for f in one if f.kind == kind}
        theirs = {f for f in other if f.kind == kind}
        if ours and theirs and not ours & theirs:
            return f"{kind}: {_said(theirs)} here, {_said(ours)} there"
    return ""


def _binding(passage: Passage, words: str) -> frozenset[Figure]:
    sentences = [
        s
        for s in passage.sentences
        if not words or _FIGURE.sub("#", clean(s).lower()) == words
    ]
    found = figures("\n".join(sentences))
    return frozenset(figure for figure in found if figure.kind in _BINDING)


def _said(found: Iterable[Figure]) -> str:
    return ", ".join(sorted(f"{one.value} {one.unit}".strip() for one in found))


def _place(passage: Passage) -> str:
    return f"{passage.path}:{passage.place or passage.line} ({passage.heading[:60]})"
