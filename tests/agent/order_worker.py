"""
A worker process that carries one agreed action out, slowly, and notes when it called.

Told by arguments: store, shop, conversation, action, file of notes, seconds a call takes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from engines.agent.engine import AgentEngine
from engines.agent.ledger import OrderBusy
from engines.shops.http import HttpShop
from engines.shops.port import Effect, EffectSupport
from engines.voice import Voice
from gateway.store.connection import Scripts
from gateway.store.ledger import StoreLedger


ROOT = Path(__file__).parents[2]
POLICY = ROOT / "configs/policies/default.yaml"
VOICES = (ROOT / "configs/voice/default.yaml", ROOT / "configs/voice/agent.yaml")
GRACE_S = 0.1


class NotedShop(HttpShop):
    """Notes begin and end of each refund, by the machine's clock."""

    notes: Path
    call_s: float

    def note(self, word: str) -> None:
        with self.notes.open("a") as file:
            file.write(f"{time.monotonic()} {word}\n")

    async def refund_line(self, *args: Any) -> Effect:
        self.note("begin")
        await asyncio.sleep(self.call_s)
        effect = await super().refund_line(*args)
        self.note("end")
        return effect


async def work(store: str, url: str, conversation: str, action: str) -> str:
    scripts = await Scripts.connect(store)
    ledger = StoreLedger(scripts, lambda: int(time.time() * 1000))
    async with NotedShop(url, "test-shop-key", 5.0, EffectSupport.FINDABLE) as shop:
        shop.notes, shop.call_s = Path(sys.argv[5]), float(sys.argv[6])
        engine = AgentEngine.load(
            shop,
            ledger,
            POLICY,
            Voice.load(*VOICES),
            lambda: int(time.time() * 1000),
            grace_s=GRACE_S,
        )
        record = await ledger.get("demo", conversation, action)
        deadline_s = asyncio.get_running_loop().time() + 20
        try:
            record = await engine._executor.run(record, deadline_s)
        except OrderBusy:
            return "busy"
        finally:
            await scripts.close()
    return record.state.value


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(work(*sys.argv[1:5])))
