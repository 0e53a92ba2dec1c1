"""
A worker with a planted bug: it calls the shop first and writes its intent later.
"""

import asyncio
import sys

from engines.agent.execution import Executor
from engines.agent.ledger import ActionState
from gateway.forkserver import main


_run = Executor.run


async def run(self, record, deadline_s):
    if record.state is ActionState.CONFIRMED:
        await self._send(record, record.steps[0], deadline_s)
        await asyncio.sleep(1.1)
    return await _run(self, record, deadline_s)


Executor.run = run
main(sys.argv[1:])
