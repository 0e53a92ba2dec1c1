"""
Keeping the connections of accounts that have no webhook (WeCom AI bot, DingTalk).

A platform takes one connection of an account, so one process of all holds it: who
has the lease. It renews the lease, and whoever finds it run out goes on. Should two
connect at once for a moment, the platform ends the older connection, and messages
that came over both are found to be repeats like any other.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from gateway.channels.accounts import Account, Accounts
from gateway.channels.contract import Delivery, Displaced, PlatformDown
from gateway.channels.hooks import Hooks
from gateway.store.connection import Scripts
from gateway.store.errors import MailboxFull, StoreError
from gateway.store.pulls import Pull, Pulls


#: Life of the lease; it is renewed three times within it.
LEASE_MS = 9_000
#: Seconds after which others look whether an account is free.
LOOK_AGAIN_S = 2.0
#: Backoff of connections that fail: first and longest.
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
#: Somebody else speaks for the account: seconds to leave it to them.
DISPLACED_S = 60.0
#: Seconds between two tries to put a message on disk, and tries of a full mailbox.
STORE_PAUSE_S = 0.2
FULL_TRIES = 5
#: Name of the lease among the accounts that are pulled.
_LEASE = "connection"


class Told(Protocol):
    """Who is told of trouble; :class:`gateway.telemetry.Telemetry`."""

    def hooked(self, channel: str, outcome: str) -> None:
        """A connection began or ended so."""
        ...

    def loop_failed(self, name: str, exc: Exception) -> None:
        """A round failed."""
        ...


class LeaseLost(Exception):
    """Another process has the account by now, or may have it."""


class Connector:
    """
    Holds the connections that fall to this process.

    Args:
        chance: Random number from 0 to 1, for the backoff.
    """

    def __init__(
        self,
        accounts: Accounts,
        scripts: Scripts,
        hooks: Hooks,
        told: Told,
        *,
        lease_ms: int = LEASE_MS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._accounts = [one for one in accounts if one.channel.caps.keeps_connection]
        self._leases = Pulls(scripts, lease_ms=lease_ms)
        self._lease_s = lease_ms / 1000
        self._hooks = hooks
        self._told = told
        self._chance = chance
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start to look for accounts that nobody holds."""
        self._tasks = [asyncio.create_task(self._keep(one)) for one in self._accounts]

    async def stop(self) -> None:
        """Give up what is held; idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _keep(self, account: Account) -> None:
        fails, loop = 0, asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                pause_s = await self._turn(account)
            except PlatformDown:
                self._told.hooked(account.name, "connection_failed")
                has_lasted = loop.time() - began_s > LONGEST_PAUSE_S
                fails = 0 if has_lasted else min(fails + 1, 10)
                pause_s = min(FIRST_PAUSE_S * 2**fails, LONGEST_PAUSE_S)
            except (StoreError, LeaseLost):
                pause_s = LOOK_AGAIN_S
            except Exception as exc:  # noqa: BLE001 - told; the next round tries again
                self._told.loop_failed("connect", exc)
                pause_s = LOOK_AGAIN_S
            await asyncio.sleep(pause_s * (0.75 + 0.5 * self._chance()))

    async def _turn(self, account: Account) -> float:
        """Hold the account if it is free; else seconds until the next look."""
        shop, name = account.shop, account.name
        await self._leases.hint(shop, name, _LEASE, "")
        lease = await self._leases.take(shop, name, _LEASE)
        if lease is None:
            return LOOK_AGAIN_S
        await self._hold(account, lease)
        return 0.0

    async def _hold(self, account: Account, lease: Pull) -> None:
        async def take(delivery: Delivery) -> None:
            await self._take(account, delivery)

        listening = asyncio.create_task(account.channel.listen(take))
        renewing = asyncio.create_task(self._renew(lease))
        both = (listening, renewing)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for one in both:
                if one.done():
                    one.result()
        except Displaced:
            # The lease is kept meanwhile: our other processes shall not fight either.
            self._told.hooked(account.name, "displaced")
            await asyncio.wait([renewing], timeout=DISPLACED_S)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            with suppress(StoreError):
                await self._leases.give_up(lease, "")

    async def _renew(self, lease: Pull) -> None:
        """Renew until another has it, or the store was away for as long as it lasts."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._lease_s
        while True:
            await asyncio.sleep(self._lease_s / 3)
            began_s = loop.time()
            try:
                if not await self._leases.move(lease, "", is_done=False):
                    raise LeaseLost
                until_s = began_s + self._lease_s
            except StoreError:
                if loop.time() >= until_s:
                    raise LeaseLost from None

    async def _take(self, account: Account, delivery: Delivery) -> None:
        """Put it on disk; the platform brings it once, so we try until it is there."""
        full = 0
        while True:
            try:
                await self._hooks.accept(account, delivery)
            except MailboxFull:
                full += 1
                if full == FULL_TRIES:
                    self._told.hooked(account.name, "mailbox_full")
                    return
            except StoreError:
                self._told.hooked(account.name, "store_away")
            else:
                return
            await asyncio.sleep(STORE_PAUSE_S)
