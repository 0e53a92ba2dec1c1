"""
"Everything I ordered": what goes, and what is left out by which clause.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from agent_talk import Talk
from demo_shop import DemoShop

from engines.contract import Answer


pytestmark = pytest.mark.anyio

Begin = Callable[..., Talk]


def kinds(answer: Answer) -> list[str]:
    """Kind of each action."""
    return [action.kind for action in answer.actions]


@pytest.mark.parametrize(
    ("wish", "named", "why", "yes"),
    [
        ("把我买的东西全部退掉", "订单 K3020 不在其中", "包裹在路上", "确认"),
        (
            "refund everything I ordered",
            "Order K3020 is not among them",
            "on its way",
            "yes",
        ),
    ],
)
async def test_a_refund_of_everything_says_what_it_leaves_out_and_why(
    talk: Begin, demo: DemoShop, wish: str, named: str, why: str, yes: str
) -> None:
    """An order on its way stays: named, with the clause; the others go on one consent."""
    customer = talk("c1008", "zh" if yes == "确认" else "en")
    before = demo.sql("SELECT order_id, line FROM refunds ORDER BY rowid")
    shown = await customer.answer(wish)
    assert kinds(shown) == ["cancel_order", "refund_item", "refund_item"]
    assert why in shown.text.partition(named)[2]
    assert shown.text.count(named) == 1
    assert any(one.id.startswith("policy:refund_item.") for one in shown.citations)
    done = await customer.answer(yes)
    while done.open_task is not None:
        done = await customer.answer(yes)
    assert demo.sql("SELECT status FROM orders WHERE id = 'K3018'") == [("cancelled",)]
    after = demo.sql("SELECT order_id, line FROM refunds ORDER BY rowid")
    assert {order for order, _ in after[len(before) :]} == {"K3018", "K3019"}


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ("我所有的订单都取消", "订单 {} 不在其中：只有未发货的订单可以取消"),
        ("cancel all my orders", "Order {} is not among them: an order can only"),
    ],
)
async def test_where_nothing_can_be_cancelled_each_order_is_named(
    talk: Begin, wish: str, named: str
) -> None:
    """No question which order: all were meant, and each is refused by its clause."""
    refused = await talk("c1004", "zh" if wish > "\u3400" else "en").answer(wish)
    assert kinds(refused) == []
    assert all(named.format(order) in refused.text for order in ("K3008", "K3009"))


async def test_goods_of_the_orders_that_may_not_go_are_no_part_of_a_count(
    talk: Begin,
) -> None:
    """ "两单都取消" of three is none of "all": nothing is called left out."""
    said = await talk("c1008").answer("两单都取消")
    assert "不在其中" not in said.text
