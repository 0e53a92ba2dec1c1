"""
Which products a text names, by the words it shares with their titles.

Of two lines the one with more in common is meant; lines that share the same
words cannot be told apart, and lines that share different words are both
meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from engines.agent.reading.goods_words import called_alike
from engines.agent.reading.spelling import is_misspelt
from engines.agent.reading.text import NUMBER_EN, number
from engines.shops.port import OrderLine


_LATIN_WORD = re.compile(r"[a-z][a-z\-]{2,}")
_CJK_RUN = re.compile(r"[\u4e00-\u9fff]{2,}")
_BRACKETS = re.compile(r"[(（【\[].*?[)）】\]]")
#: How much of it a title sells: "250g", "12 支装", "100 张".
_MEASURE = re.compile(r"\d+(?:\.\d+)?\s?[a-z]*\s?[\u4e00-\u9fff]?装?$", re.IGNORECASE)
#: The same in English, and how it is asked for: "pack of 100", "one pack of".
_SOLD_BY = re.compile(r"\b(?:pack|packet|box|bag|bottle|pair|set|case)s? of\b")
#: Characters that end a noun and stand in too many other words.
_WEAK_NOUNS = frozenset("机器品子件装套盒包个张条双只瓶份本码号色款式系列大小新单货用")
_CJK = re.compile(r"[\u4e00-\u9fff]")
_GAP = re.compile(r"\s+")
#: Words of titles and requests that say nothing of which product is meant.
_COMMON = re.compile(
    r"^(?:the|and|for|with|order|item|product|refund|return|please|cancel|one|set|pro"
    r"|mini|smart|city|from|out|not|gift)s?$"
)
#: A noun of one character that stands for itself: "袜子", "退一个杯".
_ALONE = (
    r"(?:^|[的和跟与及、,，\s\d把退换个件条双只瓶份包盒袋本罐支根那{1}]){0}"
    r"(?:$|[子退换要不留的也都没坏破裂碎降,，、。]|颜色|那[单笔]|这[单笔]|尺?[码寸]|大小|[太有买拍穿少多])"
)
#: Where nothing else is named, a word of one's own may stand before it: "猫窝".
_OWN_WORD = r"\u4e00-\u9fff"
#: Fewer characters in common name nothing.
_SHORTEST_RUN = 2
#: Fewer are no name that could be taken for words of a task.
_SHORTEST_NAME = 3
#: Shorter words are too like each other to forgive a letter.
_LONG_WORD = 5
#: Longer texts are compared up to here; the work grows with the length.
_LONGEST = 400


def named_lines(
    text: str, lines: Sequence[OrderLine]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Lines that the folded *text* names, and lines that it could mean instead."""
    shared = {line.line: _shared(text, line) for line in lines}
    hits = {line: words for line, words in shared.items() if words}
    hits |= _almost(text, lines, hits)
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


def best_named(text: str, orders: Mapping[str, Sequence[OrderLine]]) -> tuple[str, ...]:
    """Orders whose goods the folded *text* names, none of them less than another's."""
    said = {
        id_: [words for line in lines if (words := _shared(text, line))]
        for id_, lines in orders.items()
    }
    named = [id_ for id_, lines in orders.items() if any(named_lines(text, lines))]
    every = [words for id_ in named for words in said[id_]]

    def is_best(id_: str) -> bool:
        own = said[id_]
        return not own or any(
            not any(_says_more(other, words) for other in every) for words in own
        )

    return tuple(id_ for id_ in named if is_best(id_))


def number_before(text: str, line: OrderLine) -> int | None:
    """The number before the English noun of a line: "one bike light"."""
    nouns = "|".join(map(re.escape, sorted(_words(line.title_en))))
    if not nouns:
        return None
    found = re.search(
        rf"(?<![\w-])(?P<n>{NUMBER_EN})(?<!\d\d\d)\s(?:[a-z'-]+\s){{0,2}}(?:{nouns})s?\b",
        text,
    )
    return number(found["n"]) if found else None


def without_names(text: str, lines: Iterable[OrderLine]) -> str:
    """*text* with the word for an item in place of what it calls products."""
    for line in lines:
        title, said = _joined(line.title_zh), text.lower()
        run = _common_run(title, said)
        if len(_CJK.findall(run)) >= _SHORTEST_NAME:
            at = said.index(run)
            text = f"{text[:at]}商品{text[at + len(run) :]}"
        words = _LATIN_WORD.findall(line.title_en.lower())
        for left, right in pairwise(words):
            text = re.sub(rf"\b{left} {right}s?\b", "goods", text, flags=re.IGNORECASE)
    return text


def _almost(
    text: str, lines: Sequence[OrderLine], hits: Mapping[int, frozenset[str]]
) -> dict[int, frozenset[str]]:
    """
    Further lines, named by their noun's last character, a misspelt word, or another name.

    Only if that fits one line of all: "袜子" for a pair of "运动袜". Another name counts
    for what no word of a title names.
    """
    said, words = _joined(text[:_LONGEST]), _words(text[:_LONGEST])
    before = "" if hits else _OWN_WORD
    for named in hits.values():
        words -= named
        for word in named:
            said = said.replace(word, " ")
    found = {
        line.line: near
        for line in lines
        if not line.is_gift
        and line.line not in hits
        and (near := _near(said, words, line, before))
    }
    if not found:
        rest = [line for line in lines if line.line not in hits]
        found = _otherwise(text, rest)
    return found if len(found) == 1 else {}


def _otherwise(text: str, lines: Sequence[OrderLine]) -> dict[int, frozenset[str]]:
    """Lines that are called by a word that is not in their title."""
    said = text[:_LONGEST]
    return {
        line.line: alike
        for line in lines
        if not line.is_gift
        and (alike := called_alike(said, f"{line.title_zh} {line.title_en}".lower()))
    }


def _near(
    said: str, words: frozenset[str], line: OrderLine, before: str
) -> frozenset[str]:
    noun = _noun(line.title_zh)
    alone = _ALONE.format(noun, before)
    is_said = noun not in _WEAK_NOUNS and re.search(alone, said)
    if noun and (is_said or f"{noun}子" in said):
        return frozenset({noun})
    titled = (word for word in _words(line.title_en) if len(word) >= _LONG_WORD)
    return frozenset(word for word in titled if is_misspelt(word, words))


def _noun(title: str) -> str:
    """The last character of the last word of a Chinese title without its brackets."""
    runs = _CJK_RUN.findall(_MEASURE.sub(" ", _BRACKETS.sub(" ", title)))
    return runs[-1][-1] if runs else ""


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
    found = _LATIN_WORD.findall(_SOLD_BY.sub(" ", text.lower()))
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
