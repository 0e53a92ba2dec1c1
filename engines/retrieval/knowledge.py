"""
All that one shop knows: its configured folder, and what was ingested for it.

Both are one knowledge: they are indexed together, and an ingested product's names
are known in questions about the folder's documents too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import msgspec

from engines import yamlfile
from engines.contract import Locale, ShopId
from engines.retrieval import compiled
from engines.retrieval.compiled import Facts
from engines.retrieval.documents import LOCALES, Passage, load_passages
from engines.retrieval.index import Index
from engines.retrieval.ingest.shelf import Manifest, Shelf
from engines.retrieval.searching import Searcher
from engines.retrieval.terms import Analyzer
from engines.retrieval.words import Phrases, Synonyms, load_synonyms, read_synonyms


class Knowledge:
    """
    Where a shop's knowledge is.

    Args:
        folder: Documents with a strict header; None if there are none.

        shelf: What was ingested; its folder need not exist.
    """

    def __init__(self, folder: Path | None, shelf: Shelf) -> None:
        self._folder = folder
        self.shelf = shelf

    @property
    def shop(self) -> ShopId:
        """Whose it is."""
        return self.shelf.shop

    def stamp(self) -> tuple[int, int]:
        """Changes when something was ingested or removed."""
        return self.shelf.stamp()

    def searcher(self, today: Callable[[], date]) -> Searcher:
        """
        A searcher on all of it: mapped if an index fits, else built now.

        Raises:
            BadFile: With every problem of every file of the folder.
            ShelfDamaged: If what was ingested cannot be read.
        """
        manifest = self.shelf.manifest()
        place, synonyms = self._place(manifest), self._synonyms()
        facts = compiled.load_facts(place)
        if facts is None:
            return searcher_of(self.shop, self.passages(manifest), synonyms, today)
        index = compiled.load_index(place, self.shop)
        return Searcher(self.shop, index, analyzers_of(facts, synonyms), facts, today)

    def compile(self) -> int:
        """
        Build the index on disk; how many passages it has.

        Raises:
            BadFile, ShelfDamaged: As :meth:`searcher`.
        """
        manifest = self.shelf.manifest()
        passages = self.passages(manifest)
        facts = compiled.facts_of(passages)
        analyzers = analyzers_of(facts, self._synonyms())
        compiled.save(self._place(manifest), passages, facts, analyzers)
        return len(passages)

    def passages(self, manifest: Manifest | None = None) -> list[Passage]:
        """
        Every passage, the folder's first.

        Raises:
            BadFile, ShelfDamaged: As :meth:`searcher`.
        """
        own = load_passages(self._folder, self.shop) if self._folder else ()
        return [*own, *self.shelf.passages(manifest or self.shelf.manifest())]

    def _place(self, manifest: Manifest) -> Path:
        stamp = msgspec.json.encode(manifest.documents).decode()
        signature = compiled.signature_of(self._folder, stamp)
        return self.shelf.folder / "index" / signature

    def _synonyms(self) -> Synonyms:
        if self._folder is None:
            return read_synonyms(yamlfile.Document("words", {}, {}))
        return load_synonyms(self._folder)


def searcher_of(
    shop: ShopId,
    passages: Sequence[Passage],
    synonyms: Synonyms,
    today: Callable[[], date],
) -> Searcher:
    """A searcher on *passages*, in memory."""
    facts = compiled.facts_of(passages)
    analyzers = analyzers_of(facts, synonyms)
    return Searcher(shop, Index.build(passages, analyzers), analyzers, facts, today)


def analyzers_of(facts: Facts, synonyms: Synonyms) -> dict[Locale, Analyzer]:
    """An analyzer for each language that knows the shop's products."""
    return {
        locale: Analyzer(locale, synonyms, Phrases(facts.wordings, locale))
        for locale in LOCALES
    }
