"""
Words with one letter wrong: missing, doubled, another, or two of them swapped.

Two words are that near if deleting at most one letter of each leaves the same
(symmetric deletion, Garbe 2012): a look-up, whatever the size of the lexicon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


_WORD = re.compile(r"[a-z]{5,14}")
#: Words that carry a task, as the cues of tasks spell them.
_LEXICON = re.findall(
    r"\w+",
    "refund refunded return returned cancel cancelled exchange exchanged replace"
    " replaced replacement address invoice reissue deliver delivery reschedule"
    " postpone merge combine shipment together separately damaged broken missing"
    " phone price difference order orders second third please",
)
#: Words of their own that are one letter from another of the lexicon.
_OTHERS = frozenset(
    re.findall(
        r"\w+",
        "charge chance prices priced prince peace prize plane phones borders older"
        " border seconds adders pleased pleas places broker mixing merged delivered"
        " returns refunds cancels reruns orderly orderer",
    )
)


def _cut(word: str) -> frozenset[str]:
    """The word, and the word without each of its letters."""
    return frozenset({word, *(word[:at] + word[at + 1 :] for at in range(len(word)))})


_NEAR = {
    rest: word
    for word in _LEXICON
    if len(word) > 4  # noqa: PLR2004
    for rest in _cut(word)
}


def spelled(text: str) -> str:
    """The folded *text* with misspelt words of tasks put right."""
    return _WORD.sub(lambda found: _right(found[0]), text)


def is_misspelt(word: str, words: Iterable[str]) -> bool:
    """Tell if one of *words* is *word* with one letter wrong."""
    wanted = _cut(word)
    return any(wanted & _cut(one) for one in words if abs(len(one) - len(word)) <= 1)


def _right(word: str) -> str:
    if word in _NEAR_WORDS or word in _OTHERS:
        return word
    return next(
        (
            _NEAR[rest]
            for rest in sorted(_cut(word))
            if rest in _NEAR and abs(len(_NEAR[rest]) - len(word)) <= 1
        ),
        word,
    )


_NEAR_WORDS = frozenset(_LEXICON)
