"""
Everything of this room put together: what the composition root opens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.audit_log import AuditLog
from gateway.channels.accounts import Accounts, AccountSettings
from gateway.channels.connector import Connector
from gateway.channels.delivery import Deliverer
from gateway.channels.hooks import Hooks, Returner, Taker
from gateway.channels.identity import Identity
from gateway.channels.puller import Puller
from gateway.language import LocaleOf
from gateway.store.connection import Scripts
from gateway.store.conversations import Conversations
from gateway.store.deliveries import Deliveries
from gateway.store.identities import Identities
from gateway.store.pulls import Pulls
from gateway.telemetry import Telemetry


class Channels:
    """
    The accounts of all shops, what comes in from them and goes out to them.

    Raises:
        ConfigError: If an account's settings cannot be right.
    """

    def __init__(
        self,
        settings: Iterable[AccountSettings],
        scripts: Scripts,
        conversations: Conversations,
        taker: Taker,
        returner: Returner,
        telemetry: Telemetry,
        audit: AuditLog,
        *,
        locale_of: LocaleOf,
        wall_ms: Callable[[], int],
        dedup_s: float,
        text_chars: int,
    ) -> None:
        self.accounts = Accounts(settings)
        self.identity = Identity(Identities(scripts), wall_ms, audit)
        pulls = Pulls(scripts)
        self.hooks = Hooks(
            self.accounts,
            taker,
            pulls,
            telemetry,
            self.identity,
            returner,
            locale_of=locale_of,
            wall_ms=wall_ms,
            dedup_s=dedup_s,
            text_chars=text_chars,
        )
        self.deliverer = Deliverer(
            Deliveries(scripts), conversations, self.accounts, telemetry
        )
        self.puller = Puller(self.accounts, pulls, self.hooks, telemetry)
        self.connector = Connector(self.accounts, scripts, self.hooks, telemetry)

    def start(self) -> None:
        """Start to push, to pull and to keep connections."""
        self.deliverer.start()
        self.puller.start()
        self.connector.start()

    async def disconnect(self) -> None:
        """Give every connection up; what came over them is on disk at return."""
        await self.connector.stop()

    async def stop(self) -> None:
        """End all; safe to call twice."""
        await self.connector.stop()
        await self.puller.stop()
        await self.hooks.stop()
        await self.deliverer.stop()
