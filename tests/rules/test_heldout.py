"""
Questions that nobody who wrote the packs has seen, and how many are answered right.

``heldout/zh.jsonl`` and ``heldout/en.jsonl`` were written from the names and answers of
the intents alone, without a look at the examples. A line is ``{text, locale, intent}``;
``none`` marks what L1 must leave alone. Never copy a line into a pack: a line that is an
example is not counted.
"""

from __future__ import annotations

import functools
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from engines.contract import Locale
from engines.rules.engine import RulesEngine
from engines.rules.folding import fold, squeeze
from engines.rules.matcher import Match


FOLDER = Path(__file__).parent / "heldout"
LOCALES: tuple[Locale, ...] = ("zh", "en")
NONE = "none"

#: What the packs reach today; raise these with every gain, never lower them.
LEAST_RIGHT = {"zh": 0.73, "en": 0.72}
MOST_WRONG = {"zh": 0.02, "en": 0.02}
MOST_FALSE = {"zh": 0.04, "en": 0.03}


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a held-out file."""

    text: str
    locale: Locale
    intent: str


@functools.cache
def lines(locale: Locale) -> tuple[Line, ...]:
    text = (FOLDER / f"{locale}.jsonl").read_text("utf-8")
    return tuple(msgspec.json.decode(row, type=Line) for row in text.splitlines())


def unseen(engine: RulesEngine, locale: Locale) -> list[Line]:
    """The lines that are no example of a pack."""
    known = {
        squeeze(fold(text))
        for intent in engine.intents
        for text in intent.wording(locale).examples
    }
    return [one for one in lines(locale) if squeeze(fold(one.text)) not in known]


def outcome(engine: RulesEngine, line: Line) -> Literal["right", "wrong", "left"]:
    """A typed hand-on counts as left: nobody was told a falsehood."""
    found = engine.match(line.text, line.locale)
    if not isinstance(found, Match) or found.intent.needs:
        return "right" if line.intent == NONE else "left"
    return "right" if found.intent.id == line.intent else "wrong"


def test_the_files_are_large_and_clean(engine: RulesEngine) -> None:
    """2,000 lines, 300 of them for other tiers, no text twice, no unknown intent."""
    every = [one for locale in LOCALES for one in lines(locale)]
    assert len(every) >= 2_000
    assert sum(one.intent == NONE for one in every) >= 300
    texts = Counter((one.locale, one.text) for one in every)
    assert [text for text, times in texts.items() if times > 1] == []
    known = {intent.id for intent in engine.intents if not intent.needs} | {NONE}
    assert sorted({one.intent for one in every} - known) == []


@pytest.mark.parametrize("locale", LOCALES)
def test_few_lines_have_become_examples(engine: RulesEngine, locale: Locale) -> None:
    """Nine of ten lines are still unseen, or the files must be written anew."""
    assert len(unseen(engine, locale)) >= 0.9 * len(lines(locale))


@pytest.mark.parametrize("locale", LOCALES)
def test_unseen_questions_are_answered_no_worse_than_before(
    engine: RulesEngine, locale: Locale
) -> None:
    """Right and wrong answers keep to the floors above."""
    asked = [one for one in unseen(engine, locale) if one.intent != NONE]
    found = Counter(outcome(engine, one) for one in asked)
    assert found["right"] >= LEAST_RIGHT[locale] * len(asked), found
    assert found["wrong"] <= MOST_WRONG[locale] * len(asked), found


@pytest.mark.parametrize("locale", LOCALES)
def test_what_belongs_to_other_tiers_is_left_alone(
    engine: RulesEngine, locale: Locale
) -> None:
    """Requests, look-ups and dangers get no fixed text."""
    other = [one for one in lines(locale) if one.intent == NONE]
    false = [one.text for one in other if outcome(engine, one) == "wrong"]
    assert len(false) <= MOST_FALSE[locale] * len(other), false
