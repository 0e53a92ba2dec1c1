"""
Turns made of a text and its lines alone, for training, golden turns and bare rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from engines.contract import (
    ConversationId,
    Locale,
    MessageId,
    OpenTask,
    ShopId,
    Turn,
    UserId,
    Utterance,
)


def turn_of(
    text: str,
    locale: Locale,
    history: Sequence[Utterance] = (),
    open_task: OpenTask | None = None,
) -> Turn:
    """A turn that knows nothing but its text and the lines before it."""
    return Turn(
        turn_id="",
        shop=ShopId(""),
        channel="",
        conversation_id=ConversationId(""),
        message_id=MessageId(""),
        user_id=UserId(""),
        seq=0,
        text=text,
        locale=locale,
        history=tuple(history),
        open_task=open_task,
        turn_number=1 + sum(line.role == "customer" for line in history),
    )
