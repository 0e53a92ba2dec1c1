"""
What a customer leaves as it is, and how many go, in whole talks before a real shop.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from agent_talk import Talk
from demo_shop import DemoShop

from engines.contract import Answer


pytestmark = pytest.mark.anyio

Begin = Callable[..., Talk]


def goods(answer: Answer) -> list[tuple[str, str]]:
    """Kind and one-line summary of each action."""
    return [(action.kind, action.summary) for action in answer.actions]


@pytest.mark.parametrize(
    ("user", "wish", "aside", "yes", "line"),
    [
        ("c1004", "return two of the three tees", "the jacket stays", "yes please", 1),
        ("c1003", "refund the lamp", "not the kettle!", "ok do it", 2),
        ("c1001", "K3003能退一个牙刷不", "不是吹风机", "可以", 2),
        ("c1001", "K3002第2件退掉", "水壶留着，杯子也留着", "确认", 2),
    ],
)
async def test_naming_what_stays_changes_no_proposal(
    talk: Begin, demo: DemoShop, user: str, wish: str, aside: str, yes: str, line: int
) -> None:
    """Goods that are named only to leave them alone never take the place of others."""
    customer = talk(user, "zh" if aside >= "\u3400" else "en")
    first = await customer.answer(wish)
    again = await customer.answer(aside)
    assert goods(again) == goods(first)
    done = await customer.answer(yes)
    [action] = done.actions
    assert action.state == "done"
    assert demo.sql("SELECT line FROM refunds")[-1] == (line,)


async def test_goods_that_are_not_wanted_cancel_no_whole_order(talk: Begin) -> None:
    """ "I want neither kettle nor flask, the cable stays" takes back two of three lines."""
    customer = talk("c1001")
    proposal = await customer.answer("水壶和保温杯我都不想要了，线留着")
    assert [kind for kind, _ in goods(proposal)] == ["refund_item", "refund_item"]
    done = await customer.answer("对的，退掉这两个")
    assert [action.state for action in done.actions] == ["done", "done"]


async def test_a_count_behind_its_goods_is_theirs(talk: Begin) -> None:
    """坚果一盒、T恤一件: one of each, of two that were bought."""
    customer = talk("c1008")
    proposal = await customer.answer("我要退坚果一盒、T恤一件，线不退")
    assert ["退 1 件" in text for _, text in goods(proposal)] == [True, True]


async def test_another_wish_is_no_invoice_title(talk: Begin) -> None:
    """While a title is asked for, "先退台灯" asks for a refund; a verb is no part of a name."""
    customer = talk("c1001")
    await customer.answer("K3002要开发票")
    other = await customer.answer("先退保温杯")
    assert [kind for kind, _ in goods(other)] == ["refund_item"]
    customer = talk("c1006")
    await customer.answer("电饭煲的发票抬头要改")
    named = await customer.answer("抬头写上海星辰科技有限公司 税号91310000MA1K12345X")
    assert "“上海星辰科技有限公司”" in named.text


async def test_nothing_to_merge_is_said_at_once(talk: Begin) -> None:
    """Where fewer than two orders could be merged, the reason is told, not asked about."""
    customer = talk("c1008")
    refused = await customer.answer("三个订单能合在一起发吗")
    assert refused.open_task is None
    assert refused.actions == ()


@pytest.mark.parametrize(
    ("user", "wish", "then", "yes", "done"),
    [
        # A correction of one of two leaves the other as it is.
        (
            "c1008",
            "T恤退一件，坚果退两盒",
            "不对，坚果退一盒",
            "确认",
            [(1, 1), (2, 1)],
        ),
        # Goods may be added, and their number said in words.
        ("c1004", "refund one tee", "and the jacket", "yes", [(1, 1), (2, 1)]),
        ("c1001", "K3002水壶退掉", "杯子也退", "确认", [(1, 1), (3, 1)]),
        ("c1008", "坚果退一盒", "再退一件T恤", "一起确认", [(1, 1), (2, 1)]),
        # A thing called by another name beside one called by its own.
        ("c1004", "return one tee and the jacket", "hurry", "yes", [(1, 1), (2, 1)]),
        ("c1004", "refund all in K3009 except one tee", "hm", "yes", [(1, 2), (2, 1)]),
        ("c1006", "退掉多的那个保温杯", "快点", "确认", [(2, 1)]),
        # What is told to stay of goods that nobody proposed changes nothing.
        ("c1001", "K3002水壶和杯子退掉", "快充线别退", "确认", [(1, 1), (3, 1)]),
    ],
)
async def test_a_reply_changes_only_what_it_names(
    talk: Begin,
    demo: DemoShop,
    user: str,
    wish: str,
    then: str,
    yes: str,
    done: list[tuple[int, int]],
) -> None:
    """Lines and units that went back, by the shop's books."""
    customer = talk(user, "en" if wish.isascii() else "zh")
    before = demo.sql("SELECT order_id, line, refunded_quantity FROM order_lines")
    await customer.answer(wish)
    await customer.answer(then)
    await customer.answer(yes)
    after = demo.sql("SELECT order_id, line, refunded_quantity FROM order_lines")
    gone = [
        (line, now - was)
        for (_, line, was), (_, _, now) in zip(before, after, strict=True)
    ]
    assert sorted(pair for pair in gone if pair[1]) == done


