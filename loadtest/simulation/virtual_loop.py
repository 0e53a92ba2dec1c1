"""
An event loop whose clock jumps to the next thing that is due.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any


#: Told of every task that its owner's code starts, so that a crash can end them.
on_task: ContextVar[Callable[[asyncio.Task[Any]], None] | None] = ContextVar(
    "on_task", default=None
)


class Deadlock(Exception):
    """Nothing is due any more, but the simulation has not ended."""


class _Waits(selectors.SelectSelector):
    """Does not wait: it moves the clock on instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1_000.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        self.now_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs callbacks in one order only, as time and a seed have it."""

    def __init__(self) -> None:
        self._waits = _Waits()
        super().__init__(self._waits)
        self.set_task_factory(_told)

    def time(self) -> float:
        """Virtual seconds."""
        return self._waits.now_s


def _told(
    loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **kwargs)
    tell = on_task.get()
    if tell is not None:
        tell(task)
    return task
