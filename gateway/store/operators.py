"""
Accounts, sessions and failed sign-ins of operators.

    {shop:}pa:             accounts of a shop (hash: name -> account)
    tg:session:<digest>    a session (string, expires)
    {tries:}<name>         failed sign-ins (string, expires)

What stands in an account or a session is opaque here.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.store.connection import Scripts
from gateway.store.keys import escape, shop_key


class OperatorStore:
    """Plain records of who may work at the desks."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def put_account(
        self, shop: str, name: str, account: bytes, replace: bool
    ) -> bool:
        """Write an account; False if the name is taken and not to be replaced."""
        key = shop_key(shop, "pa")
        if replace:
            await self._scripts.command(key, "HSET", key, name, account)
            return True
        return bool(await self._scripts.command(key, "HSETNX", key, name, account))

    async def account(self, shop: str, name: str) -> bytes | None:
        """One account, or None."""
        key = shop_key(shop, "pa")
        found: bytes | None = await self._scripts.command(
            key, "HGET", key, name.encode("utf-8", "surrogatepass")
        )
        return found

    async def accounts(self, shop: str) -> list[bytes]:
        """All accounts of a shop."""
        key = shop_key(shop, "pa")
        found: list[bytes] = await self._scripts.command(key, "HVALS", key)
        return found

    async def drop_account(self, shop: str, name: str) -> bool:
        """Remove an account; False if there was none."""
        key = shop_key(shop, "pa")
        return bool(await self._scripts.command(key, "HDEL", key, name))

    async def put_session(self, digest: str, entry: bytes, life_ms: int) -> None:
        """Keep a session for *life_ms*."""
        key = _session_key(digest)
        await self._scripts.command(key, "SET", key, entry, "PX", life_ms)

    async def session(self, digest: str) -> bytes | None:
        """One session, or None."""
        key = _session_key(digest)
        found: bytes | None = await self._scripts.command(key, "GET", key)
        return found

    async def drop_session(self, digest: str) -> None:
        """End a session."""
        key = _session_key(digest)
        await self._scripts.command(key, "DEL", key)

    async def tries(
        self,
        counters: Sequence[str],
        most: Sequence[int],
        window_ms: int,
        count: bool,
    ) -> int:
        """
        Milliseconds until another try is allowed; 0 now.

        With *count*, after one more failure in every counter.
        """
        wait_ms = await self._scripts.call(
            "handoff_tries",
            [f"{{tries:}}{escape(counter)}" for counter in counters],
            (int(count), window_ms, *most),
        )
        return int(wait_ms)


def _session_key(digest: str) -> str:
    return f"tg:session:{digest}"
