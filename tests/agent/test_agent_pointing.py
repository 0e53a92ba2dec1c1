"""
What customers point at without naming it: other words for goods, places, "this one".

Whole conversations with the demo shop; consent guards every effect.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from agent_talk import Talk

from engines.contract import Reason


pytestmark = pytest.mark.anyio

Begin = Callable[..., Talk]


@pytest.mark.parametrize(
    ("user", "text", "named"),
    [
        ("c1005", "我想把床单退了", "7 天内"),
        ("c1008", "书包带子断了", "K3019"),
        ("c1001", "杯子不想要了", "保温杯 500ml"),
        ("c1004", "I want to return my coat", "Light shell jacket"),
        ("c1003", "the thermos leaks", "K3007"),
    ],
)
async def test_goods_are_known_by_other_names(
    talk: Begin, user: str, text: str, named: str
) -> None:
    """A word of the trade that is not in the title still tells which goods are meant."""
    said = await talk(user, "zh" if text[0] > "z" else "en").answer(text)
    assert named in said.text


async def test_goods_named_some_lines_ago_are_still_meant(talk: Begin) -> None:
    """Nothing else was named since."""
    customer = talk("c1008")
    for text in ("背包什么材质的", "我的那个下雨进水了", "拍了图"):
        customer.heard(text)
    proposal = await customer.answer("退钱吧")
    assert "K3019" in proposal.text
    assert "城市双肩包" in proposal.text


async def test_no_photo_is_no_no(talk: Begin) -> None:
    """Policy wants something to show; who has nothing is for a person."""
    customer = talk("c1004", "en")
    await customer.answer("I received only 2 t-shirts but I ordered 3")
    handed = await customer.handed_over("no photo, sorry")
    assert handed.reason is Reason.POLICY


async def test_no_and_another_day_puts_the_day_right(talk: Begin) -> None:
    """The question which order stays, with the same choices."""
    customer = talk("c1010", "en")
    asked = await customer.answer("can i change the delivery to saturday")
    again = await customer.answer("no, sunday")
    assert again.open_task is not None
    assert again.text == asked.text
    proposal = await customer.answer("K3024")
    assert proposal.actions[0].state == "proposed"


async def test_goods_named_instead_of_a_whole_order_are_meant(talk: Begin) -> None:
    """Who cancels, and then names one thing of it, wants that one back alone."""
    customer = talk("c1003", "en")
    whole = await customer.answer("cancel it")
    assert "headphones" in whole.text
    part = await customer.answer("the cable")
    assert part.actions[0].kind == "refund_item"
    assert "cable" in part.text


async def test_goods_of_another_order_mean_that_order(talk: Begin) -> None:
    """A yes that follows can no longer cancel the order shown first."""
    customer = talk("c1003", "en")
    await customer.answer("cancel it")
    refused = await customer.answer("the flask")
    assert not refused.actions
    assert refused.open_task is None


async def test_all_the_orders_shown_may_be_chosen(talk: Begin) -> None:
    """One after the other: each gets its own invoice."""
    customer = talk("c1009")
    await customer.answer("给我开个发票")
    first = await customer.answer("两单一起开")
    assert "K3021" in first.text
    assert first.open_task is not None
    assert len(first.open_task.data["then"]) == 1


@pytest.mark.parametrize(
    ("text", "order"),
    [("取消先下的那单", "K3022"), ("cancel the later one", "K3023")],
)
async def test_orders_are_told_apart_by_when_they_were_placed(
    talk: Begin, text: str, order: str
) -> None:
    """Of those that can be cancelled."""
    assert order in (await talk("c1009").answer(text)).text


async def test_this_one_is_what_was_asked_about(talk: Begin) -> None:
    """The goods wanted instead were named in the line before."""
    customer = talk("c1006")
    customer.heard("空气炸锅几升的")
    proposal = await customer.answer("那我把电饭锅换成这个")
    assert "轻脆空气炸锅 4.5L" in proposal.text
    assert proposal.actions[0].state == "proposed"


async def test_a_size_that_is_sold_can_be_had(talk: Begin) -> None:
    """The demo shop sells variants, so an exchange for a size is no dead end."""
    customer = talk("c1002")
    await customer.answer("T恤换成L")
    assert (await customer.answer("确认")).actions[0].state == "done"
