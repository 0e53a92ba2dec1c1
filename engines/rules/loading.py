"""
Reads pack files, follows ``parts`` and ``extends``, and merges them.

All problems of a pack are reported together, each with its file and line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from engines import yamlfile
from engines.rules.checking import Origin, check_intents
from engines.rules.pack import (
    Intent,
    Lexicon,
    PackFile,
    PartFile,
    Phrases,
    Utterances,
    Words,
)
from engines.yamlfile import BadFile, Document, Problem


#: Packs above packs above packs; more is a mistake.
MAX_LAYERS: Final = 8

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


class LoadedPack(msgspec.Struct, frozen=True):
    """
    A pack with everything it inherits.

    Attributes:
        version: Name, version and digest; changes with any content.

        origins: Intent id to where it was written.

        statements: Ids of intents that state what the shop does.
    """

    name: str
    version: str
    intents: tuple[Intent, ...]
    lexicon: Lexicon
    phrases: Phrases
    wordless: Intent | None
    origins: dict[str, Origin]
    statements: frozenset[str]


class _Layer(msgspec.Struct, frozen=True):
    """One pack by itself: its head, and each of its files."""

    head: PackFile
    document: Document
    files: tuple[tuple[Document, PackFile | PartFile], ...]


def load_pack(paths: Sequence[Path | str]) -> LoadedPack:
    """
    Load the last of *paths*; the others are packs that it may extend.

    Raises:
        BadFile: With every problem found, each with file, line and fix.
    """
    if not paths:
        raise BadFile([Problem("packs", 1, "no pack was given", "name a pack file")])
    given = [_read_layer(Path(path)) for path in paths]
    layers = _chain(given[-1], {layer.head.pack: layer for layer in given[:-1]})
    origins, problems = _origins(layers)
    intents = _merge(layers, origins)
    lexicon = _merge_lexicons(layers)
    problems.extend(check_intents(intents, origins, lexicon))
    phrases = next((one.head.phrases for one in layers[::-1] if one.head.phrases), None)
    top = layers[-1]
    if phrases is None:
        problems.append(top.document.problem("no phrases", fix="extend the base pack"))
    wordless = _wordless(layers, intents, problems)
    if problems or phrases is None:
        raise BadFile(problems)
    digest = hashlib.sha256(msgspec.json.encode((intents, lexicon, phrases)))
    version = f"{top.head.pack}@{top.head.version}+{digest.hexdigest()[:12]}"
    return LoadedPack(
        top.head.pack,
        version,
        tuple(intents.values()),
        lexicon,
        phrases,
        wordless,
        origins,
        _statements(layers, intents),
    )


def _statements(
    layers: Sequence[_Layer], intents: Mapping[str, Intent]
) -> frozenset[str]:
    """Intents with an answer whose last layer speaks for the shop."""
    found: set[str] = set()
    for layer in layers:
        own = {intent.id for _, file in layer.files for intent in file.intents}
        found = found | own if layer.head.speaks_for_shop else found - own
    return frozenset(one for one in found & intents.keys() if not intents[one].needs)


def _read_layer(path: Path) -> _Layer:
    document = yamlfile.read(path)
    head = yamlfile.convert(document, PackFile)
    files: list[tuple[Document, PackFile | PartFile]] = [(document, head)]
    for position, part in enumerate(head.parts):
        if Path(part).is_absolute() or ".." in Path(part).parts:
            problem = document.problem(
                f"part {part!r} lies outside of the pack's folder",
                "parts",
                position,
                fix="name a file below the folder of this file",
            )
            raise BadFile([problem])
        part_document = yamlfile.read(path.parent / part)
        files.append((part_document, yamlfile.convert(part_document, PartFile)))
    return _Layer(head, document, tuple(files))


def _chain(top: _Layer, given: Mapping[str, _Layer]) -> list[_Layer]:
    """List the packs from the lowest to *top*."""
    chain = [top]
    while chain[0].head.extends is not None:
        layer = chain[0]
        below = layer.head.extends or ""
        names = [one.head.pack for one in chain]
        if below in names or len(chain) > MAX_LAYERS:
            problem = layer.document.problem(
                f"{below!r} extends itself in a circle", "extends"
            )
            raise BadFile([problem])
        chain.insert(0, given.get(below) or _read_below(layer, below))
    return chain


def _read_below(layer: _Layer, name: str) -> _Layer:
    path = Path(layer.document.path).with_name(f"{name}.yaml")
    if not _NAME.match(name) or not path.is_file():
        problem = layer.document.problem(
            f"the pack {name!r} was not found", "extends", fix=f"expected {path}"
        )
        raise BadFile([problem])
    return _read_layer(path)


def _origins(layers: Sequence[_Layer]) -> tuple[dict[str, Origin], list[Problem]]:
    """Where each intent was written last; an id twice in one pack is a problem."""
    origins: dict[str, Origin] = {}
    problems: list[Problem] = []
    for layer in layers:
        own: dict[str, Origin] = {}
        for document, file in layer.files:
            for position, intent in enumerate(file.intents):
                origin = Origin(document, ("intents", position))
                if intent.id in own:
                    first = own[intent.id]
                    where = f"{first.document.path}:{first.document.line(*first.place)}"
                    problems.append(
                        origin.problem(
                            f"intent {intent.id!r} stands at {where} already",
                            "id",
                            fix="give it another id",
                        )
                    )
                own[intent.id] = origin
        origins.update(own)
    return origins, problems


def _merge(layers: Sequence[_Layer], origins: dict[str, Origin]) -> dict[str, Intent]:
    intents: dict[str, Intent] = {}
    for layer in layers:
        for position, unwanted in enumerate(layer.head.remove):
            if unwanted not in intents:
                problem = layer.document.problem(
                    f"there is no inherited intent {unwanted!r}",
                    "remove",
                    position,
                    fix=yamlfile.nearest(unwanted, intents),
                )
                raise BadFile([problem])
            del intents[unwanted], origins[unwanted]
        for _, file in layer.files:
            intents.update({intent.id: intent for intent in file.intents})
        for document, file in layer.files:
            _add_utterances(document, file.utterances, intents)
    return intents


def _add_utterances(
    document: Document, added: Mapping[str, Utterances], intents: dict[str, Intent]
) -> None:
    """Lengthen the examples of intents that are there already."""
    for name, more in added.items():
        intent = intents.get(name)
        if intent is None:
            fix = yamlfile.nearest(name, intents)
            text = f"there is no intent {name!r}"
            raise BadFile([document.problem(text, "utterances", name, fix=fix)])
        zh, en = (
            msgspec.structs.replace(old, examples=old.examples + new)
            for old, new in ((intent.zh, more.zh), (intent.en, more.en))
        )
        intents[name] = msgspec.structs.replace(intent, zh=zh, en=en)


def _merge_lexicons(layers: Sequence[_Layer]) -> Lexicon:
    files = [file.lexicon for layer in layers for _, file in layer.files]
    return Lexicon(
        zh=_merge_words([one.zh for one in files]),
        en=_merge_words([one.en for one in files]),
    )


def _merge_words(words: Iterable[Words]) -> Words:
    words = list(words)
    return Words(
        synonyms=tuple(group for one in words for group in one.synonyms),
        contrasts=tuple(group for one in words for group in one.contrasts),
        social=tuple(group for one in words for group in one.social),
        particles=tuple(word for one in words for word in one.particles),
    )


def _wordless(
    layers: Sequence[_Layer],
    intents: Mapping[str, Intent],
    problems: list[Problem],
) -> Intent | None:
    named = [layer for layer in layers if layer.head.wordless]
    if not named:
        return None
    name = named[-1].head.wordless or ""
    if name not in intents:
        fix = yamlfile.nearest(name, intents)
        text = f"there is no intent {name!r}"
        problems.append(named[-1].document.problem(text, "wordless", fix=fix))
    return intents.get(name)
