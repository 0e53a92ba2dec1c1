"""
Accounts whose messages are pulled: who pulls, and how far.

A webhook that only says "there is something" writes a hint; one worker at a
time takes the account, pulls and moves the cursor, fenced by an epoch.
"""

from __future__ import annotations

import msgspec

from gateway.store import keys
from gateway.store.connection import Scripts


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """
    An account this worker may pull now.

    Attributes:
        hint: What the last webhook gave, opaque.

        hinted: Number of that hint; written as done at the end.
    """

    shop: str
    channel: str
    account: str
    epoch: int
    cursor: str
    hint: str
    hinted: int


class Pulls:
    """The store's side of pulling."""

    def __init__(self, scripts: Scripts, *, lease_ms: int = 30_000) -> None:
        self._scripts = scripts
        self._lease_ms = lease_ms

    async def hint(self, shop: str, channel: str, account: str, hint: str) -> None:
        """Write on disk that *account* has something; hints are numbered."""
        accounts = keys.shop_key(shop, "pulls", channel)
        key = keys.shop_key(shop, "pull", channel, account)
        await self._scripts.command(accounts, "SADD", accounts, account)
        await self._scripts.command(key, "HSET", key, "hint", hint)
        await self._scripts.command(key, "HINCRBY", key, "hinted", 1)

    async def accounts(self, shop: str, channel: str) -> list[str]:
        """Every account that was ever hinted at."""
        key = keys.shop_key(shop, "pulls", channel)
        members = await self._scripts.command(key, "SMEMBERS", key)
        return sorted(member.decode() for member in members)

    async def take(self, shop: str, channel: str, account: str) -> Pull | None:
        """Take an account, if it has a hint that nobody works on."""
        key = keys.shop_key(shop, "pull", channel, account)
        reply = await self._scripts.call("pull_take", (key,), (self._lease_ms,))
        if reply[0] == 0:
            return None
        _, epoch, cursor, hint, hinted = reply
        return Pull(
            shop=shop,
            channel=channel,
            account=account,
            epoch=epoch,
            cursor=cursor.decode(),
            hint=hint.decode(),
            hinted=hinted,
        )

    async def move(self, pull: Pull, cursor: str, *, is_done: bool) -> bool:
        """Write the cursor; False if another worker has the account by now."""
        key = keys.shop_key(pull.shop, "pull", pull.channel, pull.account)
        args = (
            pull.epoch,
            cursor,
            0 if is_done else self._lease_ms,
            pull.hinted if is_done else 0,
        )
        return bool(await self._scripts.call("pull_move", (key,), args))

    async def give_up(self, pull: Pull, cursor: str) -> None:
        """Let the account be tried again at once; the hint stays open."""
        key = keys.shop_key(pull.shop, "pull", pull.channel, pull.account)
        await self._scripts.call("pull_move", (key,), (pull.epoch, cursor, 0, 0))
