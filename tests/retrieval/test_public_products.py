"""
Product passages of a public benchmark beside a character TF-IDF baseline.

The data lie beside the project, never in it; without them the test is skipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest
from desk import ROOT
from sklearn.feature_extraction.text import TfidfVectorizer

from engines.contract import ShopId, Utterance
from engines.retrieval.compiled import facts_of
from engines.retrieval.documents import Header, Passage
from engines.retrieval.engine import RetrievalEngine
from engines.retrieval.index import Index
from engines.retrieval.knowledge import analyzers_of
from engines.retrieval.language import split_sentences
from engines.retrieval.searching import Searcher
from engines.retrieval.words import load_synonyms
from gateway.config import shipped
from gateway.services import WORDS


SHOP = ShopId("public")
DEPTH = 10
RESAMPLES = 4_000

Rank = Callable[[Sequence[str], int], list[str]]


class Told(msgspec.Struct):
    """A passage; its id is a stock number and the name of a section."""

    id: str
    text: str


class Asked(msgspec.Struct):
    """One customer's lines, and the passages that they need."""

    queries: list[str]
    gold: list[str]


class Bench(msgspec.Struct):
    """The file."""

    passages: list[Told]
    tasks: list[Asked]


@pytest.fixture(scope="module")
def bench() -> Bench:
    """The benchmark's passages and questions."""
    path = ROOT.parent / "shared" / "data" / "ecom_bench" / "retrieval.json"
    if not path.exists():
        pytest.skip(f"no {path}: the public evaluation data are not here")
    return msgspec.json.decode(path.read_bytes(), type=Bench)


def passage_of(told: Told) -> Passage:
    """A product passage as ingest makes one."""
    sku, _, section = told.id.partition("#")
    title, _, body = told.text.partition(f" {section} ")
    return Passage(
        id=told.id,
        shop=SHOP,
        locale="zh",
        header=Header(
            id=sku,
            title=title,
            kind="product",
            audience="customer",
            effective_from=date.min,
            products=(sku,),
            names=(title,),
        ),
        heading=section,
        text=body or told.text,
        sentences=split_sentences(body or told.text, "zh"),
        asked=(),
        path="public",
        line=1,
    )


def ours(bench: Bench) -> Rank:
    """Words alone, each line with the lines before it as its history."""
    passages = [passage_of(told) for told in bench.passages]
    facts = facts_of(passages)
    analyzers = analyzers_of(facts, load_synonyms(shipped(WORDS)))
    index = Index.build(passages, analyzers)
    searcher = Searcher(SHOP, index, analyzers, facts, lambda: date(2026, 11, 23))
    engine = RetrievalEngine(SHOP, searcher, None)

    def rank(queries: Sequence[str], number: int) -> list[str]:
        before = tuple(Utterance("customer", line) for line in queries[:number])
        found = engine.find(queries[number], "zh", before, DEPTH)
        return [hit.passage.id for hit in found.hits]

    return rank


def baseline(bench: Bench) -> Rank:
    """Characters, one to three, TF-IDF, cosine; it sees the stock number too."""
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    matrix = vectorizer.fit_transform(f"{p.id} {p.text}" for p in bench.passages)

    def rank(queries: Sequence[str], number: int) -> list[str]:
        scores = (matrix @ vectorizer.transform([queries[number]]).T).toarray()[:, 0]
        return [bench.passages[i].id for i in np.argsort(-scores)[:DEPTH]]

    return rank


def gain(rank: Rank, task: Asked) -> float:
    """Mean over the needed passages of the best discounted rank that a line gave."""
    found = [rank(task.queries, number) for number in range(len(task.queries))]
    gains = [
        max(
            (1 / math.log2(ids.index(gold) + 2) for ids in found if gold in ids),
            default=0.0,
        )
        for gold in task.gold
    ]
    return sum(gains) / len(gains)


def test_product_passages_are_found_better_than_by_character_tfidf(
    bench: Bench,
) -> None:
    """The paired bootstrap interval of the difference lies above zero."""
    mine, theirs = ours(bench), baseline(bench)
    own = np.array([gain(mine, task) for task in bench.tasks])
    other = np.array([gain(theirs, task) for task in bench.tasks])
    draws = np.random.default_rng(7).integers(0, len(own), (RESAMPLES, len(own)))
    low, high = np.quantile((own - other)[draws].mean(axis=1), [0.025, 0.975])
    assert low > 0, (own.mean(), other.mean(), low, high)
    assert high >= low


def test_the_bench_is_read_from_beside_the_project(bench: Bench) -> None:
    """Every needed passage is there."""
    known = {told.id for told in bench.passages}
    assert all(gold in known for task in bench.tasks for gold in task.gold)
    assert Path(__file__).is_relative_to(ROOT)
