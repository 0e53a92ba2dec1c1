"""
The shop's script library: every sentence the house says that no engine composed.

A voice is read from YAML files once, at start, and checked there: each sentence
in each language, each blank known. Saying a sentence fills its blanks and does
nothing else; :meth:`Voice.dress` makes any tier's answer sound like the shop
(``persona``). Deliberately not here: answers of rule packs and of the agent's
planner, which carry citations.

    VoiceError
    ├── UnknownSentence     nobody wrote this key
    └── WrongBlanks         the caller's parameters are not the sentence's blanks
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Self

import msgspec

from engines import persona, yamlfile
from engines.contract import Answer, Emotion, Locale, Turn
from engines.persona import Dresser, Persona


LOCALES: Final[tuple[Locale, ...]] = ("zh", "en")

#: Sentences every voice must have, with the blanks their callers fill.
REQUIRED: Final[Mapping[str, frozenset[str]]] = {
    "handoff.queued": frozenset({"position", "minutes"}),
    "handoff.joined": frozenset({"operator"}),
    "handoff.closed": frozenset(),
    "handoff.returned": frozenset(),
    "ticket.created": frozenset({"ticket", "promised"}),
    "ticket.reason_busy": frozenset(),
    "fault.sorry": frozenset(),
    "guard.blocked": frozenset(),
    "human.offer": frozenset(),
    "message.merged": frozenset(),
    "still_working": frozenset(),
    "empty_message": frozenset(),
    "too_long": frozenset({"limit"}),
}

_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")
_BLANK = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")
_LEFTOVER = re.compile(r"\{\{|\}\}|\{%|\{#")


class Sentence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sentence in the languages of the house."""

    zh: str
    en: str


class VoiceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What a voice file may hold.

    Attributes:
        voice: Name of the voice or of the part of it.

        sentences: Key to sentence; blanks are written ``{{ name }}``.

        persona: How the shop sounds; that of the last file that has one counts.
    """

    voice: str
    sentences: dict[str, Sentence] = {}
    persona: Persona | None = None


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A voice file whose sentences are still to be read one by one."""

    voice: str
    sentences: dict[str, object] = {}
    persona: object = None


