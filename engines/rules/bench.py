"""
Time per message of the whole L1 match as packs grow, beside the naive way.

Packs are made of invented topics with examples, keywords and an expression
each; a pattern is any of those. Messages are wordings that stand in no pack.
The naive way is a plain loop of Python expressions, one for each of the same
Chinese expressions and examples.
"""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from engines.contract import Locale
from engines.rules.forms import Texts
from engines.rules.matcher import Matcher
from engines.rules.pack import Intent, KeywordRule, Lexicon, Wording, Words
from engines.rules.reading import build_readers


#: Examples, keyword rules and expressions of an intent, in one language.
PATTERNS_EACH: Final = 10

ROUNDS: Final = 15

_ZH: Final = ("怎么", "多久", "能", "多少", "哪里", "什么", "可以", "需要")
_EN: Final = ("how", "when", "can", "where", "what", "which", "do you", "should")
_SYLLABLES: Final = tuple(f"{c}{v}" for c in "bdfgklmnprstvz" for v in "aeiou")
_LEXICON: Final = Lexicon(
    zh=Words(synonyms=tuple((word,) for word in _ZH), particles=("吗", "呢", "请问")),
    en=Words(synonyms=tuple((word,) for word in _EN), particles=("please", "the")),
)


class BenchRow(msgspec.Struct, frozen=True):
    """Figures of one size; times are medians of CPU time."""

    patterns: int
    arithmetic: str
    zh_us: float
    en_us: float
    compile_s: float
    loop_us: float


class Growth(msgspec.Struct, frozen=True):
    """
    Figures of several runs over the same sizes, and how they grow.

    Attributes:
        rows: Medians over the runs, one row a size.

        runs: How many times every size was built and timed.

        zh, en: Time per message of the largest size over that of the smallest: the
            ratio within each run, so a slower hour cancels out; the median of them.
    """

    rows: list[BenchRow]
    runs: int
    zh: float
    en: float


def measure_growth(
    sizes: Sequence[int], runs: int, arithmetic: str,
    tell: Callable[[str], None] = lambda _: None,
) -> Growth:  # fmt: skip
    """Measure all *sizes* in turn, *runs* times over."""
    found = [[measure(size, arithmetic, tell) for size in sizes] for _ in range(runs)]
    low, high = sizes.index(min(sizes)), sizes.index(max(sizes))
    return Growth(
        [_median(rows) for rows in zip(*found, strict=True)],
        runs,
        statistics.median(rows[high].zh_us / rows[low].zh_us for rows in found),
        statistics.median(rows[high].en_us / rows[low].en_us for rows in found),
    )


def _median(rows: Sequence[BenchRow]) -> BenchRow:
    """Medians of rows of one size."""
    return BenchRow(
        rows[0].patterns,
        rows[0].arithmetic,
        statistics.median(row.zh_us for row in rows),
        statistics.median(row.en_us for row in rows),
        statistics.median(row.compile_s for row in rows),
        statistics.median(row.loop_us for row in rows),
    )


def measure(
    patterns: int, arithmetic: str, tell: Callable[[str], None] = lambda _: None
) -> BenchRow:
    """Build a pack of about *patterns* patterns (half of each language) and time it."""
    count = max(8, patterns // (2 * PATTERNS_EACH))
    tell(f"building {count} intents")
    chance = random.Random(11)  # noqa: S311  # a fixed sequence, nothing secret
    intents = [_intent(number, chance) for number in range(count)]
    start = time.perf_counter()
    matcher = Matcher(intents, build_readers(_LEXICON, intents))
    compile_s = time.perf_counter() - start
    used = _use(matcher, arithmetic)
    asked = [chance.choice(intents) for _ in range(60)]
    zh = [f"请问{intent.zh.examples[0]}的那个现在还办吗呢" for intent in asked]
    en = [
        f"please tell me {intent.en.examples[0]} in this shop today" for intent in asked
    ]
    return BenchRow(
        patterns,
        used,
        _time(matcher, zh, "zh"),
        _time(matcher, en, "en"),
        compile_s,
        _loop(intents, zh[:6]),
    )


def _use(matcher: Matcher, arithmetic: str) -> str:
    if arithmetic == "plain":
        return "plain"
    try:
        matcher.use_native()
    except ImportError:
        return "plain"
    return "native"


def _intent(number: int, chance: random.Random) -> Intent:
    topic = "".join(chr(chance.randrange(0x4E00, 0x5E00)) for _ in range(3))
    name = "".join(chance.choice(_SYLLABLES) for _ in range(3))
    return Intent(
        id=f"i{number}",
        title=Texts(zh=topic, en=name),
        zh=Wording(
            keywords=(KeywordRule(all=(topic[:2],), any=_ZH[:3]),),
            patterns=(f"{topic[0]}.{{0,3}}{topic[2]}",),
            examples=tuple(_examples(_ZH, topic, "", chance)),
            answer="好",
        ),
        en=Wording(
            keywords=(KeywordRule(all=(name,), any=_EN[:3]),),
            patterns=(f"{name} .{{0,9}}x",),
            examples=tuple(_examples(_EN, name, " ", chance)),
            answer="ok",
        ),
    )


def _examples(
    words: Sequence[str], topic: str, joint: str, chance: random.Random
) -> Iterator[str]:
    for number in range(PATTERNS_EACH - 2):
        tail = (
            "".join(chance.choice(_SYLLABLES) for _ in range(2))
            if joint
            else chr(chance.randrange(0x4E00, 0x5E00))
        )
        yield joint.join((words[number % len(words)], topic, tail))


def _time(matcher: Matcher, texts: Sequence[str], locale: Locale) -> float:
    rounds = []
    for _ in range(ROUNDS):
        start = time.thread_time_ns()
        for text in texts:
            matcher.match(text, locale)
        rounds.append(time.thread_time_ns() - start)
    return statistics.median(rounds) / len(texts) / 1000


def _loop(intents: Sequence[Intent], texts: Sequence[str]) -> float:
    """The naive way: one expression after the other."""
    compiled = [
        re.compile(pattern)
        for intent in intents
        for pattern in (*intent.zh.patterns, *map(re.escape, intent.zh.examples))
    ]
    start = time.thread_time_ns()
    for text in texts:
        for pattern in compiled:
            pattern.search(text)
    return (time.thread_time_ns() - start) / len(texts) / 1000
