"""
Vectors beside words: what they add, and what happens without them.

The model itself is an extra; here a small encoder of characters stands for it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from desk import TODAY

from engines.contract import ShopId
from engines.retrieval.dense import (
    Floats,
    QuestionVectors,
    Space,
    VectorCache,
    load_encoder,
)
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.ingest.run import ingest
from engines.retrieval.ingest.shelf import Shelf
from engines.retrieval.knowledge import Knowledge


SHOP = ShopId("home")
#: Words that mean the same to the encoder below.
_SAME = str.maketrans({"犬": "狗", "粮": "食"})


class Letters:
    """Counts characters, so that texts with the same ones are near."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.encoded = 0

    def queries(self, texts: Sequence[str]) -> Floats:
        time.sleep(self.delay_s)
        self.encoded += len(texts)
        rows = np.zeros((len(texts), 64), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for char in text.translate(_SAME):
                row[ord(char) % 64] += 1
        norms: Floats = np.linalg.norm(rows, axis=1, keepdims=True)
        found: Floats = rows / np.maximum(norms, 1e-9)
        return found

    passages = queries


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Three short documents."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "a.md").write_text("# 狗食\n\n每袋二十斤。", "utf-8")
    (site / "b.md").write_text("# 猫砂\n\n每袋十斤。", "utf-8")
    (site / "c.md").write_text(
        "---\naudience: staff\n---\n# 犬粮进价\n\n内部。", "utf-8"
    )
    shelf = Shelf(tmp_path / "shelf", SHOP)
    ingest([site], shelf, lambda: "now", lambda *_: None)
    return shelf


def test_a_passage_that_shares_no_word_is_found_by_meaning(shelf: Shelf) -> None:
    """And what this customer may not read stays out of reach."""
    questions = QuestionVectors(Letters())
    with_vectors = Knowledge(None, shelf, questions)
    with_vectors.compile()
    by_words = Knowledge(None, shelf).searcher(lambda: TODAY)
    assert not RetrievalEngine(SHOP, by_words, None).find("犬粮", "zh").hits
    engine = RetrievalEngine(SHOP, with_vectors.searcher(lambda: TODAY), None)
    hits = engine.find("犬粮", "zh").hits
    assert hits[0].passage.heading == "狗食"
    assert all(hit.passage.header.audience == "customer" for hit in hits)
    questions.close()


def test_what_has_not_changed_is_not_encoded_again(shelf: Shelf) -> None:
    """Vectors are kept by text, beside the shelf."""
    letters = Letters()
    questions = QuestionVectors(letters)
    knowledge = Knowledge(None, shelf, questions)
    knowledge.compile()
    first = letters.encoded
    assert first > 0
    knowledge.compile()
    assert letters.encoded == first
    questions.close()


@pytest.mark.anyio
async def test_a_late_encoder_is_not_waited_for() -> None:
    """The question goes on with words alone, and few wait at once."""
    questions = QuestionVectors(Letters(delay_s=0.3), deadline_s=0.05)
    started = time.monotonic()
    assert await questions.soon(["a"]) == {}
    assert time.monotonic() - started < 0.2
    questions.close()
    quick = QuestionVectors(Letters())
    assert list(await quick.soon(["a"])) == ["a"]
    quick.close()


def test_common_directions_are_taken_out() -> None:
    """Rows that all point one way are far apart without it, and of unit length."""
    rng = np.random.default_rng(1)
    rows = (rng.normal(size=(200, 16)) + 20).astype(np.float32)
    flat = Space.of(rows, 2).flatten(rows)
    assert np.allclose(np.linalg.norm(flat, axis=1), 1, atol=1e-4)
    assert abs(float((flat @ flat.T).mean())) < 0.05
    assert Space.load().directions.shape == (4, 384)


def test_the_shipped_vectors_cover_the_shipped_knowledge() -> None:
    """A changed document needs ``tidegate kb ingest`` or new vectors to be found so."""
    from desk import KNOWLEDGE

    from engines.retrieval.documents import load_passages

    cache = VectorCache.load(KNOWLEDGE / "vectors.npz")
    vectors = cache.vectors(load_passages(KNOWLEDGE, SHOP), None)
    assert vectors is not None
    assert vectors.rows.shape[1] == 384


def test_texts_that_break_the_library_are_mended() -> None:
    """NUL and lone surrogates; skipped where the extra is not installed."""
    encoder = load_encoder()
    if encoder is None:
        assert encoder is None
        return
    rows = encoder.queries(["a\x00b", "\ud800", ""])
    assert rows.shape == (3, 384)
