"""
Fixtures of the admission tests.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engines.contract import ConversationId, MessageId, ShopId, Turn, UserId


@pytest.fixture
def turn() -> Callable[[int], Turn]:
    """Makes turns by number."""

    def make(number: int) -> Turn:
        return Turn(
            turn_id=f"demo/c/{number}",
            shop=ShopId("demo"),
            channel="app",
            conversation_id=ConversationId("c"),
            message_id=MessageId(f"m{number}"),
            user_id=UserId("u"),
            seq=number,
            text="帮我取消订单",
            locale="zh",
        )

    return make
