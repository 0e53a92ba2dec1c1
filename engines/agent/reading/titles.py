"""
Which products a text names, by the words it shares with their titles.

Of two lines the one with more in common is meant; lines that share the same
words cannot be told apart, and lines that share different words are both
meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engines.shops.port import OrderLine


_LATIN_WORD = re.compile(r"[a-z][a-z\-]{2,}")
_CJK = re.compile(r"[\u4e00-\u9fff]")
_GAP = re.compile(r"\s+")
#: Words of titles and requests that say nothing of which product is meant.
_COMMON = re.compile(
    r"^(?:the|and|for|with|order|item|product|refund|return|please|cancel|one|set|pro"
    r"|mini|smart|city|from|out|not|gift)s?$"
)
#: Fewer characters in common name nothing.
_SHORTEST_RUN = 2
#: Longer texts are compared up to here; the work grows with the length.
_LONGEST = 400


def named_lines(
    text: str, lines: Sequence[OrderLine]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Lines that the folded *text* names, and lines that it could mean instead."""
    shared = {line.line: _shared(text, line) for line in lines}
    hits = {line: words for line, words in shared.items() if words}
    best = {
        line: words
        for line, words in hits.items()
        if not any(_says_more(other, words) for other in hits.values())
    }
    seen = list(best.values())
    unclear = tuple(line for line, words in best.items() if seen.count(words) > 1)
    if unclear:
        return (), unclear
    return tuple(best), ()


def _says_more(other: frozenset[str], words: frozenset[str]) -> bool:
    """Tell if every word also stands in the other's, and the other has more."""
    return other != words and all(
        any(word in longer for longer in other) for word in words
    )


def _shared(text: str, line: OrderLine) -> frozenset[str]:
    latin = _words(line.title_en) & _words(text[:_LONGEST])
    run = _common_run(_joined(line.title_zh), _joined(text[:_LONGEST]))
    is_name = len(run) >= _SHORTEST_RUN and _CJK.search(run) is not None
    return latin | {run} if is_name else latin


def _joined(text: str) -> str:
    return _GAP.sub("", text.lower())


def _words(text: str) -> frozenset[str]:
    found = _LATIN_WORD.findall(text.lower())
    return frozenset(
        word.removesuffix("s") for word in found if not _COMMON.match(word)
    )


def _common_run(left: str, right: str) -> str:
    """The longest run of characters that both texts share."""
    best, end = 0, 0
    previous = [0] * (len(right) + 1)
    for at, mark in enumerate(left, start=1):
        row = [0]
        for place, other in enumerate(right):
            row.append(previous[place] + 1 if mark == other else 0)
        longest = max(row)
        if longest > best:
            best, end = longest, at
        previous = row
    return left[end - best : end]


def common_words(text: str, title_zh: str, title_en: str) -> int:
    """How much of a title a folded text names; 0 if it does not name it."""
    latin = _words(title_en) & _words(text[:_LONGEST])
    run = _common_run(_joined(title_zh), _joined(text[:_LONGEST]))
    is_name = len(run) >= _SHORTEST_RUN and _CJK.search(run) is not None
    return sum(map(len, latin)) + (len(run) if is_name else 0)
