"""
What a row of the attack table found, and how rows run their inputs.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from loadtest.attack_house import AT_ONCE, House


T = TypeVar("T")

#: Inputs in work at once; the house has its own bound on requests.
_BATCH = AT_ONCE * 4
#: Failures a row keeps as examples.
_KEPT = 20


class Found(msgspec.Struct, kw_only=True):
    """
    What one row found.

    Attributes:
        failures: Inputs that got through, as examples; *failed* counts all.

        note: Figures beside tried and passed.
    """

    tried: int = 0
    failed: int = 0
    failures: list[str] = msgspec.field(default_factory=list)
    note: str = ""

    def fail(self, what: str) -> None:
        """Note one input that got through."""
        self.failed += 1
        if len(self.failures) < _KEPT:
            self.failures.append(what[:300])

    def check(self, is_fine: object, what: str) -> None:
        """Count one input, and note it unless it ended as it must."""
        self.tried += 1
        if not is_fine:
            self.fail(what)

    def add(self, other: Found) -> None:
        """Take another's counts over."""
        self.tried += other.tried
        self.failed += other.failed
        self.failures += other.failures[: _KEPT - len(self.failures)]


Attack = Callable[[House, int, random.Random], Awaitable[Found]]


async def in_batches(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Work on all of *items*, so many at once, without holding them all."""
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        await asyncio.gather(*(work(one) for one in batch))


def said_any(text: str, forbidden: Sequence[str]) -> str:
    """
    The first of *forbidden* that stands in *text*; empty if none does.

    A figure counts only by itself: one inside a time in milliseconds or an id is chance.
    """
    return next((one for one in forbidden if _stands(one, text)), "")


def _stands(one: str, text: str) -> bool:
    if not one.isdigit():
        return one in text
    return re.search(rf"(?<![0-9A-Fa-f]){one}(?![0-9A-Fa-f])", text) is not None
