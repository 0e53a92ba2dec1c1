"""
The shop's own words: synonyms of its trade and names of its products.

``words.yaml`` in a knowledge folder lists groups of wordings that customers
use for one thing. Product names come from the headers of product documents.
Both are found in a text by their longest wording, left to right.

    BadFile (engines.yamlfile)   words.yaml is not in the form of :class:`WordFile`
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import ahocorasick_rs
import msgspec

from engines import yamlfile
from engines.contract import Locale
from engines.retrieval.language import clean, latin_words, stem


FILE: Final = "words.yaml"


class WordFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Groups of wordings per language; the first of a group names it.

    Attributes:
        must: Names of groups that stand for one thing and no other (a sale, a
            region): a passage that does not speak of it is no answer.

        soft: Names of groups that only ask (how long, how to): an answer need not
            say them.
    """

    zh: tuple[tuple[str, ...], ...] = ()
    en: tuple[tuple[str, ...], ...] = ()
    must: tuple[str, ...] = ()
    soft: tuple[str, ...] = ()


class Found(NamedTuple):
    """A wording that stands in a text, as a slice of tokens or characters."""

    start: int
    end: int
    names: tuple[str, ...]


class Phrases:
    """
    Wordings and what each of them names; finds them in a text.

    Chinese text is searched by characters, English by stems, so a place is a
    character in the one and a word in the other.
    """

    def __init__(self, wordings: Iterable[tuple[str, str]], locale: Locale) -> None:
        table: dict[tuple[str, ...], list[str]] = {}
        for wording, name in wordings:
            key = _key(wording, locale)
            if key and name not in table.setdefault(key, []):
                table[key].append(name)
        self._names = [tuple(names) for names in table.values()]
        self._keys = list(table)
        self._locale = locale
        self._heads = self._by_head()
        self._finder = ahocorasick_rs.AhoCorasick(
            ["".join(key) for key in self._keys] if locale == "zh" else [],
            matchkind=ahocorasick_rs.MatchKind.LeftmostLongest,
        )

    def in_text(self, text: str) -> list[Found]:
        """Wordings in lower-case Chinese *text*, by character."""
        return [
            Found(start, end, self._names[index])
            for index, start, end in self._finder.find_matches_as_indexes(text)
        ]

    def in_stems(self, stems: list[str]) -> list[Found]:
        """Wordings in a list of English stems, by word."""
        found, at = [], 0
        while at < len(stems):
            index = self._longest(stems, at)
            if index is None:
                at += 1
                continue
            end = at + len(self._keys[index])
            found.append(Found(at, end, self._names[index]))
            at = end
        return found

    def _by_head(self) -> dict[str, list[int]]:
        heads: dict[str, list[int]] = {}
        order = sorted(range(len(self._keys)), key=lambda i: -len(self._keys[i]))
        for index in order:
            heads.setdefault(self._keys[index][0], []).append(index)
        return heads

    def _longest(self, stems: list[str], at: int) -> int | None:
        for index in self._heads.get(stems[at], ()):
            key = self._keys[index]
            if tuple(stems[at : at + len(key)]) == key:
                return index
        return None


def _key(wording: str, locale: Locale) -> tuple[str, ...]:
    text = clean(wording).lower()
    if locale == "zh":
        return (text,) if text else ()
    return tuple(stem(word) for word in latin_words(text))


class Synonyms(NamedTuple):
    """Wordings by language, and the names of groups that must, or need not, be met."""

    phrases: Mapping[Locale, Phrases]
    must: frozenset[str]
    soft: frozenset[str] = frozenset()


def load_synonyms(path: Path | None) -> Synonyms:
    """
    Read a file of synonyms; without one there are none.

    Raises:
        BadFile: With file and line.
    """
    if path is None:
        return read_synonyms(yamlfile.Document(FILE, {}, {}))
    return read_synonyms(yamlfile.read(path))


def read_synonyms(document: yamlfile.Document) -> Synonyms:
    """
    As :func:`load_synonyms`, of a parsed file.

    Raises:
        BadFile: With the line of what is wrong.
    """
    words = _checked(document)
    groups: dict[Locale, tuple[tuple[str, ...], ...]] = {"zh": words.zh, "en": words.en}
    phrases = {
        locale: Phrases(
            ((wording, group[0]) for group in of_locale for wording in group), locale
        )
        for locale, of_locale in groups.items()
    }
    return Synonyms(phrases, frozenset(words.must), frozenset(words.soft))


def _checked(document: yamlfile.Document) -> WordFile:
    words = yamlfile.convert(document, WordFile)
    problems = [
        document.problem("an empty group or wording", locale, position, fix="remove it")
        for locale, groups in (("zh", words.zh), ("en", words.en))
        for position, group in enumerate(groups)
        if not group or not all(_key(w, "en") or clean(w) for w in group)
    ]
    names = {group[0] for group in words.zh + words.en if group}
    problems += [
        document.problem(
            f"no group is named {name!r}",
            field,
            position,
            fix=yamlfile.nearest(name, names),
        )
        for field in ("must", "soft")
        for position, name in enumerate(getattr(words, field))
        if name not in names
    ]
    if problems:
        raise yamlfile.BadFile(problems)
    return words
