"""
From a loaded pack and the shop's facts to what answers turns.

Everything that does not depend on a message happens here, once: readers,
matcher, answers with the facts in place, dialogs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from engines.contract import Citation, Locale
from engines.rules import conditions, folding, reading
from engines.rules.checking import Origin
from engines.rules.conditions import Condition
from engines.rules.dialogs import Dialog
from engines.rules.loading import LoadedPack
from engines.rules.matcher import Matcher
from engines.rules.pack import LOCALES, Intent, Phrases
from engines.rules.templates import (
    BadTemplate,
    Fact,
    Facts,
    Template,
    TemplateCompiler,
)
from engines.yamlfile import BadFile, Problem


#: Longer templates are refused: nobody reads such an answer in a chat.
MAX_TEMPLATE_CHARS: Final = 1500
#: What may be said in any shop: all that the base pack asks for.
_UNNAMED: Final = Facts(
    {
        "shop_name": Fact(zh="本店", en="our shop"),
        "human_hours": Fact(
            zh="以客服在线时间为准", en="whenever a colleague is online"
        ),
    }
)


class Canned(msgspec.Struct, frozen=True):
    """A finished answer: nothing is left to fill in."""

    text: str
    citations: tuple[Citation, ...]


class Offer(NamedTuple):
    """An answer that is given while its condition holds."""

    condition: Condition
    canned: Canned


class CompiledPack(msgspec.Struct, frozen=True):
    """
    A pack ready to answer; immutable and shared by all turns.

    Attributes:
        canned: Answers of intents without slots, by id and language.

        offers: Answers that come before those, while their condition holds.

        conditions: When an intent is in force, by id; others always are.

        dialogs: Intents with slots, by id.

        cancel_words: Whole messages, squeezed, that give a dialog up.

        statements: Ids of intents that state what the shop does.

        is_vouched: False without a page of facts: no statement is made.
    """

    version: str
    intents: tuple[Intent, ...]
    matcher: Matcher
    canned: dict[tuple[str, Locale], Canned]
    offers: dict[tuple[str, Locale], tuple[Offer, ...]]
    conditions: dict[str, Condition]
    dialogs: dict[str, Dialog]
    cancel_words: frozenset[str]
    statements: frozenset[str]
    is_vouched: bool


def compile_pack(pack: LoadedPack, facts: Facts | None) -> CompiledPack:
    """
    Compile a pack for one shop.

    Args:
        facts: The shop's page; without one, what speaks for a shop is not said.

    Raises:
        BadFile: If a template is broken or names a fact that the shop has not.
    """
    compiler = _Compiler(pack, facts)
    canned = dict(compiler.canned())
    offers = dict(compiler.offers())
    dialogs = dict(compiler.dialogs())
    if compiler.problems:
        raise BadFile(compiler.problems)
    readers = reading.build_readers(pack.lexicon, pack.intents)
    return CompiledPack(
        pack.version,
        pack.intents,
        Matcher(pack.intents, readers, pack.wordless),
        canned,
        offers,
        {one.id: conditions.parse(one.when) for one in pack.intents if one.when},
        dialogs,
        _cancel_words(pack.phrases),
        pack.statements,
        facts is not None,
    )


class _Compiler:
    """Compiles templates and collects what is wrong with them."""

    def __init__(self, pack: LoadedPack, facts: Facts | None) -> None:
        self._pack = pack
        muted = pack.statements if facts is None else frozenset()
        self._said = [one for one in pack.intents if one.id not in muted]
        self._templates = TemplateCompiler(facts or _UNNAMED)
        self._titles = {intent.id: intent.title for intent in pack.intents}
        self.problems: list[Problem] = []

    def canned(self) -> Iterator[tuple[tuple[str, Locale], Canned]]:
        for intent in self._said:
            if intent.slots or intent.needs:
                continue
            for locale in LOCALES:
                answer = intent.wording(locale).answer
                text = self._render(intent, locale, answer, locale, "answer")
                yield (intent.id, locale), _canned(intent, locale, text)

    def offers(self) -> Iterator[tuple[tuple[str, Locale], tuple[Offer, ...]]]:
        for intent in self._said:
            for locale in LOCALES if intent.variants else ():
                found = []
                for number, variant in enumerate(intent.variants):
                    answer, place = variant.answer.get(locale), ("variants", number)
                    text = self._render(intent, locale, answer, *place, "answer")
                    canned = _canned(intent, locale, text)
                    found.append(Offer(conditions.parse(variant.when), canned))
                yield (intent.id, locale), tuple(found)

    def dialogs(self) -> Iterator[tuple[str, Dialog]]:
        for intent in self._said:
            if intent.slots and not intent.needs:
                yield intent.id, self._dialog(intent)

    def _render(
        self, intent: Intent, locale: Locale, answer: str, *place: str | int
    ) -> str:
        template = self._compile(intent, answer, locale, *place)
        text = template.render({}) if template else ""
        if not intent.related:
            return text
        titles = [self._titles[name].get(locale) for name in intent.related]
        joint = "、" if locale == "zh" else ", "
        return f"{text}\n{self._pack.phrases.related.get(locale)}{joint.join(titles)}"

    def _dialog(self, intent: Intent) -> Dialog:
        answers: dict[Locale, Template] = {}
        cases: dict[Locale, tuple[Template, ...]] = {}
        for locale in LOCALES:
            answer = intent.wording(locale).answer
            template = self._compile(intent, answer, locale, locale, "answer")
            compiled = [
                self._compile(
                    intent, c.answer.get(locale), locale, "cases", n, "answer"
                )
                for n, c in enumerate(intent.cases)
            ]
            if template:
                answers[locale] = template
            cases[locale] = tuple(one for one in compiled if one)
        return Dialog(intent, answers, cases, self._pack.phrases, self._pack.version)

    def _compile(
        self, intent: Intent, source: str, locale: Locale, *place: str | int
    ) -> Template | None:
        slots = frozenset(slot.name for slot in intent.slots)
        try:
            _check_length(source)
            return self._templates.compile(source, locale, slots)
        except BadTemplate as exc:
            origin: Origin = self._pack.origins[intent.id]
            self.problems.append(origin.problem(str(exc), *place, fix=exc.fix))
            return None


def _canned(intent: Intent, locale: Locale, text: str) -> Canned:
    title = intent.title.get(locale)
    return Canned(text, (Citation(id=f"rule:{intent.id}", title=title, quote=text),))


def _check_length(source: str) -> None:
    if len(source) > MAX_TEMPLATE_CHARS:
        text = f"the answer is longer than {MAX_TEMPLATE_CHARS} characters"
        raise BadTemplate(text, "say less, or make it a passage of the knowledge base")
    if not source.strip():
        raise BadTemplate("the answer is empty", "write it")


def _cancel_words(phrases: Phrases) -> frozenset[str]:
    return frozenset(folding.squeeze(folding.fold(w)) for w in phrases.cancel_words)
