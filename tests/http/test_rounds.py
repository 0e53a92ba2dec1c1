"""A background loop goes on whatever a round does, and ends when it is told."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from gateway.rounds import Rounds


pytestmark = pytest.mark.anyio


class Counting:
    """A keeper whose second look fails."""

    EVERY_S: ClassVar = 0.001

    def __init__(self) -> None:
        self.looks = 0
        self.third = asyncio.Event()

    async def look(self) -> None:
        self.looks += 1
        if self.looks == 2:
            raise ValueError("nothing to see")
        if self.looks >= 3:
            self.third.set()


async def test_a_round_that_fails_is_told_and_the_next_one_comes() -> None:
    """With the loop's name, once; after the end nobody looks any more."""
    keeper, told = Counting(), []
    rounds = Rounds("moon", keeper, lambda name, exc: told.append((name, str(exc))))
    await rounds.stop()
    rounds.start()
    await asyncio.wait_for(keeper.third.wait(), 5)
    await rounds.stop()
    await rounds.stop()
    seen = keeper.looks
    await asyncio.sleep(0.02)
    assert keeper.looks == seen
    assert told == [("moon", "nothing to see")]
