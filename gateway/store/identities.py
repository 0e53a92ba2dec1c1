"""
Who is who on which channel: links with proof, that can be taken back.

A link says that one user of one channel is known to be the customer of another
conversation. It is made by a proof and ended by either side; a code is shown to
somebody who is proven already and is good once, for a short time.
"""

from __future__ import annotations

import msgspec

from gateway.store import keys
from gateway.store.connection import Scripts


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """
    A channel's user and the conversation and user they are.

    Attributes:
        proof: How it was shown: ``shop`` or ``code``.
    """

    channel: str
    user: str
    conversation: str
    user_id: str
    proof: str
    at_ms: int


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a code stands for."""

    conversation: str
    user_id: str


_links = msgspec.json.Decoder(Link)
_offers = msgspec.json.Decoder(Offer)
_encode = msgspec.json.Encoder().encode


class Identities:
    """The links of all shops."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def get(self, shop: str, channel: str, user: str) -> Link | None:
        """The link of a channel's user."""
        key = keys.shop_key(shop, "links", channel)
        found = await self._scripts.command(key, "HGET", key, user)
        return None if found is None else _links.decode(found)

    async def put(self, shop: str, link: Link) -> None:
        """Write a link, in place of an older one."""
        key = keys.shop_key(shop, "links", link.channel)
        await self._scripts.command(key, "HSET", key, link.user, _encode(link))

    async def drop(self, shop: str, channel: str, user: str) -> bool:
        """End a link; False if there was none."""
        key = keys.shop_key(shop, "links", channel)
        return bool(await self._scripts.command(key, "HDEL", key, user))

    async def offer(self, shop: str, code: str, offer: Offer, life_s: int) -> None:
        """Keep what a code stands for, for a while."""
        key = keys.shop_key(shop, "code", code)
        await self._scripts.command(key, "SET", key, _encode(offer), "EX", life_s)

    async def redeem(self, shop: str, code: str) -> Offer | None:
        """What a code stands for; it is gone after this."""
        key = keys.shop_key(shop, "code", code)
        found = await self._scripts.command(key, "GETDEL", key)
        return None if found is None else _offers.decode(found)

    async def is_first(
        self, shop: str, channel: str, message_id: str, life_s: int
    ) -> bool:
        """Whether a message that is an order to us was not carried out before."""
        key = keys.shop_key(shop, "ordered", channel, message_id)
        words = ("SET", key, "1", "NX", "EX", life_s)
        return await self._scripts.command(key, *words) is not None

    async def missed(self, shop: str, channel: str, user: str, life_s: int) -> int:
        """Count a wrong code of a user; wrong ones within *life_s*."""
        key = keys.shop_key(shop, "misses", channel, user)
        count: int = await self._scripts.command(key, "INCR", key)
        if count == 1:
            await self._scripts.command(key, "EXPIRE", key, life_s)
        return count
