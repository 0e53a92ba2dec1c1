"""
Patterns and messages made to hang a matcher, in any number, and how long they take.

Everything comes from a seeded generator: nested and ambiguous repeats, endless
alternations and counters; messages of repeats, bidirectional and invisible marks,
stacked accents, look-alikes, and the pack's own words in senseless heaps.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import msgspec

from engines.rules.engine import RulesEngine
from engines.rules.forms import Texts
from engines.rules.matcher import Matcher
from engines.rules.pack import Intent, Lexicon, Wording
from engines.rules.reading import build_readers
from engines.rules.wordrules import BadPattern, check_pattern


#: Expressions that hang a backtracking engine; ``X`` is put in.
_SHAPES: Final = (
    "(X+)+$", "(X|X)*b", "(.*)*X", "([X-z]+)*1", "(X|XX)+$", "(X+X+)+y", "(X?){40}X{40}",
    "(.*X){25}", "(X*)*(X*)*c", "^(([X-z])+.)+[A-Z]([X-z])+$", "(X{1,60}){1,60}d",
    "(?:X|[^z])*?(?:X|[^z])*?z", "X{1000}{1000}", r"(X+)\1+", "(?=X+)X*y", "((((X*)*)*)*)e",
)  # fmt: skip
_ATOMS: Final = ("a", "0", "退", "\\s", "\\w", "ab", "退货", "[a-f]", ".", "é")
_MARKS: Final = "\u200b\u200d\u202e\u2066\u2069\ufeff\u0301\u0489\ufe0f\u00ad"
_HEAP: Final = (
    "退货", "多久", "不", "没", "发票", "how", "refund", "when", "第二件", "?", "\n", ",",
    "12345678", "ﷺ", "👨‍👩‍👧", "Ａ", "۳", "а", "怎么", "我的",
)  # fmt: skip


class HostileReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    Times of one run in milliseconds of CPU.

    Attributes:
        refused: Patterns refused with a reason; the others run in linear time.

        check_p99_ms: Of checking one pattern.

        check_max_ms: The longest check.

        match_p99_ms, match_max_ms: Of one message against the pack or against all
            accepted patterns at once.
    """

    patterns: int
    refused: int
    messages: int
    check_p99_ms: float
    check_max_ms: float
    match_p99_ms: float
    match_max_ms: float


def patterns(count: int, seed: int = 5) -> Iterator[str]:
    """Hostile expressions, one like no other."""
    chance = random.Random(seed)  # noqa: S311  # a fixed sequence, nothing secret
    for number in range(count):
        shape = chance.choice(_SHAPES).replace("X", chance.choice(_ATOMS))
        yield shape + (f"k{number}" if number % 3 else f"|{chance.choice(_ATOMS)}+$")


def messages(count: int, seed: int = 6) -> Iterator[str]:
    """Hostile messages, from one character to far beyond what is read."""
    chance = random.Random(seed)  # noqa: S311  # a fixed sequence, nothing secret
    makers: Sequence[Callable[[int], str]] = (
        lambda size: chance.choice(_HEAP) * size,
        lambda size: "".join(chance.choices(_HEAP, k=size)),
        lambda size: "".join(chance.choices(_MARKS, k=size)) + "多久发货",
        lambda size: "e" + "\u0301" * size,
        lambda size: "".join(
            chance.choice(_MARKS) + c for c in "怎么退货" * (size // 9)
        ),
        lambda size: "".join(chr(chance.randrange(32, 0xD800)) for _ in range(size)),
        lambda size: "a" * size + "!",
        lambda size: "".join(
            chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(size)
        ),
    )
    for number in range(count):
        yield makers[number % len(makers)](chance.choice((1, 20, 120, 240, 5_000)))


def attack(engine: RulesEngine, count: int) -> HostileReport:
    """Check half of *count* patterns, send the other half as messages, and time all."""
    asked = list(patterns(count // 2))
    sent = list(messages(count - len(asked)))
    accepted: list[str] = []
    checked = [_timed(partial(_check, pattern, accepted)) for pattern in asked]
    heap = _heap(accepted)
    times = [
        _timed(partial(match, text, "zh"))
        for match in (engine.match, heap.match)
        for text in sent
    ]
    return HostileReport(
        patterns=len(asked),
        refused=len(asked) - len(accepted),
        messages=len(sent),
        check_p99_ms=_at(checked, 0.99),
        check_max_ms=max(checked),
        match_p99_ms=_at(times, 0.99),
        match_max_ms=max(times),
    )


def _check(pattern: str, accepted: list[str]) -> None:
    try:
        check_pattern(pattern)
    except BadPattern:
        return
    accepted.append(pattern)


def _heap(accepted: Sequence[str]) -> Matcher:
    """One intent for each accepted pattern."""
    intents = [
        Intent(
            id=f"i{number}",
            title=Texts(zh="x", en="x"),
            zh=Wording(patterns=(pattern,), examples=(f"例{number}",), answer="x"),
        )
        for number, pattern in enumerate(accepted)
    ]
    return Matcher(intents, build_readers(Lexicon(), intents))


def _timed(work: Callable[[], object]) -> float:
    start = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - start) / 1e6


def _at(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]
