"""
A worker with a planted bug: what a dead worker left is called failed.
"""

import sys

from engines.agent.execution import Executor
from engines.agent.ledger import ActionState
from loadtest.crash_worker import serve


_run = Executor.run


async def run(self, record, deadline_s):
    if record.state is ActionState.EXECUTING:
        return await self._ledger.move(record, ActionState.FAILED, "left behind")
    return await _run(self, record, deadline_s)


Executor.run = run
serve(sys.argv[1])
