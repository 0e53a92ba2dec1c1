"""
A worker with a planted bug: it acknowledges first and writes a moment later.
"""

import asyncio
import sys

from gateway.dispatch import Dispatcher
from gateway.forkserver import main
from gateway.outcome import MessageOut


_submit = Dispatcher.submit


async def submit(self, shop, conversation, message):
    async def later():
        await asyncio.sleep(0.2)
        await _submit(self, shop, conversation, message)

    self._spawn(later())
    return MessageOut(message_id=message.message_id, seq=0, status="pending")


Dispatcher.submit = submit
main(sys.argv[1:])
