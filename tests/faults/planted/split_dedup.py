"""
A worker with a planted bug: it looks for a repeat, then claims the id in a second call.
"""

import sys
import uuid

import msgspec

from gateway.forkserver import main
from gateway.store import keys
from gateway.store.conversations import Conversations


_accept = Conversations.accept
_commit = Conversations.commit


async def accept(self, shop, conversation, message, human_result=b""):
    at = keys.of_conversation(shop, conversation)
    seen = f"{at.dedup}seen:{keys.escape(message.message_id)}"
    if await self._scripts.command(seen, "GET", seen):
        return await _accept(self, shop, conversation, message, human_result)
    unique = msgspec.structs.replace(
        message, message_id=f"{message.message_id}#{uuid.uuid4()}"
    )
    accepted = await _accept(self, shop, conversation, unique, human_result)
    await self._scripts.command(seen, "SET", seen, "1")
    return accepted


Conversations.accept = accept
main(sys.argv[1:])
