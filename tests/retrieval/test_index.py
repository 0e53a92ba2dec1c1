"""
Search: the same numbers as the textbook, and nothing that may not be seen.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from datetime import date

import pytest
from desk import KNOWLEDGE, TODAY
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.contract import Locale, ShopId
from engines.retrieval import postings as indexes
from engines.retrieval.documents import Audience, Header, Passage
from engines.retrieval.index import Index, Scope
from engines.retrieval.terms import Analyzer
from engines.retrieval.words import Phrases, Synonyms, load_synonyms


EMPTY = Synonyms({"zh": Phrases([], "zh"), "en": Phrases([], "en")}, frozenset())
PLAIN: dict[Locale, Analyzer] = {"en": Analyzer("en", EMPTY, Phrases([], "en"))}
A, B = ShopId("a"), ShopId("b")


def passage(
    number: int,
    text: str,
    *,
    shop: ShopId = A,
    audience: Audience = "customer",
    start: date = date(2026, 1, 1),
    until: date | None = None,
    products: tuple[str, ...] = (),
) -> Passage:
    """A passage with nothing but a body."""
    header = Header(
        id=f"d{number}",
        title="-",
        kind="product" if products else "policy",
        audience=audience,
        effective_from=start,
        effective_until=until,
        products=products,
    )
    return Passage(
        id=f"en/d{number}#a",
        shop=shop,
        locale="en",
        header=header,
        heading="-",
        text=text,
        sentences=(text,),
        asked=(),
        path="-",
        line=1,
    )


def found(passages: Sequence[Passage], query: str, scope: Scope) -> list[str]:
    """Ids of what a search finds."""
    asked = PLAIN["en"].query(query)
    return [
        hit.passage.id for hit in Index.build(passages, PLAIN).search(asked, scope, 50)
    ]


def scope(shop: ShopId = A, on: date = TODAY, audience: Audience = "customer") -> Scope:
    """A scope in English."""
    return Scope(shop=shop, locale="en", on=on, audience=audience)


def textbook(bodies: Sequence[Sequence[str]], query: Sequence[str]) -> list[float]:
    """BM25 as written in books, over single words."""
    mean = sum(map(len, bodies)) / len(bodies)
    scores = []
    for body in bodies:
        counts, total = Counter(body), 0.0
        norm = indexes.K1 * (1 - indexes.B + indexes.B * len(body) / mean)
        for word in set(query):
            holders = sum(word in other for other in bodies)
            number = len(bodies) + indexes.UNSEEN
            idf = math.log(1 + (number - holders + 0.5) / (holders + 0.5))
            total += idf * counts[word] * (indexes.K1 + 1) / (counts[word] + norm)
        scores.append(total)
    return scores


words = st.sampled_from(["return", "refund", "coupon", "parcel", "kettle", "lamp"])


@settings(deadline=None)
@given(
    st.lists(st.lists(words, min_size=1, max_size=8), min_size=1, max_size=12),
    st.lists(words, min_size=1, max_size=4),
)
def test_scores_are_those_of_the_textbook(
    bodies: list[list[str]], query: list[str]
) -> None:
    """Same documents, same order, same score as a direct computation."""
    passages = [passage(n, " ".join(body)) for n, body in enumerate(bodies)]
    asked = PLAIN["en"].query(" ".join(query))
    hits = Index.build(passages, PLAIN).search(asked, scope(), 50)
    stems = {word: PLAIN["en"].query(word).units[0].word for word in query}
    expected = textbook(
        [[PLAIN["en"].query(w).units[0].word for w in body] for body in bodies],
        list(stems.values()),
    )
    scores = {hit.passage.id: hit.score for hit in hits}
    for number, value in enumerate(expected):
        assert scores.get(f"en/d{number}#a", 0.0) == pytest.approx(value, rel=1e-4)
    ranks = [h.rank_by_words for h in hits]
    assert ranks == sorted(ranks, reverse=True)


@pytest.mark.parametrize(
    ("start", "until", "on", "is_found"),
    [
        (date(2026, 1, 1), None, date(2026, 1, 1), True),
        (date(2026, 1, 1), date(2026, 1, 31), date(2026, 1, 31), True),
        (date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1), False),
        (date(2026, 1, 2), None, date(2026, 1, 1), False),
    ],
)
def test_passages_count_on_their_days_only(
    start: date, until: date | None, on: date, *, is_found: bool
) -> None:
    """The first and the last day are in, the days around them out."""
    one = passage(1, "coupon rules", start=start, until=until)
    assert bool(found([one], "coupon", scope(on=on))) is is_found


def test_passages_for_staff_are_hidden_from_customers() -> None:
    """Whoever asks, only staff finds notes for staff."""
    one = passage(1, "goodwill coupon", audience="staff")
    assert found([one], "goodwill coupon", scope()) == []
    assert found([one], "goodwill coupon", scope(audience="staff"))


def test_no_shop_ever_finds_another_shops_passages() -> None:
    """Canaries of shop B never appear for shop A in 10,000 questions."""
    rng = random.Random(3)
    vocabulary = [f"word{n}" for n in range(60)] + ["canary"]
    passages = [
        passage(n, " ".join(rng.choices(vocabulary, k=12)), shop=A if n % 2 else B)
        for n in range(400)
    ]
    index = Index.build(passages, PLAIN)
    for _ in range(10_000):
        asked = PLAIN["en"].query(" ".join(rng.choices(vocabulary, k=4)))
        assert all(h.passage.shop == A for h in index.search(asked, scope(A), 5))
    assert index.search(PLAIN["en"].query("canary"), scope(ShopId("c"))) == ()


def test_a_named_product_excludes_the_others() -> None:
    """A question on the lamp is never answered with the kettle."""
    names = Phrases([("lamp", "LP"), ("kettle", "KT")], "en")
    analyzers: dict[Locale, Analyzer] = {"en": Analyzer("en", EMPTY, names)}
    passages = [
        passage(1, "power 14 watts", products=("LP",)),
        passage(2, "power power 1800 watts", products=("KT",)),
        passage(3, "power supply policy"),
    ]
    hits = Index.build(passages, analyzers).search(
        analyzers["en"].query("power of the lamp"), scope(), 5
    )
    assert hits[0].passage.id == "en/d1#a"
    assert "en/d2#a" not in [hit.passage.id for hit in hits]


def test_coverage_is_full_only_if_all_is_spoken_of() -> None:
    """Rare words count more, unknown words count most."""
    passages = [passage(n, f"coupon rules number{n}") for n in range(9)]
    index = Index.build([*passages, passage(9, "coupon for orchids")], PLAIN)

    def coverage(text: str) -> float:
        return index.search(PLAIN["en"].query(text), scope(), 1)[0].coverage

    assert coverage("coupon orchids") == 1.0
    assert coverage("coupon zebras") < 0.35
    assert 0.0 < coverage("coupon zebras") < coverage("orchids zebras") < 1.0


def test_a_wording_that_stands_for_one_thing_must_be_met() -> None:
    """Half of a sale's name is no match: the other sale is no answer."""
    synonyms = load_synonyms(KNOWLEDGE / "words.yaml")
    analyzer = Analyzer("en", synonyms, Phrases([], "en"))
    passages = [passage(1, "Double Twelve starts on 8 December and ends soon")]
    index = Index.build(passages, {"en": analyzer})
    wrong = index.search(analyzer.query("when does double eleven end"), scope(), 1)
    right = index.search(analyzer.query("when does double twelve end"), scope(), 1)
    assert wrong[0].coverage < 0.3 < right[0].coverage


@given(st.text(max_size=200))
def test_any_text_can_be_searched(text: str) -> None:
    """No question makes a search fail, in either language."""
    analyzers: dict[Locale, Analyzer] = {
        "zh": Analyzer("zh", EMPTY, Phrases([], "zh")),
        "en": PLAIN["en"],
    }
    index = Index.build([passage(1, "coupon rules")], analyzers)
    for locale, analyzer in analyzers.items():
        index.search(analyzer.query(text), Scope(shop=A, locale=locale, on=TODAY), 3)
