"""
All that one shop knows: its configured folder, and what was ingested for it.

Both are one knowledge: an ingested product's names are known in questions about the
folder's documents too. Where both answer a question, what was ingested does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec

from engines.contract import Locale, ShopId
from engines.retrieval import compiled
from engines.retrieval.compiled import Facts, Layer, Layers
from engines.retrieval.dense import QuestionVectors, VectorCache
from engines.retrieval.documents import LOCALES, Passage, load_passages
from engines.retrieval.index import Index
from engines.retrieval.ingest.shelf import Manifest, Shelf
from engines.retrieval.searching import Searcher
from engines.retrieval.terms import Analyzer
from engines.retrieval.vectors import Vectors
from engines.retrieval.words import FILE, Phrases, Synonyms, load_synonyms


#: Cached vectors, beside a folder's documents or on a shelf.
VECTORS = "vectors.npz"


class Knowledge:
    """
    Where a shop's knowledge is.

    Args:
        folder: Documents with a strict header; None if there are none.

        shelf: What was ingested; its folder need not exist.

        words: File of synonyms for a folder without one, or without a folder.

        questions: Encodes questions, and at :meth:`compile` passages; None where
            the extra ``dense`` is not installed.
    """

    def __init__(
        self,
        folder: Path | None,
        shelf: Shelf,
        questions: QuestionVectors | None = None,
        words: Path | None = None,
    ) -> None:
        self._folder = folder
        self._words = words
        self.shelf = shelf
        self._questions = questions

    @property
    def shop(self) -> ShopId:
        """Whose it is."""
        return self.shelf.shop

    def told(self, text: str) -> str:
        """*text* on passages for a page: where the folder stands is not its business."""
        return text if self._folder is None else text.replace(f"{self._folder}/", "")

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
        if facts is not None:
            indexes = compiled.load_indexes(place, self.shop)
        else:
            layers = self._layers(manifest)
            facts = compiled.facts_of([p for own in layers.values() for p in own])
            indexes = self._built(layers, analyzers_of(facts, synonyms))
        return Searcher(
            self.shop,
            indexes.get("folder", Index({})),
            analyzers_of(facts, synonyms),
            facts,
            today,
            self._questions,
            indexes.get("ingested"),
        )

    def _built(
        self, layers: Layers, analyzers: Mapping[Locale, Analyzer]
    ) -> dict[Layer, Index]:
        """In memory; vectors only if all are known, since encoding takes long."""
        cache = self._cache() if self._questions is not None else None

        def known(own: Sequence[Passage]) -> Vectors | None:
            return cache.vectors(own, None) if cache is not None else None

        return {
            layer: Index.build(passages, analyzers, known)
            for layer, passages in layers.items()
            if passages
        }

    def _cache(self) -> VectorCache:
        shipped = [self._folder / VECTORS] if self._folder is not None else []
        return VectorCache.load(*shipped, self.shelf.folder / VECTORS)

    def compile(
        self, tell: Callable[[int, int], None] = lambda _done, _all: None
    ) -> int:
        """
        Build the index on disk; how many passages it has.

        Args:
            tell: Called with how many texts were encoded as vectors, and of how
                many; never without the extra ``dense``.

        Raises:
            BadFile, ShelfDamaged: As :meth:`searcher`.
        """
        manifest = self.shelf.manifest()
        layers = self._layers(manifest)
        passages = [passage for own in layers.values() for passage in own]
        facts = compiled.facts_of(passages)
        analyzers = analyzers_of(facts, self._synonyms())
        place, cache = self._place(manifest), self._cache()
        questions = self._questions
        encoder = questions.encoder if questions is not None else None
        compiled.save(
            place,
            layers,
            facts,
            analyzers,
            lambda own: cache.vectors(own, encoder, tell) if encoder else None,
        )
        if questions is not None:
            cache.save(self.shelf.folder / VECTORS)
        return len(passages)

    def passages(self, manifest: Manifest | None = None) -> list[Passage]:
        """
        Every passage, the folder's first.

        Raises:
            BadFile, ShelfDamaged: As :meth:`searcher`.
        """
        layers = self._layers(manifest or self.shelf.manifest())
        return [*layers["folder"], *layers["ingested"]]

    def _layers(self, manifest: Manifest) -> Layers:
        own = load_passages(self._folder, self.shop) if self._folder else ()
        return {"ingested": list(self.shelf.passages(manifest)), "folder": own}

    def _place(self, manifest: Manifest) -> Path:
        stamp = msgspec.json.encode(manifest.documents).decode()
        stamp += " with vectors" if self._questions is not None else ""
        signature = compiled.signature_of(self._folder, stamp)
        return self.shelf.folder / "index" / signature

    def _synonyms(self) -> Synonyms:
        if self._folder is not None and (self._folder / FILE).exists():
            return load_synonyms(self._folder / FILE)
        return load_synonyms(self._words)


def analyzers_of(facts: Facts, synonyms: Synonyms) -> dict[Locale, Analyzer]:
    """An analyzer for each language that knows the shop's products."""
    return {
        locale: Analyzer(locale, synonyms, Phrases(facts.wordings, locale))
        for locale in LOCALES
    }
