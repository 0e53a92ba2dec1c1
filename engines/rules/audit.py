"""
What a person who wrote a pack should know before it serves customers.

Errors keep a pack from loading. Warnings do not: an utterance that leads to
another intent (shadowed), an intent that none of its utterances reaches
(unreachable), an answer whose time is over, one with too few utterances.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from engines.contract import Locale
from engines.rules import conditions, folding
from engines.rules.compiling import CompiledPack, compile_pack
from engines.rules.conditions import When
from engines.rules.loading import LoadedPack, load_pack
from engines.rules.matcher import Match
from engines.rules.pack import LOCALES, Intent
from engines.rules.templates import Facts
from engines.yamlfile import BadFile, Problem


#: Fewer utterances of an intent in a language match only themselves.
FEW_UTTERANCES: Final = 6


class Finding(msgspec.Struct, frozen=True):
    """
    One thing that is wrong, or may be.

    Attributes:
        level: An ``error`` keeps the pack from loading.

        code: ``invalid``, ``shadowed``, ``unreachable``, ``expired`` or
            ``few_utterances``.
    """

    level: Literal["error", "warning"]
    code: str
    file: str
    line: int
    text: str
    fix: str = ""

    def __str__(self) -> str:
        """Render as ``file:line: level: text; fix``."""
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.file}:{self.line}: {self.level}: {self.text}{fix}"


class Audit(msgspec.Struct, frozen=True):
    """
    What was found in a pack.

    Attributes:
        intents: How many there are, inherited ones too; 0 if it did not load.

        answered: Those that L1 answers; the others it hands on.

        utterances: Examples by language.
    """

    pack: str
    intents: int
    answered: int
    utterances: dict[str, int]
    problems: list[Finding]

    @property
    def is_usable(self) -> bool:
        """Tell if the pack loads."""
        return all(one.level != "error" for one in self.problems)


def audit(
    packs: Sequence[Path | str], facts: Path | str | None, now: datetime
) -> Audit:
    """
    Load the last of *packs* with the shop's *facts* and look for problems.

    *now* is the shop's local time; answers that are over then are told.
    """
    try:
        loaded = load_pack(packs)
        compiled = compile_pack(loaded, Facts.load(facts) if facts else None)
    except BadFile as bad:
        return Audit("", 0, 0, {}, [_error(problem) for problem in bad.problems])
    intents = loaded.intents
    return Audit(
        loaded.version,
        len(intents),
        sum(not intent.needs for intent in intents),
        {
            locale: sum(len(intent.wording(locale).examples) for intent in intents)
            for locale in LOCALES
        },
        [
            one
            for intent in intents
            for one in (
                *_warnings(intent, loaded, compiled),
                *_expired(intent, loaded, now),
            )
        ],
    )


def _error(problem: Problem) -> Finding:
    return Finding(
        "error", "invalid", problem.path, problem.line, problem.text, problem.fix
    )


def _warnings(
    intent: Intent, loaded: LoadedPack, compiled: CompiledPack
) -> Iterator[Finding]:
    for locale in LOCALES:
        examples = intent.wording(locale).examples
        if 0 < len(examples) < FEW_UTTERANCES:
            text = f"{intent.id!r} has only {len(examples)} {locale} utterances"
            fix = f"write at least {FEW_UTTERANCES}"
            yield _warning(loaded, intent, locale, "few_utterances", text, fix)
        stolen = list(_stolen(intent, locale, compiled))
        for example, owner in stolen:
            text = f"{example!r} of {intent.id!r} leads to {owner or 'nothing'}"
            fix = "reword it, or move it to the intent that it means"
            yield _warning(loaded, intent, locale, "shadowed", text, fix)
        if examples and len(stolen) == len(examples):
            text = f"no {locale} utterance of {intent.id!r} leads to it"
            fix = "raise its priority, or remove the exclusion that hides it"
            yield _warning(loaded, intent, locale, "unreachable", text, fix)


def _expired(intent: Intent, loaded: LoadedPack, now: datetime) -> Iterator[Finding]:
    """Answers whose time is over; nobody will ever see them again."""
    dated: list[tuple[When, tuple[str | int, ...]]] = [
        (variant.when, ("variants", n)) for n, variant in enumerate(intent.variants)
    ]
    if intent.when is not None:
        dated.append((intent.when, ("when",)))
    for when, place in dated:
        if conditions.parse(when).is_over(now):
            text = f"an answer of {intent.id!r} ended on {when.until}"
            found = loaded.origins[intent.id].problem(text, *place)
            fix = "remove or renew it"
            yield Finding("warning", "expired", found.path, found.line, text, fix)


def _stolen(
    intent: Intent, locale: Locale, compiled: CompiledPack
) -> Iterator[tuple[str, str]]:
    """Utterances that do not lead to their intent, and where they lead."""
    for example in intent.wording(locale).examples:
        folded = folding.fold(example)
        if folding.language(folded, locale) != locale:
            continue  # words without a letter of the language
        found = compiled.matcher.match_folded(folded, locale)
        owner = found.intent.id if isinstance(found, Match) else ""
        if owner != intent.id:
            yield example, owner


def _warning(  # one line of a report
    loaded: LoadedPack, intent: Intent, locale: Locale, code: str, text: str, fix: str
) -> Finding:
    place = loaded.origins[intent.id].problem(text, locale, "examples", fix=fix)
    return Finding("warning", code, place.path, place.line, place.text, place.fix)
