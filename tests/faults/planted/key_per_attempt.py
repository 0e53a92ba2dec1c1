"""
A worker with a planted bug: every call of the shop gets a key of its own.
"""

import sys
import uuid

import msgspec

from engines.agent.execution import Executor
from gateway.forkserver import main


_send = Executor._send


async def send(self, record, step, deadline_s):
    other = msgspec.structs.replace(step, key=uuid.uuid4().hex)
    return await _send(self, record, other, deadline_s)


Executor._send = send
main(sys.argv[1:])
