"""
What the tiers up to a given one say to a turn, with nothing kept: no conversation,
no ledger entry, no handoff. For ``tidegate-l1`` and ``tidegate-l2`` of the
OpenAI-compatible interface.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

import msgspec

from engines.contract import (
    TIER_ORDER,
    ConversationId,
    Locale,
    MessageId,
    ShopId,
    Tier,
    Turn,
    UserId,
    Utterance,
)
from gateway.answering import Answerer, ShopService
from gateway.climbing import Verdict


#: Seconds for one preview.
DEADLINE_S = 5.0


class Previews:
    """Asks engines that change nothing."""

    def __init__(self, answerer: Answerer, services: Mapping[str, ShopService]) -> None:
        self._answerer = answerer
        self._services = services

    async def ask(
        self,
        shop: str,
        channel: str,
        user: str,
        text: str,
        history: Sequence[Utterance],
        locale: Locale,
        highest: Tier,
        draft: Callable[[str], None] | None = None,
    ) -> Verdict:
        """
        The verdict of the tiers up to *highest*, which is L2 at most.

        Args:
            draft: As of a turn.
        """
        service = self._services[shop]
        engines = {
            tier: engine
            for tier, engine in service.engines.items()
            if TIER_ORDER[tier] <= min(TIER_ORDER[highest], TIER_ORDER[Tier.L2])
        }
        turn = Turn(
            turn_id=f"{shop}/preview/{secrets.token_hex(8)}",
            shop=ShopId(shop),
            channel=channel,
            conversation_id=ConversationId("preview"),
            message_id=MessageId("preview"),
            user_id=UserId(user),
            seq=1,
            text=text,
            locale=locale,
            history=tuple(history),
            deadline_s=monotonic() + DEADLINE_S,
            draft=draft,
        )
        restricted = msgspec.structs.replace(service, engines=engines)
        return await self._answerer.answer(restricted, turn, 0)
