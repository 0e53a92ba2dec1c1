"""
What is pushed to customers: how far each conversation is, and who may send.

An event that follows a message with a route makes its conversation due, in the
same atomic function that writes it. One worker takes it; each send is written
down before it is made, counted against the customer's window and budget there,
and the cursor moves after it. A worker that dies leaves the send on its way:
the next one knows that its outcome is not known.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.store import keys
from gateway.store.connection import Scripts
from gateway.store.mailbox import Event, event


#: Events pushed in one go.
PAGE = 50

Next = Literal["go", "end", "hold"]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """
    A conversation whose delivery this worker has.

    Attributes:
        number: Fences all that follows.

        last: Number of its last event.

        done: Last event delivered; *part* of the next one, in the sender's
            measure, is delivered too.

        on_its_way: A send that was written down and whose outcome is unknown.

        tries: Failed tries in a row.

        spent: Sends since the customer's last message.

        waiting: Messages of the customer that are not answered yet.

        routed: Number of the message that the route came with.
    """

    shop: str
    conversation: str
    number: int
    last: int
    done: int
    part: int
    on_its_way: bytes
    tries: int
    spent: int
    waiting: int
    routed: int
    route: bytes
    events: tuple[Event, ...]


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a channel lets us send to one customer; 0 means no limit.

    Attributes:
        sends: For one message of the customer.

        window_ms: After that message.

        pause_ms: Least time between two sends.

        is_by_address: Each message's address has a budget of its own.
    """

    sends: int = 0
    window_ms: int = 0
    pause_ms: int = 0
    is_by_address: bool = False


class Intent(msgspec.Struct, frozen=True):
    """Whether a send may be made; *wait_ms* if it is only too soon."""

    verdict: Literal["go", "window_closed", "budget_spent", "too_soon", "lost"]
    wait_ms: int = 0


_VERDICTS: tuple[Literal["lost", "go", "window_closed", "budget_spent"], ...] = (
    "lost", "go", "window_closed", "budget_spent",
)  # fmt: skip


class Deliveries:
    """
    The store's side of pushing.

    Args:
        lease_ms: A worker that is silent for longer loses a delivery; longer
            than any single send takes.
    """

    def __init__(self, scripts: Scripts, *, lease_ms: int = 30_000) -> None:
        self._scripts = scripts
        self._lease_ms = lease_ms

    async def due(
        self, shop: str, bucket: int, before_ms: int, limit: int
    ) -> list[str]:
        """Conversations of a bucket that are due before *before_ms* (wall clock)."""
        key = keys.deliveries(shop, bucket)
        names = await self._scripts.command(
            key, "ZRANGE", key, "-inf", before_ms, "BYSCORE", "LIMIT", 0, limit
        )
        return [keys.unescape(name) for name in names]

    async def take(self, shop: str, conversation: str) -> Taken | int:
        """Take a delivery; else ms until it is due, -1 if nothing is to be done."""
        at = keys.of_conversation(shop, conversation)
        reply = await self._scripts.call(
            "deliver_take",
            (at.conversation, at.log, at.deliveries),
            (at.name, self._lease_ms, PAGE),
        )
        if reply[0] == 0:
            wait_ms: int = reply[1]
            return wait_ms
        (
            _,
            number,
            last,
            done,
            part,
            on_its_way,
            tries,
            spent,
            waiting,
            routed,
            route,
            entries,
        ) = reply
        return Taken(
            shop=shop,
            conversation=conversation,
            number=number,
            last=last,
            done=done,
            part=part,
            on_its_way=on_its_way,
            tries=tries,
            spent=spent,
            waiting=waiting,
            routed=routed,
            route=route,
            events=tuple(event(entry) for entry in entries),
        )

    async def intend(
        self, taken: Taken, send: bytes, allowance: Allowance, *, is_again: bool = False
    ) -> Intent:
        """Write a send down before it is made."""
        at = keys.of_conversation(taken.shop, taken.conversation)
        reply = await self._scripts.call(
            "deliver_intend",
            (at.conversation, at.deliveries),
            (
                taken.number,
                at.name,
                self._lease_ms,
                send,
                allowance.sends,
                allowance.window_ms,
                allowance.pause_ms,
                int(is_again),
                taken.routed if allowance.is_by_address else "",
            ),
        )
        if len(reply) > 1:
            return Intent("too_soon", reply[1])
        return Intent(_VERDICTS[reply[0]])

    async def move(
        self,
        taken: Taken,
        done: int,
        part: int,
        then: Next | int,
        *,
        tries: int = 0,
        keeps_send: bool = False,
        is_refunded: bool = False,
    ) -> int:
        """
        Write how far a delivery is, and when it goes on (ms, or in words).

        Returns:
            0 if another worker has it, 2 if something new is due at once, else 1.
        """
        at = keys.of_conversation(taken.shop, taken.conversation)
        reply: int = await self._scripts.call(
            "deliver_move",
            (at.conversation, at.deliveries),
            (
                taken.number,
                at.name,
                done,
                part,
                int(keeps_send),
                tries,
                then,
                taken.routed,
                int(is_refunded),
            ),
        )
        return reply

    async def rate_wait_ms(
        self, shop: str, account: str, each_ms: float, burst: int
    ) -> int:
        """Leave to send once on an account; 0, or ms to wait first."""
        key = keys.shop_key(shop, "send", account)
        reply: int = await self._scripts.call(
            "send_rate", (key,), (str(each_ms), burst)
        )
        return reply
