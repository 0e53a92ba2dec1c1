"""
Fetching from platforms that only say "there is something" (WeCom KF).

One worker at a time has an account; it writes the cursor only after the messages
of the page are on disk, so that a worker that dies loses nothing. What is fetched
twice is found to be a repeat like any other.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from gateway.channels.accounts import Account, Accounts
from gateway.channels.contract import HookUnreadable, PlatformDown, PullHint
from gateway.channels.hooks import Hooks
from gateway.store.errors import StoreError
from gateway.store.pulls import Pull, Pulls


#: Seconds after which accounts are looked at although nobody hinted.
LOOK_AGAIN_S = 2.0


class Told(Protocol):
    """Who is told of trouble; :class:`gateway.telemetry.Telemetry`."""

    def hooked(self, channel: str, outcome: str) -> None:
        """A pull ended so."""
        ...

    def loop_failed(self, name: str, exc: Exception) -> None:
        """A round failed."""
        ...


class Puller:
    """Pulls the accounts that webhooks hinted at."""

    def __init__(
        self, accounts: Accounts, pulls: Pulls, hooks: Hooks, told: Told
    ) -> None:
        self._accounts = [one for one in accounts if _is_pulled(one)]
        self._pulls = pulls
        self._hooks = hooks
        self._told = told
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start, if a channel is pulled."""
        if self._accounts:
            self._task = asyncio.create_task(self._loop())

    async def stop(self) -> None:
        """End; idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _loop(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hooks.hinted.wait(), LOOK_AGAIN_S)
            self._hooks.hinted.clear()
            try:
                await self.round()
            except Exception as exc:  # noqa: BLE001 - told; the next round tries again
                self._told.loop_failed("pull", exc)

    async def round(self) -> None:
        """Pull every account that has a hint."""
        for account in self._accounts:
            with suppress(StoreError):
                for name in await self._pulls.accounts(account.shop, account.name):
                    pull = await self._pulls.take(account.shop, account.name, name)
                    if pull is not None:
                        await self._pull(account, pull)

    async def _pull(self, account: Account, pull: Pull) -> None:
        cursor, has_more = pull.cursor, True
        hint = PullHint(account=pull.account, token=pull.hint)
        try:
            while has_more:
                page = await account.channel.pull(hint, cursor)
                await self._hooks.accept(account, page.delivery)
                cursor, has_more = page.cursor, page.has_more
                if not await self._pulls.move(pull, cursor, is_done=not has_more):
                    return
        except (PlatformDown, HookUnreadable):
            self._told.hooked(account.name, "pull_failed")
            await self._pulls.give_up(pull, cursor)


def _is_pulled(account: Account) -> bool:
    return account.channel.caps.is_pulled
