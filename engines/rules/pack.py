"""
The format of a rule pack: what support people write.

A pack is one YAML file, or one file that names further ``parts`` beside it. A
pack may extend another one; its intents then replace those of the same id.
Every Struct here forbids unknown keys. ``loading`` reads files into these
values; nothing in this module touches a disk.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from engines.contract import Locale
from engines.rules.conditions import When
from engines.rules.forms import Case, Part, Slot, Texts


LOCALES: Final[tuple[Locale, ...]] = ("zh", "en")

#: What L1 does with an intent that it recognises but may not answer itself.
Need = Literal["read", "action", "person", "risk"]


class KeywordRule(Part, frozen=True, kw_only=True):
    """
    Words that together mean an intent.

    Words are compared after synonyms were replaced, so one word of a synonym
    group stands for all of them.

    Attributes:
        all: Each must occur.

        any: At least one must occur, if any is listed.

        none: None may occur.
    """

    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()


class Wording(Part, frozen=True, kw_only=True):
    """
    How an intent sounds in one language, and what it is answered with.

    Attributes:
        examples: Whole customer messages; matching generalises from them.

        patterns: Regular expressions (RE2, linear time) searched in the
            lower-cased message.

        exclude: Words that rule the intent out, whatever else fits.

        answer: Template over ``shop.*`` and, with slots, ``slot.*``.
    """

    keywords: tuple[KeywordRule, ...] = ()
    patterns: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    answer: str = ""


class Variant(Part, frozen=True, kw_only=True):
    """An answer that takes the place of the usual one while *when* holds."""

    when: When
    answer: Texts


class Intent(Part, frozen=True, kw_only=True):
    """
    One thing customers want.

    Attributes:
        id: Small letters, digits, dots and underscores; unique in the pack.

        title: What a reader would call it; shown as source of the answer.

        priority: 0 to 100; among intents whose rules fit, the higher wins.

        needs: Set if L1 recognises the intent but must hand it on: ``read``
            (a look-up, to L2), ``action`` (a change, to L3), ``person`` (the
            customer asks for one), ``risk`` (only people may settle it).

        slots: If there are any, the intent is a dialog.

        cases: Answers by slot values, first match; ``answer`` is the rest.

        when: The intent is only answered while this holds; else it is a miss.

        variants: Other answers for other times and channels; the first whose
            condition holds is given. Not for intents with slots.

        related: Ids of intents offered under the answer.

        closes: True if the customer's matter is finished by the answer.
    """

    id: str
    title: Texts
    zh: Wording = Wording()
    en: Wording = Wording()
    priority: int = 50
    needs: Need | None = None
    slots: tuple[Slot, ...] = ()
    cases: tuple[Case, ...] = ()
    when: When | None = None
    variants: tuple[Variant, ...] = ()
    related: tuple[str, ...] = ()
    closes: bool = False

    def wording(self, locale: Locale) -> Wording:
        """How the intent sounds in *locale*."""
        return self.zh if locale == "zh" else self.en


class Utterances(Part, frozen=True, kw_only=True):
    """Further example utterances of an intent that is written elsewhere."""

    zh: tuple[str, ...] = ()
    en: tuple[str, ...] = ()


class Words(Part, frozen=True, kw_only=True):
    """
    Words of one language that matching treats specially.

    Attributes:
        synonyms: Groups of words with one meaning; the first stands for all.

        contrasts: As synonyms, for words whose presence or absence changes
            the meaning (not, already, first, second, how, I want).

        social: Greetings and thanks, in groups; dropped when anything else is
            in the message.

        particles: Words that never mean anything.
    """

    synonyms: tuple[tuple[str, ...], ...] = ()
    contrasts: tuple[tuple[str, ...], ...] = ()
    social: tuple[tuple[str, ...], ...] = ()
    particles: tuple[str, ...] = ()


class Lexicon(Part, frozen=True, kw_only=True):
    """Special words by language."""

    zh: Words = Words()
    en: Words = Words()

    def words(self, locale: Locale) -> Words:
        """Special words of *locale*."""
        return self.zh if locale == "zh" else self.en


class Phrases(Part, frozen=True, kw_only=True):
    """
    What dialogs say between question and answer.

    Attributes:
        cancelled: The customer gave up the dialog.

        back: Put before the open question after another matter was answered.

        corrected: Put before what follows a corrected value.

        related: Heads the line of related questions.

        cancel_words: Whole messages that give up a dialog, in all languages.
    """

    cancelled: Texts
    back: Texts
    corrected: Texts
    related: Texts
    cancel_words: tuple[str, ...]


class PackFile(Part, frozen=True, kw_only=True):
    """
    The head file of a pack.

    Attributes:
        pack: Name; other packs extend it by this name.

        version: Of the writer's choosing; a digest of the content is added.

        extends: Name of the pack below; ``NAME.yaml`` beside this file, or a
            pack that was given to the loader before this one.

        parts: Further files, relative to this one; they hold intents and words.

        remove: Ids of inherited intents that this pack does not want.

        utterances: By id of an intent, also an inherited one, examples that are
            added to its own.

        wordless: Id of the intent for messages without letter or digit.

        speaks_for_shop: Its answers state what a shop does. They are given only
            where the shop has a page of facts, and its own documents come first.
    """

    pack: str
    version: str
    wordless: str | None = None
    extends: str | None = None
    speaks_for_shop: bool = False
    parts: tuple[str, ...] = ()
    phrases: Phrases | None = None
    lexicon: Lexicon = Lexicon()
    remove: tuple[str, ...] = ()
    intents: tuple[Intent, ...] = ()
    utterances: dict[str, Utterances] = msgspec.field(default_factory=dict)


class PartFile(Part, frozen=True, kw_only=True):
    """A further file of a pack."""

    lexicon: Lexicon = Lexicon()
    intents: tuple[Intent, ...] = ()
    utterances: dict[str, Utterances] = msgspec.field(default_factory=dict)


def json_schema() -> dict[str, object]:
    """Schema of pack files and their parts, so that editors complete."""
    _, parts = msgspec.json.schema_components(
        (PackFile, PartFile), ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule pack",
        "anyOf": [{"$ref": "#/$defs/PackFile"}, {"$ref": "#/$defs/PartFile"}],
        "$defs": dict(sorted(parts.items())),
    }
