"""
What happens to gateways, lines, clocks and the store of a history.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from loadtest.simulation.network import Store
from loadtest.simulation.process import Process


#: Virtual seconds for which a history is struck at most: then it must end.
STRIKES_S = 120.0


#: How far the wall clocks are set forth or back, milliseconds.
JUMPS_MS = (-20_000, -1_000, 1_000, 20_000)


class Faults:
    """
    Strikes again and again, as often and as hard as the seed wants.

    Args:
        alive: The processes there are now.

    Attributes:
        jump_ms: What the wall clocks of all machines were set forth or back.
    """

    def __init__(
        self,
        chance: random.Random,
        loop: asyncio.AbstractEventLoop,
        alive: Callable[[], list[Process]],
    ) -> None:
        self._chance, self._loop, self._alive = chance, loop, alive
        self.store: Store
        self.jump_ms = 0
        self.struck: Counter[str] = Counter()

    async def strike(self) -> None:
        """Strike until cancelled, or for long enough."""
        faults = {
            "crash": self._crash,
            "all crash": self._crash_all,
            "store away": self._store_away,
            "line breaks": self._break_line,
            "process sleeps": self._sleep,
            "clock jumps": self._jump,
            "drain": self._drain,
        }
        pause_s = self._chance.choice((0.5, 2.0, 6.0))
        until_s = self._loop.time() + STRIKES_S
        while self._loop.time() < until_s:
            await asyncio.sleep(self._chance.random() * 2 * pause_s)
            name = self._chance.choice(list(faults))
            self.struck[name] += 1
            faults[name]()

    def _one(self) -> Process | None:
        alive = self._alive()
        return self._chance.choice(alive) if alive else None

    def _crash(self) -> None:
        if process := self._one():
            process.crash()

    def _crash_all(self) -> None:
        for process in self._alive():
            process.crash()

    def _store_away(self) -> None:
        """Its disk has what it answered; who waits is not told."""
        self.store.is_up = False
        for process in self._alive():
            process.line.break_off()
        self._loop.call_later(self._chance.random() * 6, self._store_back)

    def _store_back(self) -> None:
        self.store.is_up = True

    def _break_line(self) -> None:
        if process := self._one():
            process.line.break_off()

    def _sleep(self) -> None:
        """A stopped process hears of nothing until it goes on, past its leases."""
        if process := self._one():
            until_s = self._loop.time() + self._chance.random() * 8
            process.line.asleep_until_s = until_s

    def _jump(self) -> None:
        """The wall clock of store and gateways is set, forth or back."""
        self.jump_ms += self._chance.choice(JUMPS_MS)

    def _drain(self) -> None:
        if process := self._one():
            process.begin_drain()
