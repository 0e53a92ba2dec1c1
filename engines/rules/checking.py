"""
What can be wrong with the intents of a pack, apart from its templates.

Each check yields problems with file, line and fix; nothing is raised here, so
that a writer sees all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from engines import yamlfile
from engines.contract import Locale
from engines.rules import conditions, folding, reading
from engines.rules.forms import Choice
from engines.rules.pack import LOCALES, Intent, Lexicon
from engines.rules.reading import Reader
from engines.rules.wordrules import BadPattern, check_pattern
from engines.yamlfile import Document, Problem


_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*\Z")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


class Origin(NamedTuple):
    """Where an intent was written."""

    document: Document
    place: tuple[yamlfile.Key, ...]

    def problem(self, text: str, *inner: yamlfile.Key, fix: str = "") -> Problem:
        """Make a problem inside this intent."""
        return self.document.problem(text, *self.place, *inner, fix=fix)


def check_intents(
    intents: Mapping[str, Intent],
    origins: Mapping[str, Origin],
    lexicon: Lexicon,
) -> Iterator[Problem]:
    """All problems of all intents, in the order in which they stand."""
    readers = reading.build_readers(lexicon, intents.values())
    for intent in intents.values():
        origin = origins[intent.id]
        yield from _check_shape(intent, origin)
        yield from _check_related(intent, origin, intents)
        yield from _check_slots(intent, origin)
        yield from _check_conditions(intent, origin)
        for locale in LOCALES:
            yield from _check_patterns(intent, origin, locale)
            yield from _check_words(intent, origin, readers[locale])
            yield from _check_exclusions(intent, origin, readers[locale])
    for locale in LOCALES:
        yield from _check_examples(intents, origins, locale)


def _check_shape(intent: Intent, origin: Origin) -> Iterator[Problem]:
    if not _ID.match(intent.id):
        fix = "use small letters, digits, dots and underscores"
        yield origin.problem(f"{intent.id!r} is not an id", "id", fix=fix)
    if not 0 <= intent.priority <= 100:  # noqa: PLR2004  # as the format says
        yield origin.problem("priority must be 0 to 100", "priority")
    for locale in LOCALES:
        wording = intent.wording(locale)
        is_found = wording.examples or wording.keywords or wording.patterns
        if not intent.title.get(locale):
            yield origin.problem(f"{intent.id!r} has no {locale} title", "title")
        if not is_found:
            fix = "write examples, keywords or patterns"
            text = f"{intent.id!r} can never be found in {locale}"
            yield origin.problem(text, locale, fix=fix)
        if not intent.needs and not wording.answer.strip():
            text = f"{intent.id!r} has no {locale} answer"
            yield origin.problem(text, locale, fix="write one, or say what it needs")
        if intent.needs and wording.answer:
            text = f"{intent.id!r} is handed on, so nobody would see this answer"
            yield origin.problem(text, locale, "answer", fix="remove one of the two")


def _check_related(
    intent: Intent, origin: Origin, intents: Mapping[str, Intent]
) -> Iterator[Problem]:
    for position, name in enumerate(intent.related):
        if name not in intents:
            fix = yamlfile.nearest(name, intents)
            text = f"there is no intent {name!r}"
            yield origin.problem(text, "related", position, fix=fix)


def _check_conditions(intent: Intent, origin: Origin) -> Iterator[Problem]:
    for key, text in conditions.problems(intent.when) if intent.when else ():
        yield origin.problem(text, "when", key)
    for position, variant in enumerate(intent.variants):
        place = ("variants", position)
        for key, text in conditions.problems(variant.when):
            yield origin.problem(text, *place, "when", key)
        for locale in LOCALES:
            if not variant.answer.get(locale).strip():
                text = f"a variant of {intent.id!r} has no {locale} answer"
                yield origin.problem(text, *place, "answer", fix="write it")
    if intent.variants and (intent.slots or intent.needs):
        fix = "use cases for intents with slots"
        yield origin.problem("variants are never given here", "variants", fix=fix)


def _check_slots(intent: Intent, origin: Origin) -> Iterator[Problem]:
    known: list[str] = []
    for position, slot in enumerate(intent.slots):
        place = ("slots", position)
        if not _NAME.match(slot.name) or slot.name in known:
            text = f"{slot.name!r} is not a name of its own"
            yield origin.problem(text, *place, "name", fix="use another one")
        if isinstance(slot.check, Choice) and not slot.check.options:
            yield origin.problem("a choice needs options", *place, "check")
        yield from _check_names(slot.ask_if, known, origin, *place, "ask_if")
        known.append(slot.name)
    for position, case in enumerate(intent.cases):
        place = ("cases", position)
        yield from _check_names(case.when, known, origin, *place, "when")


def _check_names(
    names: Iterable[str],
    known: Sequence[str],
    origin: Origin,
    *place: yamlfile.Key,
) -> Iterator[Problem]:
    for name in names:
        if name not in known:
            fix = yamlfile.nearest(name, known)
            yield origin.problem(f"there is no slot {name!r}", *place, name, fix=fix)


def _check_patterns(
    intent: Intent, origin: Origin, locale: Locale
) -> Iterator[Problem]:
    for position, pattern in enumerate(intent.wording(locale).patterns):
        try:
            check_pattern(pattern)
        except BadPattern as exc:
            text = f"pattern {pattern[:60]!r}: {exc}"
            yield origin.problem(
                text, locale, "patterns", position, fix="write it without that"
            )


def _check_examples(
    intents: Mapping[str, Intent], origins: Mapping[str, Origin], locale: Locale
) -> Iterator[Problem]:
    """One utterance in two intents would be answered by chance."""
    owners: dict[str, str] = {}
    for intent in intents.values():
        for position, example in enumerate(intent.wording(locale).examples):
            key = folding.squeeze(folding.fold(example))
            place = (locale, "examples", position)
            origin = origins[intent.id]
            if not key:
                yield origin.problem("an example without words", *place, fix="drop it")
            elif owners.setdefault(key, intent.id) != intent.id:
                text = f"example {example!r} belongs to {owners[key]!r} already"
                yield origin.problem(text, *place, fix="keep it in one of them")


def _check_words(intent: Intent, origin: Origin, reader: Reader) -> Iterator[Problem]:
    """A keyword that reading drops would fit every message, or none."""
    wording = intent.wording(reader.locale)
    listed: list[tuple[tuple[yamlfile.Key, ...], str]] = [
        (("exclude", n), word) for n, word in enumerate(wording.exclude)
    ]
    for position, rule in enumerate(wording.keywords):
        if not rule.all and not rule.any:
            text, fix = "a rule without words", "list some words"
            yield origin.problem(text, reader.locale, "keywords", position, fix=fix)
        for key, words in (("all", rule.all), ("any", rule.any), ("none", rule.none)):
            listed += [
                (("keywords", position, key, n), word) for n, word in enumerate(words)
            ]
    for place, word in listed:
        if not reader.canonical(word).strip():
            text = f"the word {word!r} is a particle, so it is never seen"
            fix = "use a word that means something"
            yield origin.problem(text, reader.locale, *place, fix=fix)


def _check_exclusions(
    intent: Intent, origin: Origin, reader: Reader
) -> Iterator[Problem]:
    """An exclusion that fits the intent's own example excludes its customers."""
    wording = intent.wording(reader.locale)
    words = [reader.canonical(word) for word in wording.exclude]
    for position, example in enumerate(wording.examples):
        text = reader.canonical(example)
        for word, shown in zip(words, wording.exclude, strict=True):
            if word and word in text:
                yield origin.problem(
                    f"the example {example!r} is ruled out by the exclusion {shown!r}",
                    reader.locale,
                    "examples",
                    position,
                    fix="remove one of the two",
                )