async def test_an_order_that_is_not_meant_is_not_taken(
    talk: Begin, demo: DemoShop
) -> None:
    """不是K3002，是T恤那个: the order named after the "not" is left alone."""
    customer = talk("c1001")
    await customer.answer("帮我取消一个订单")
    asked = await customer.answer("不是K3002，是T恤那个")
    assert [text.startswith("取消") and "K3001" in text for _, text in goods(asked)]
    await customer.answer("确认")
    states = demo.sql("SELECT id, status FROM orders WHERE id IN ('K3001', 'K3002')")
    assert dict(states) == {"K3001": "cancelled", "K3002": "paid"}


async def test_a_size_alone_changes_the_exchange(talk: Begin, demo: DemoShop) -> None:
    """ "oh wait, M" while another size is proposed."""
    customer = talk("c1002")
    await customer.answer("K3004的T恤换成L码")
    await customer.answer("等等，还是XL吧")
    done = await customer.answer("确认")
    assert "XL" in done.actions[0].summary


async def test_a_gift_that_was_to_stay_may_go_after_all(talk: Begin) -> None:
    """The deduction for it falls away again."""
    customer = talk("c1006")
    kept = await customer.answer("电饭煲退了，赠品我想留下")
    gone = await customer.answer("算了，赠品也退")
    assert gone.actions[0].amount_minor == kept.actions[0].amount_minor + 1500


async def test_one_more_wish_stands_beside_the_first(
    talk: Begin, demo: DemoShop
) -> None:
    """电话也换成…: the new address is not forgotten for the new number."""
    customer = talk("c1001")
    await customer.answer("K3002地址改成浙江省杭州市余杭区文一西路 500 号 3 号楼")
    both = await customer.answer("电话也换成 13788889999")
    assert sorted(kind for kind, _ in goods(both)) == ["change_address", "change_phone"]
    await customer.answer("确认")
    [(street, phone)] = demo.sql("SELECT street, phone FROM orders WHERE id = 'K3002'")
    assert (street, phone) == ("余杭区文一西路 500 号 3 号楼", "13788889999")


async def test_a_wish_of_another_kind_is_on_the_same_goods(talk: Begin) -> None:
    """那直接换 in place of a refund; "not cancelled" and "cancel my refund" are no wishes."""
    customer = talk("c1002")
    await customer.answer("T恤退了吧")
    await customer.answer("那直接换")
    asked = await customer.answer("L")
    assert [kind for kind, _ in goods(asked)] == ["exchange_item"]
    customer = talk("c1007")
    await customer.answer("取消体脂秤")
    kept = await customer.answer("手滑了不取消")
    assert kept.open_task is None


async def test_orders_are_merged_into_the_one_that_is_named(
    talk: Begin, demo: DemoShop
) -> None:
    """合到K3001 turns the proposal round."""
    customer = talk("c1001")
    await customer.answer("我的两个没发货的订单合一起发吧")
    turned = await customer.answer("合到K3001")
    assert turned.text.index("K3002") < turned.text.index("K3001")
