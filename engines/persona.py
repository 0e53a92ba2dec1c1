"""
How a shop sounds: what is put around an answer, and what is never said.

A persona is part of a voice file. It is applied to the answers of all tiers
alike, after they were checked, and never touches citations or actions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from engines.contract import Answer, Emotion, Locale, Turn


_CJK = re.compile(r"[\u3400-\u9fff]")
_SENTENCE_END = re.compile(r"[。！？!?\n]|\.(?=\s|\Z)")

#: Shorter limits leave no room for a sentence.
MIN_LIMIT: Final = 40


class Lines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line in the languages of the house."""

    zh: str
    en: str


class Tone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said before and after an answer to a customer of one mood."""

    opening: Lines | None = None
    closing: Lines | None = None


class Forbidden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Words that never leave, by language; looked for in answers of any language.

    Each names what takes its place; with nothing in its place the whole answer is
    held back, and the turn goes on to the next tier.
    """

    zh: dict[str, str] = {}
    en: dict[str, str] = {}


class Persona(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    How a shop sounds.

    Attributes:
        tones: By mood of the customer: ``calm``, ``annoyed``, ``angry``.

        limits: Longest answer by channel, in characters. What is longer ends at
            a sentence; answers with a task or an action stay whole.
    """

    tones: dict[Emotion, Tone] = {}
    forbidden: Forbidden = Forbidden()
    limits: dict[str, int] = {}


class Dresser:
    """A persona compiled; immutable, one serves all turns of a shop."""

    def __init__(self, persona: Persona) -> None:
        self._tones = persona.tones
        self._limits = persona.limits
        words = {**persona.forbidden.zh, **persona.forbidden.en}
        self._instead = {word.lower(): new for word, new in words.items()}
        self._pattern = _pattern(self._instead)

    def dress(self, answer: Answer, turn: Turn, emotion: Emotion) -> Answer | None:
        """Answer as this shop says it; None if it holds what must not be said."""
        locale: Locale = "zh" if _CJK.search(answer.text) else "en"
        body = self._allowed(answer.text)
        if body is None:
            return None
        text = self._fit(body, self._around(body, locale, turn, emotion), answer, turn)
        return (
            answer
            if text == answer.text
            else msgspec.structs.replace(answer, text=text)
        )

    def leaves(self, turn: Turn, emotion: Emotion) -> bool:
        """True if an answer without forbidden words is said as it is."""
        return emotion not in self._tones and turn.channel not in self._limits

    def forbids(self, text: str) -> str:
        """Forbidden word of *text*; empty if there is none."""
        found = self._pattern.search(text) if self._pattern else None
        return found.group() if found else ""

    def _allowed(self, text: str) -> str | None:
        pattern, instead = self._pattern, self._instead
        if pattern is None:
            return text
        if any(not instead[hit.lower()] for hit in pattern.findall(text)):
            return None
        return pattern.sub(lambda hit: instead[hit.group().lower()], text)

    def _around(self, text: str, locale: Locale, turn: Turn, emotion: Emotion) -> str:
        """Put opening and closing around *text*, unless they were just said."""
        tone = self._tones.get(emotion)
        if tone is None:
            return text
        said = next(
            (u.text for u in reversed(turn.history) if u.role != "customer"), ""
        )
        joint = "" if locale == "zh" else " "
        opening = getattr(tone.opening, locale, "")
        closing = getattr(tone.closing, locale, "")
        parts = [one for one in (opening,) if one and one not in said]
        parts.append(text)
        parts += [one for one in (closing,) if one and one not in said]
        return joint.join(parts)

    def _fit(self, body: str, whole: str, answer: Answer, turn: Turn) -> str:
        limit = self._limits.get(turn.channel)
        if limit is None or len(whole) <= limit:
            return whole
        if len(body) <= limit or answer.open_task or answer.actions:
            return body
        ends = [hit.end() for hit in _SENTENCE_END.finditer(body, 0, limit)]
        return body[: ends[-1]].rstrip() if ends else body


def problems(persona: Persona) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Place, text and fix of everything that is wrong with a persona."""
    dresser = Dresser(persona)
    for channel, limit in persona.limits.items():
        if limit < MIN_LIMIT:
            text = f"a limit of {limit} characters leaves no room for a sentence"
            yield ("limits", channel), text, f"allow {MIN_LIMIT} or more"
    for mood, tone in persona.tones.items():
        for name in ("opening", "closing"):
            line = getattr(tone, name)
            for locale in ("zh", "en") if line else ():
                word = dresser.forbids(getattr(line, locale))
                if word:
                    place = ("tones", mood.value, name, locale)
                    yield place, f"{word!r} is forbidden", "say it otherwise"


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """Any of *words*; Latin ones whole, also between Chinese characters."""
    ordered = sorted(words, key=len, reverse=True)
    found = [
        rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])"
        if word.isascii()
        else re.escape(word)
        for word in ordered
    ]
    # ASCII: else ı and ſ would match i and s, and their lower case be no word of ours.
    return re.compile("|".join(found), re.IGNORECASE | re.ASCII) if found else None
