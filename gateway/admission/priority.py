"""
Who goes first when not everybody can: classes from what the server knows.

A class never comes from the words of a message: whoever could write themselves
to the front would. It comes from the shop's own records (an open dispute, a paid
order) and the tenant's contract. Inside a class a keyed hash of the user,
drawn anew every hour, decides: the same user is in or out for a while, nobody
is out for ever (Zhou et al., "Overload Control for Scaling WeChat
Microservices", SoCC 2018).
"""

from __future__ import annotations

import hashlib
from enum import IntEnum

import msgspec


#: Levels of the hash inside a class.
LEVELS = 65_536
HOUR_S = 3_600


class Priority(IntEnum):
    """Admission class of a conversation, the most important first."""

    #: Payment or refund in dispute, fraud, safety, legal.
    DISPUTE = 0
    #: A paid order that is not finished.
    OPEN_ORDER = 1
    #: No order at stake.
    PRESALE = 2
    #: Nothing a customer waits for: proactive and bulk messages.
    BACKGROUND = 3


class CustomerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the shop's own systems say of a customer.

    Attributes:
        has_dispute: A refund, return or payment of theirs is being argued about.

        has_open_order: They paid for something that is not finished.

        is_bulk: The channel carries messages that nobody waits for.
    """

    has_dispute: bool = False
    has_open_order: bool = False
    is_bulk: bool = False


#: A customer of whom the shop's systems say nothing.
UNKNOWN = CustomerFacts()


def priority_of(facts: CustomerFacts) -> Priority:
    """The class of a customer's conversations."""
    if facts.has_dispute:
        return Priority.DISPUTE
    if facts.has_open_order:
        return Priority.OPEN_ORDER
    return Priority.BACKGROUND if facts.is_bulk else Priority.PRESALE


class UserDraw:
    """
    Where a user stands inside their class this hour, from 0 up to 1.

    Args:
        secret: Keeps the order unknown to users; up to 64 bytes are used.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret[:64]

    def of(self, shop: str, user: str, wall_s: float) -> float:
        """The draw of *user* at *wall_s*; the same for the whole hour."""
        name = f"{int(wall_s) // HOUR_S}|{shop}|{user}".encode("utf-8", "replace")
        digest = hashlib.blake2b(name, digest_size=2, key=self._secret).digest()
        return int.from_bytes(digest) / LEVELS
