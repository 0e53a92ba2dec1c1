"""
Where replies of a conversation go, as the store keeps it beside the conversation.
"""

from __future__ import annotations

import msgspec


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where replies of a conversation are pushed to, as the store keeps it.

    Attributes:
        channel: Name of the shop's channel whose account speaks.
    """

    channel: str
    user_id: str
    conversation_id: str
    address: dict[str, str]
