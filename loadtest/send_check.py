"""
What a platform would say of a day's sends: too many, too late, too close, twice, lost.

Pure, and written from the platforms' side: it knows when customers wrote and when
sends arrived, and nothing of how we count.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.channels.contract import Caps


#: What every line of the day bears, to be found again: its number in the talk.
TOKEN = re.compile(r"#(\d{4})#")


class Heard(NamedTuple):
    """A send as it arrived."""

    at_s: float
    text: str


def findings(
    words_s: Sequence[float], heard: Sequence[Heard], caps: Caps
) -> Iterator[str]:
    """
    What is wrong with the sends of one conversation, in words.

    Args:
        words_s: When the customer wrote, ascending, by the platform's clock.

        heard: In the order in which they arrived.
    """
    spent: dict[int, int] = {}
    before_s = float("-inf")
    for one in heard:
        word = bisect_right(words_s, one.at_s) - 1
        if word < 0:
            yield "a send before the customer's first word"
            continue
        spent[word] = spent.get(word, 0) + 1
        if caps.window_s and one.at_s - words_s[word] > caps.window_s:
            yield f"{one.at_s - words_s[word] - caps.window_s:.2f} s after the window"
        if one.at_s - before_s < caps.pause_s * _CLOCKS:
            yield f"{one.at_s - before_s:.3f} s after the send before it"
        before_s = one.at_s
    over = [count for count in spent.values() if caps.sends and count > caps.sends]
    yield from (f"{count} sends for one word" for count in over)
    yield from _texts("".join(one.text for one in heard))


#: Two clocks read a pause a little shorter than it was.
_CLOCKS = 0.8


def _texts(text: str) -> Iterator[str]:
    """Lines twice, or missing although a later one arrived."""
    numbers = [int(found) for found in TOKEN.findall(text)]
    if len(set(numbers)) < len(numbers):
        yield "a line twice"
    elif numbers != sorted(numbers):
        yield "lines out of order"
    elif numbers and len(numbers) < numbers[-1]:
        yield f"{numbers[-1] - len(numbers)} lines lost in between"