class VoiceError(Exception):
    """Base of what saying a sentence may raise; *key* names the sentence."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class UnknownSentence(VoiceError):
    """No file of the voice has this key."""


class WrongBlanks(VoiceError):
    """A parameter is missing, or one is given that the sentence has no blank for."""


class _Script(msgspec.Struct, frozen=True):
    """
    A sentence cut at its blanks.

    Attributes:
        pieces: Text, blank, text, …, text.

        blanks: What must be given.

        allowed: What may be given: a shop may leave out of its own sentence
            what the callers of a required one know.
    """

    pieces: tuple[str, ...]
    blanks: frozenset[str]
    allowed: frozenset[str]


class Voice:
    """
    Sentences by key and language, ready to be said.

    Immutable; one instance serves all conversations of a shop.
    """

    def __init__(
        self, scripts: Mapping[tuple[str, Locale], _Script], sounds: Persona
    ) -> None:
        self._scripts = dict(scripts)
        self._dresser = Dresser(sounds)

    @classmethod
    def load(cls, *paths: Path | str) -> Self:
        """
        Read one or more voice files; a later file replaces a key of an earlier.

        Raises:
            BadFile: If a file is broken, or a required sentence is missing or
                uses a blank that its callers do not fill.
        """
        scripts: dict[tuple[str, Locale], _Script] = {}
        problems: list[yamlfile.Problem] = []
        sounds = Persona()
        for path in paths:
            document = yamlfile.read(Path(path))
            head = yamlfile.convert(document, _Head)
            _collect(document, head, scripts, problems)
            if head.persona is not None:
                sounds = _persona(document, head, problems)
        _find_missing(str(paths[-1]) if paths else "voice", scripts, problems)
        if problems:
            raise yamlfile.BadFile(problems)
        return cls(scripts, sounds)

    def dress(self, answer: Answer, turn: Turn, emotion: Emotion) -> Answer | None:
        """Answer of any tier as the shop says it; None if it must not be said."""
        return self._dresser.dress(answer, turn, emotion)

    def may_draft(self, text: str, turn: Turn, emotion: Emotion) -> bool:
        """True if *text* may be shown before the answer that it begins is dressed."""
        dresser = self._dresser
        return dresser.leaves(turn, emotion) and not dresser.forbids(text)

    @property
    def keys(self) -> frozenset[str]:
        """All sentences of this voice."""
        return frozenset(key for key, _ in self._scripts)

    def blanks(self, key: str) -> frozenset[str]:
        """Parameters that may be given for *key*; the same in every language."""
        return self._script(key, "zh").allowed

    def require(self, needed: Mapping[str, Iterable[str]]) -> None:
        """
        Check once, at start, that a room's sentences exist and fit its calls.

        Raises:
            UnknownSentence: At the first key that no file has.
            WrongBlanks: At the first key that *needed* does not fit.
        """
        for key, params in needed.items():
            for locale in LOCALES:
                _match(key, self._script(key, locale), frozenset(params))

    def say(self, key: str, locale: Locale, **params: object) -> str:
        """
        Fill the blanks of *key* in the language *locale*.

        Raises:
            UnknownSentence: If no file has *key*.
            WrongBlanks: If a blank of the sentence is not given, or something
                is given that no such sentence has a blank for.
        """
        script = self._script(key, locale)
        if not params and not script.blanks:
            return script.pieces[0]
        _match(key, script, params.keys())
        return "".join(
            str(params[piece]) if position % 2 else piece
            for position, piece in enumerate(script.pieces)
        )

    def _script(self, key: str, locale: Locale) -> _Script:
        try:
            return self._scripts[key, locale]
        except KeyError:
            advice = yamlfile.nearest(key, self.keys)
            raise UnknownSentence(key, f"no sentence {key!r}: {advice}") from None


def json_schema() -> dict[str, object]:
    """Build the schema of voice files, so that editors complete and complain."""
    return msgspec.json.schema(VoiceFile)


def _match(key: str, script: _Script, given: Iterable[str]) -> None:
    missing = script.blanks.difference(given)
    extra = frozenset(given) - script.allowed
    if missing or extra:
        raise WrongBlanks(
            key, f"{key!r}: not given {sorted(missing)}, not known {sorted(extra)}"
        )


def _collect(
    document: yamlfile.Document,
    head: _Head,
    scripts: dict[tuple[str, Locale], _Script],
    problems: list[yamlfile.Problem],
) -> None:
    sentences = yamlfile.convert_values(document, head.sentences, Sentence, "sentences")
    for key, sentence in sentences.items():
        cut = {locale: _cut(key, getattr(sentence, locale)) for locale in LOCALES}
        problems.extend(_complaints(document, key, sentence, cut))
        scripts.update({(key, locale): script for locale, script in cut.items()})


def _persona(
    document: yamlfile.Document, head: _Head, problems: list[yamlfile.Problem]
) -> Persona:
    sounds = yamlfile.convert_part(document, head.persona, Persona, "persona")
    problems.extend(
        document.problem(text, "persona", *place, fix=fix)
        for place, text, fix in persona.problems(sounds)
    )
    return sounds


def _cut(key: str, text: str) -> _Script:
    pieces = tuple(_BLANK.split(text))
    blanks = frozenset(pieces[1::2])
    return _Script(pieces, blanks, REQUIRED.get(key, blanks))


def _complaints(
    document: yamlfile.Document,
    key: str,
    sentence: Sentence,
    cut: Mapping[Locale, _Script],
) -> Iterable[yamlfile.Problem]:
    place = ("sentences", key)
    if not _KEY.match(key):
        yield document.problem(
            f"{key!r} is not a key", *place, fix="use names joined by dots"
        )
    for locale in LOCALES:
        yield from _text_complaints(document, key, locale, getattr(sentence, locale))
    if cut["zh"].blanks != cut["en"].blanks:
        differ = sorted(cut["zh"].blanks ^ cut["en"].blanks)
        yield document.problem(
            f"{key!r}: only one language has the blanks {differ}",
            *place,
            fix="use the same blanks in zh and en",
        )
    allowed = REQUIRED.get(key, cut["zh"].blanks | cut["en"].blanks)
    for blank in sorted((cut["zh"].blanks | cut["en"].blanks) - allowed):
        yield document.problem(
            f"{key!r}: nobody fills the blank {blank!r}",
            *place,
            fix=yamlfile.nearest(blank, allowed),
        )


def _text_complaints(
    document: yamlfile.Document, key: str, locale: Locale, text: str
) -> Iterable[yamlfile.Problem]:
    place = ("sentences", key, locale)
    if not text.strip():
        yield document.problem(f"{key!r} says nothing", *place, fix="write the text")
    if _LEFTOVER.search(_BLANK.sub("", text)):
        yield document.problem(
            f"{key!r}: unreadable braces",
            *place,
            fix="write a blank as {{ name }} with small letters",
        )


def _find_missing(
    path: str,
    scripts: Mapping[tuple[str, Locale], _Script],
    problems: list[yamlfile.Problem],
) -> None:
    have = {key for key, _ in scripts}
    problems.extend(
        yamlfile.Problem(path, 1, f"sentence {key!r} is missing", "add it")
        for key in sorted(REQUIRED.keys() - have)
    )
