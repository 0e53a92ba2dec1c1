"""
Kills or pauses processes of a running stack, or changes its shops' stage on top.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

from gateway.stages import LOOK_S, change_orders, changed
from gateway.store.connection import Scripts
from gateway.store.stages import StageStore
from gateway.supervisor import Supervisor


FaultKind = Literal[
    "worker", "workers", "store", "pause", "stall", "term", "stage", "none"
]
#: Strikes once with the fault of that name; how many processes or lines it hit.
Strike = Callable[[str], Awaitable[int]]

#: A stalled process sleeps so long: shorter than any lease.
STALL_S = 2.0

#: One after the other: both directions, and the longest jumps.
STAGES = ("startup", "mature", "growth")


class Striker:
    """
    Strikes a stack's processes; its supervisor starts them again.

    Args:
        pause_s: How long a paused process sleeps.
    """

    def __init__(self, supervisor: Supervisor, pause_s: float) -> None:
        self._supervisor = supervisor
        self._pause_s = pause_s
        self._struck: list[int] = []

    async def strike(self, fault: str) -> int:
        """
        Strike once; how many processes it hit.

        ``stage`` puts every shop on another stage and kills a worker meanwhile.
        """
        if fault == "stage":
            await self._change_stage()
        pids = await self._someone(fault)
        sleeps_s = {"pause": self._pause_s, "stall": STALL_S}.get(fault)
        number = signal.SIGTERM if fault == "term" else signal.SIGKILL
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number if sleeps_s is None else signal.SIGSTOP)
        if sleeps_s is not None:
            await asyncio.sleep(sleeps_s)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        return len(pids)

    async def _change_stage(self) -> None:
        stage = STAGES[len(self._struck) % len(STAGES)]
        scripts = await Scripts.connect(self._supervisor.store_url)
        try:
            store = StageStore(scripts)
            for shop in self._supervisor.config.shops:
                await change_orders(
                    store,
                    shop.id,
                    lambda before: changed(
                        before, "a strike", "loadtest", 0, stage=stage
                    ),
                )
        finally:
            await scripts.close()
        # Half of the workers' round: some follow before the kill, some after it.
        await asyncio.sleep(LOOK_S / 2)

    async def _someone(self, fault: str) -> list[int]:
        """Whom to strike; waits while nobody is there, between two lives."""
        while not (pids := self._targets(fault)) and fault != "none":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return pids

    def _targets(self, fault: str) -> list[int]:
        if fault == "none":
            return []
        if fault == "store":
            pid = self._supervisor.store_pid
            return [] if pid is None else [pid]
        pids = self._supervisor.worker_pids
        if fault in ("workers", "stall"):
            return pids
        # The one whose last strike is longest ago: customers may all be with it.
        chosen = sorted(pids, key=self._last)[:1]
        self._struck += chosen
        return chosen

    def _last(self, pid: int) -> int:
        """Number of the last strike that hit *pid*; -1 if none did."""
        hits = [number for number, struck in enumerate(self._struck) if struck == pid]
        return hits[-1] if hits else -1
