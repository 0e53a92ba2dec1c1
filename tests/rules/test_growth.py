"""The cost of a match follows the message, not the pack."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from engines.rules.folding import fold, squeeze
from engines.rules.forms import Texts
from engines.rules.matcher import LocaleMatcher, Match, Miss
from engines.rules.pack import Intent, KeywordRule, Lexicon, Wording, Words
from engines.rules.reading import build_readers


#: Words that stand in very many intents, as 怎么 and 多久 do.
COMMON = ("怎么", "多久", "能", "多少", "哪里", "什么", "有", "要")
LEXICON = Lexicon(zh=Words(synonyms=tuple((word,) for word in COMMON)))

SMALL = 40
TIMES = 50


def intents(count: int) -> Iterator[Intent]:
    """Random intents that share common words; the first ones are always the same."""
    chance = random.Random(7)  # a fixed sequence, nothing secret
    for number in range(count):
        topic = "".join(chr(chance.randrange(0x4E00, 0x5E00)) for _ in range(3))
        examples = tuple(
            chance.choice(COMMON) + topic + chr(chance.randrange(0x4E00, 0x5E00))
            for _ in range(8)
        )
        rule = KeywordRule(all=(topic[:2],), any=COMMON[:3])
        pattern = f"{topic[0]}.{{0,3}}{topic[2]}"
        wording = Wording(
            examples=examples, keywords=(rule,), patterns=(pattern,), answer="好"
        )
        title = Texts(zh=topic, en=topic)
        yield Intent(id=f"i{number}", title=title, zh=wording)


def matcher(count: int) -> LocaleMatcher:
    pack = list(intents(count))
    return LocaleMatcher("zh", pack, build_readers(LEXICON, pack)["zh"])


@pytest.fixture(scope="module")
def messages() -> list[str]:
    """Wordings near to the intents that both packs have."""
    return [
        fold("请问" + example[:-1] + tail)
        for intent in intents(SMALL)
        for example in intent.zh.examples[:2]
        for tail in ("呢", "的那个怎么办")
    ]


def match(found: LocaleMatcher, text: str) -> Match | Miss:
    return found.match(text, squeeze(text))


def work(found: LocaleMatcher, texts: list[str]) -> float:
    return sum(match(found, text).work for text in texts) / len(texts)


def test_work_stays_flat_as_the_pack_grows(messages: list[str]):
    """Fifty times the intents cost at most twice the operations a message."""
    small, large = matcher(SMALL), matcher(SMALL * TIMES)
    assert work(large, messages) <= 2 * work(small, messages)


def test_growth_does_not_hide_the_intents(messages: list[str]):
    """The short postings of a large pack still lead to the right intents."""
    large = matcher(SMALL * TIMES)
    found = [match(large, text) for text in messages]
    hits = sum(
        isinstance(one, Match) and int(one.intent.id[1:]) < SMALL for one in found
    )
    assert hits >= 0.6 * len(messages)


def test_work_grows_with_the_message_at_most():
    """A message ten times as long costs at most about ten times as much."""
    found = matcher(SMALL)
    word = next(intents(1)).zh.examples[0]
    short, long = fold(f"{word}甲乙"), fold(f"{word}甲乙" * 10)
    assert match(found, long).work <= 12 * max(1, match(found, short).work)
