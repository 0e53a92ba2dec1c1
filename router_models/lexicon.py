"""
Concepts: hand-written groups of phrases that mean the same thing.

A few thousand training turns cannot show every wording; the lexicon tells the
model which wordings belong together, so that what it learned of one holds for
all. It is data (``data/concepts.yaml``), part of the feature definition, and
travels inside the artifact.
"""

from __future__ import annotations

from pathlib import Path

import ahocorasick_rs
import msgspec

from router_models.documents import read_yaml
from router_models.errors import DataError
from router_models.text import Normal, phrase_of


class Concept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One concept.

    Attributes:
        zh: Phrases found anywhere in the CJK string.

        en: Phrases found at word starts; a phrase that ends in ``*`` is a stem,
            any other must end where a word ends.
    """

    zh: tuple[str, ...] = ()
    en: tuple[str, ...] = ()


class Lexicon:
    """
    Finds the concepts of a text in one pass, whatever their number.

    Args:
        concepts: Phrases by concept name, in the order of their feature rows.

    Attributes:
        owners: Numbers of the concepts of each phrase in normal form.
    """

    def __init__(self, concepts: dict[str, Concept]) -> None:
        self.concepts = concepts
        self.names = tuple(concepts)
        owners: dict[str, set[int]] = {}
        for number, concept in enumerate(concepts.values()):
            for phrase in _patterns(concept):
                owners.setdefault(phrase, set()).add(number)
        self.owners = {phrase: tuple(sorted(of)) for phrase, of in owners.items()}
        self._owners = list(self.owners.values())
        self._matcher = ahocorasick_rs.AhoCorasick(list(owners) or ["\n\n"])

    def find(self, text: Normal) -> list[int]:
        """Numbers of the concepts in *text*, rising, each once."""
        haystack = text.cjk + "\n" + text.latin
        hits = self._matcher.find_matches_as_indexes(haystack, overlapping=True)
        if not hits:
            return []
        owners = self._owners
        return sorted({number for hit in hits for number in owners[hit[0]]})


def _patterns(concept: Concept) -> list[str]:
    return [phrase_of(phrase) for phrase in (*concept.zh, *concept.en)]


def load_lexicon(path: Path) -> Lexicon:
    """
    Read concepts from a YAML file.

    Raises:
        DataError: If the file is missing, is not YAML of that shape, or has a
            phrase that is empty in normal form.
    """
    fix = "write `name: {zh: [phrase], en: [phrase]}`"
    concepts = read_yaml(path, dict[str, Concept], fix)
    for name, concept in concepts.items():
        if not all(pattern.strip() for pattern in _patterns(concept)):
            fix = "give each phrase a CJK character or a word"
            raise DataError(path, f"concept {name!r} has an empty phrase", fix)
    return Lexicon(concepts)
