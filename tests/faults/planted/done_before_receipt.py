"""
A worker with a planted bug: it says "done" and calls the shop a moment later.
"""

import asyncio
import sys

import msgspec

from engines.agent.execution import Executor
from engines.agent.ledger import ActionState
from gateway.forkserver import main


later = set()


async def run(self, record, deadline_s):
    if record.state is ActionState.CONFIRMED:
        record = await self._ledger.move(record, ActionState.EXECUTING, "intent")

    async def call():
        await asyncio.sleep(0.4)
        await self._send(record, record.steps[0], deadline_s)

    task = asyncio.create_task(call())
    later.add(task)
    task.add_done_callback(later.discard)
    first = msgspec.structs.replace(record.steps[0], receipt="R-1")
    steps = (first, *record.steps[1:])
    return await self._ledger.move(record, ActionState.DONE, "R-1", steps=steps)


Executor.run = run
main(sys.argv[1:])
