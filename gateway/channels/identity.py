"""
The same customer on several channels: only by proof, and never for ever.

Two proofs: the shop's own server says so with its key, or a customer who is known
on one channel asks there for a code and writes it on the other. Nothing is ever
concluded from names, numbers or what somebody writes about themselves.

A linked user's messages go to the one conversation, so that history and open tasks
follow; replies go where the customer wrote last. Unlinking ends that at once.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable

from gateway.audit_log import AuditLog
from gateway.channels.accounts import Account
from gateway.channels.contract import InboundMessage, Outcome, Piece
from gateway.store.identities import Identities, Link, Offer


#: Letters of a code: none that look alike.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 8
CODE_LIFE_S = 600
#: Wrong codes that one user may write within an hour.
MAX_MISSES = 5
MISSES_LIFE_S = 3600
_LINK = re.compile(
    rf"\s*(?:绑定|link)\s*([A-Za-z0-9]{{{CODE_LENGTH}}})\s*", re.IGNORECASE
)
_UNLINK = re.compile(r"\s*(?:解绑|解除绑定|unlink)\s*", re.IGNORECASE)
_SAID = {
    "linked": (
        "已与您的另一个会话绑定，之前的对话和未完成的事项都在这里。回复“解绑”可随时取消。"
        " / Linked: your history is here now. Reply “unlink” to undo."
    ),
    "wrong": (
        "绑定码不对或已过期，请在原会话重新获取。"
        " / That code is wrong or has run out; ask for a new one there."
    ),
    "unlinked": "已解除绑定。 / Unlinked.",
    "not_linked": "当前没有绑定。 / Nothing is linked here.",
}


class Identity:
    """Makes, uses and ends links; every change is in *audit* before it holds."""

    def __init__(
        self, identities: Identities, wall_ms: Callable[[], int], audit: AuditLog
    ) -> None:
        self._identities = identities
        self._audit = audit
        self._wall_ms = wall_ms
        self._telling: set[asyncio.Task[Outcome]] = set()

    async def place(self, shop: str, channel: str, user: str) -> tuple[str, str] | None:
        """Conversation and user that somebody is linked with; None if with nobody."""
        link = await self._identities.get(shop, channel, user)
        return None if link is None else (link.conversation, link.user_id)

    async def offer(self, shop: str, conversation: str, user_id: str) -> str:
        """A code that links whoever writes it elsewhere with this conversation."""
        code = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH))
        offer = Offer(conversation=conversation, user_id=user_id)
        await self._identities.offer(shop, code, offer, CODE_LIFE_S)
        return code

    async def put(
        self, shop: str, channel: str, user: str, offer: Offer, proof: str
    ) -> Link:
        """Write a link that was proven."""
        link = Link(
            channel=channel,
            user=user,
            conversation=offer.conversation,
            user_id=offer.user_id,
            proof=proof,
            at_ms=self._wall_ms(),
        )
        about = {"user": user, "conversation": link.conversation, "proof": proof}
        async with self._audit.acting(shop, f"channel {channel}", "link", about):
            await self._identities.put(shop, link)
        return link

    async def get(self, shop: str, channel: str, user: str) -> Link | None:
        """The link of a channel's user."""
        return await self._identities.get(shop, channel, user)

    async def drop(self, shop: str, channel: str, user: str) -> bool:
        """End a link; False if there was none."""
        about = {"user": user}
        async with self._audit.acting(shop, f"channel {channel}", "unlink", about):
            return await self._identities.drop(shop, channel, user)

    async def command(self, account: Account, message: InboundMessage) -> bool:
        """
        Carry out "link CODE" and "unlink"; True if the message was one of them.

        Its answer is one send at best effort: what was done stands in the store.
        """
        code = _LINK.fullmatch(message.text)
        is_ours = code is not None or _UNLINK.fullmatch(message.text) is not None
        if not is_ours:
            return False
        repeat = (account.shop, account.name, message.message_id, MISSES_LIFE_S)
        if not await self._identities.is_first(*repeat):
            return True
        if code is not None:
            done = await self._redeem(account, message.user_id, code[1].upper())
        else:
            is_ended = await self.drop(account.shop, account.name, message.user_id)
            done = "unlinked" if is_ended else "not_linked"
        self._tell(account, message, _SAID[done])
        return True

    def _tell(self, account: Account, message: InboundMessage, text: str) -> None:
        """Beside the acknowledgement, which does not wait for the platform."""
        piece = Piece(
            key=secrets.token_hex(16),
            address=message.address,
            text=text,
            who="notice",
            user_id=message.user_id,
            conversation_id=message.conversation_id,
        )
        task = asyncio.ensure_future(account.channel.send(piece))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _redeem(self, account: Account, user: str, code: str) -> str:
        who = (account.shop, account.name, user)
        if await self._identities.missed(*who, MISSES_LIFE_S) > MAX_MISSES:
            return "wrong"
        offer = await self._identities.redeem(account.shop, code)
        if offer is None:
            return "wrong"
        await self.put(*who, offer, "code")
        return "linked"
