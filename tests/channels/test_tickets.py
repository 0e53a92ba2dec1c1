"""
A ticket is kept where the customer is: on the platform, within its sends.
"""

from __future__ import annotations

import msgspec
import pytest
from platform_talk import Talk, said

from gateway.handoff.accounts import Operator
from gateway.handoff.desk import Desk
from gateway.handoff.states import State


pytestmark = pytest.mark.anyio

LIN = msgspec.convert(
    {
        "shop": "demo",
        "name": "lin",
        "display": "小林",
        "role": "operator",
        "capacity": 1,
    },
    Operator,
)


async def test_a_due_ticket_is_answered_on_the_customers_channel(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Promised while nobody was there, at the front before its time, said at WeChat.
    """
    first = said("转人工")
    handoffs = talk.inside.gateway.dispatcher._people._handoffs
    mover = handoffs._mover
    desk = Desk(mover, handoffs)
    await talk.bring("wechat", first)
    (told,) = await talk.heard("wechat", 1)
    assert "工单" in told or "登记" in told
    [ticket] = [
        one
        for one in (await desk.board("demo")).tickets
        if one.user_id.endswith(first.user)
    ]
    early_ms = ticket.promised_ms - 600_000
    monkeypatch.setattr(mover, "now_ms", lambda: early_ms)
    await desk.come(LIN, is_away=False)
    try:
        await handoffs.sweep("demo")
        offer = await mover.read("demo", ticket.id)
        assert (offer.state, offer.operator) == (State.OFFERED, "lin")
        active = await desk.claim(LIN, offer.id, offer.version)
        await desk.reply(LIN, active.id, "l1", "让您久等了，已为您补发。")
        heard = await talk.heard("wechat", 3)
    finally:
        await desk.go(LIN)
    assert any("已为您补发" in line for line in heard)
    assert active.claimed_ms < ticket.promised_ms
    # Of five sends: the promise, who came, the answer. No place was ever pushed.
    assert not any("第 1 位" in line for line in heard)
