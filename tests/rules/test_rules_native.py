"""The sums in machine code are those of the plain way, message by message."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules_talk import FACTS, PACKS

from engines.contract import Locale
from engines.rules.engine import RulesEngine
from engines.rules.matcher import Match, Miss


@pytest.fixture(scope="module")
def native() -> RulesEngine:
    engine = RulesEngine.load([PACKS / "ecommerce.yaml"], FACTS)
    engine.use("native")
    return engine


def same(one: Match | Miss, other: Match | Miss) -> bool:
    """Tell if two outcomes agree, confidence as far as sums can."""
    if isinstance(one, Match) and isinstance(other, Match):
        is_near = abs(one.confidence - other.confidence) < 1e-9
        return one.intent.id == other.intent.id and is_near and one.work == other.work
    return one == other


def test_every_example_cut_and_joined_gives_the_same(
    engine: RulesEngine, native: RulesEngine
):
    """Half an example, and an example with the next one's end, in both languages."""
    assert (engine.arithmetic, native.arithmetic) == ("plain", "native")
    for locale in ("zh", "en"):
        texts = [t for i in engine.intents for t in i.wording(locale).examples[::6]]
        for text, after in pairwise(texts):
            for changed in (text[: len(text) // 2 + 1], text + after[-4:]):
                one = engine.match(changed, locale)
                assert same(one, native.match(changed, locale)), changed


WORDS = [
    "怎么",
    "退货",
    "多久",
    "退款",
    "不",
    "没",
    "第二件",
    "券",
    "吗",
    "how ",
    "my ",
    "3",
    "é",
    "🎁",
]


@settings(max_examples=300, deadline=None)
@given(
    text=st.text(max_size=60) | st.lists(st.sampled_from(WORDS)).map("".join),
    locale=st.sampled_from(["zh", "en"]),
)
def test_any_text_gives_the_same(
    engine: RulesEngine, native: RulesEngine, text: str, locale: Locale
):
    """Whatever is written, both ways say the same."""
    assert same(engine.match(text, locale), native.match(text, locale))
