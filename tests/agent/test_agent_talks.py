"""
Whole conversations on the three recipes, zh and en, judged by the shop's books.

Every test states the exact difference of the whole database: what is not named
did not change. The ledger lies on a real store, the shop is a real HTTP
service, and every answer passes the guard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from agent_talk import Talk
from demo_shop import DemoShop, difference

from engines.agent.ledger import ActionState
from engines.contract import Answer, Complexity, Locale, Reason, Risk, Tier


pytestmark = pytest.mark.anyio

Begin = Callable[..., Talk]


def changes(before: dict[str, dict[str, Any]], demo: DemoShop) -> dict[str, Any]:
    """The difference, with refunds as amounts and notifications as a count."""
    found = difference(before, demo.snapshot())
    refunds = found.pop("new refunds", [])
    told = found.pop("new notifications", [])
    if refunds:
        found["refunds"] = [
            (row["order_id"], row["line"], row["amount_minor"], row["points_minor"])
            for row in refunds
        ]
    if told:
        found["told"] = [row["user_id"] for row in told]
    return found


async def pay(url: str) -> None:
    """Pay a link as a browser would."""
    async with httpx.AsyncClient() as browser:
        (await browser.post(url)).raise_for_status()


async def test_refund_one_item_in_chinese(talk: Begin, demo: DemoShop) -> None:
    """第2件退掉其他保留: the coupon is split to the cent and nothing else changes."""
    before = demo.snapshot()
    customer = talk("c1001")
    proposal = await customer.answer("我想把订单K3002里第2件商品退掉，其他保留")
    for figure in ("¥58.00", "¥9.18", "¥48.82", "K3002", "其余商品保留不变"):
        assert figure in proposal.text
    assert proposal.actions[0].state == "proposed"
    assert proposal.actions[0].amount_minor == 4882
    assert proposal.open_task is not None
    assert (proposal.open_task.tier, proposal.open_task.waits_for) == (
        Tier.L3,
        "consent",
    )
    assert proposal.open_task.complexity is Complexity.COMPLEX
    assert proposal.open_task.risk is Risk.HIGH
    assert changes(before, demo) == {}
    done = await customer.answer("好的")
    assert (done.actions[0].state, done.open_task) == ("done", None)
    assert "¥48.82" in done.text
    assert changes(before, demo) == {
        "orders/K3002.version": (1, 2),
        "orders/K3002.refunded_minor": (0, 4882),
        "order_lines/K3002/2.refunded_quantity": (0, 2),
        "products/CB-08.stock": (1200, 1202),
        "refunds": [("K3002", 2, 4882, 0)],
        "told": ["c1001"],
    }
    record = await customer.record(done.actions[0].id)
    assert [state for _, state, _ in record.history] == [
        "confirmed",
        "executing",
        "executing",
        "done",
    ]
    assert all(step.receipt for step in record.steps)
    assert record.clauses[0] == "refund_item.states"


async def test_refund_one_item_in_english(talk: Begin, demo: DemoShop) -> None:
    """A delivered item: refund promised once it is back, the address to send it to told."""
    before = demo.snapshot()
    customer = talk("c1003", "en")
    proposal = await customer.answer("I want to return the desk lamp, keep the rest")
    for figure in ("CNY 179.00", "CNY 8.19", "CNY 170.81", "K3007"):
        assert figure in proposal.text
    done = await customer.answer("go ahead")
    assert "18 Chaoxi Road" in done.text
    assert "CNY 170.81" in done.text
    assert changes(before, demo) == {
        "orders/K3007.version": (1, 2),
        "orders/K3007.refunded_minor": (0, 17081),
        "order_lines/K3007/2.refunded_quantity": (0, 1),
        "refunds": [("K3007", 2, 17081, 0)],
        "told": ["c1003"],
    }
    assert demo.sql("SELECT status FROM refunds WHERE order_id = 'K3007'") == [
        ("awaiting_return",)
    ]


async def test_points_and_gift_go_back_with_the_item(
    talk: Begin, demo: DemoShop
) -> None:
    """Points come back as points; the gift goes back, or is deducted if it is kept."""
    before = demo.snapshot()
    customer = talk("c1006")
    proposal = await customer.answer("电饭煲退掉，其他不变")
    assert "赠品需要一起退回" in proposal.text
    assert proposal.actions[0].amount_minor == 25990
    kept = await customer.answer("赠品我想留下")
    assert kept.actions[0].amount_minor == 25990 - 1500
    assert "¥15.00" in kept.text
    await customer.answer("确认")
    assert changes(before, demo) == {
        "orders/K3013.version": (1, 2),
        "orders/K3013.refunded_minor": (0, 24490),
        "orders/K3013.refunded_points_minor": (0, 902),
        "order_lines/K3013/1.refunded_quantity": (0, 1),
        "products/RC-02.stock": (85, 86),
        "customers/c1006.points_minor": (2600, 3502),
        "refunds": [("K3013", 1, 24490, 902)],
        "told": ["c1006"],
    }
    first = await customer.record(proposal.actions[0].id)
    assert first.state is ActionState.SUPERSEDED


async def test_cancel_before_shipment_in_chinese(talk: Begin, demo: DemoShop) -> None:
    """取消订单: all that was paid goes back, freight included."""
    before = demo.snapshot()
    customer = talk("c1002")
    proposal = await customer.answer("不想买了，帮我取消订单")
    assert "¥97.00" in proposal.text
    unclear = await customer.answer("取消")
    assert unclear.open_task is not None
    assert changes(before, demo) == {}
    done = await customer.answer("确认取消")
    assert "¥97.00" in done.text
    assert changes(before, demo) == {
        "orders/K3004.status": ("paid", "cancelled"),
        "orders/K3004.version": (1, 2),
        "orders/K3004.refunded_minor": (0, 9700),
        "order_lines/K3004/1.refunded_quantity": (0, 1),
        "products/TS-13.stock": (640, 641),
        "refunds": [("K3004", 0, 9700, 0)],
        "told": ["c1002"],
    }


async def test_cancel_before_shipment_in_english(talk: Begin, demo: DemoShop) -> None:
    """The only order that can still be cancelled is found without its number."""
    before = demo.snapshot()
    customer = talk("c1010", "en")
    proposal = await customer.answer("Please cancel my order")
    assert "K3024" in proposal.text
    assert "CNY 95.00" in proposal.text
    await customer.answer("yes, cancel it")
    assert changes(before, demo) == {
        "orders/K3024.status": ("paid", "cancelled"),
        "orders/K3024.version": (1, 2),
        "orders/K3024.refunded_minor": (0, 9500),
        "order_lines/K3024/1.refunded_quantity": (0, 3),
        "products/CB-08.stock": (1200, 1203),
        "refunds": [("K3024", 0, 9500, 0)],
        "told": ["c1010"],
    }


async def test_unpaid_order_is_cancelled_without_money(
    talk: Begin, demo: DemoShop
) -> None:
    """Cancelling what was never paid moves no money and says so."""
    before = demo.snapshot()
    customer = talk("c1005")
    proposal = await customer.answer("取消订单K3010")
    assert "不涉及退款" in proposal.text
    assert proposal.actions[0].amount_minor is None
    await customer.answer("可以")
    assert changes(before, demo) == {
        "orders/K3010.status": ("unpaid", "cancelled"),
        "orders/K3010.version": (1, 2),
        "order_lines/K3010/1.refunded_quantity": (0, 1),
        "products/AF-03.stock": (61, 62),
        "told": ["c1005"],
    }


async def test_address_with_lower_freight_in_chinese(
    talk: Begin, demo: DemoShop
) -> None:
    """Freight is recomputed from the table and the difference refunded."""
    before = demo.snapshot()
    customer = talk("c1002")
    proposal = await customer.answer(
        "收货地址写错了，改成浙江省宁波市海曙区中山西路9号，收件人李雷，电话13911112222"
    )
    for figure in ("¥18.00", "¥8.00", "¥10.00", "李雷", "139****2222"):
        assert figure in proposal.text
    assert "13911112222" not in proposal.text
    assert proposal.actions[0].amount_minor == 1000
    await customer.answer("没问题")
    assert changes(before, demo) == {
        "orders/K3004.version": (1, 2),
        "orders/K3004.name": ("陈立", "李雷"),
        "orders/K3004.phone": ("13800010002", "13911112222"),
        "orders/K3004.region": ("新疆", "浙江"),
        "orders/K3004.city": ("乌鲁木齐市", "宁波市"),
        "orders/K3004.street": ("天山区光明路 12 号", "海曙区中山西路9号"),
        "orders/K3004.freight_minor": (1800, 800),
        "orders/K3004.refunded_minor": (0, 1000),
        "refunds": [("K3004", 0, 1000, 0)],
        "told": ["c1002"],
    }


async def test_address_with_lower_freight_in_english(
    talk: Begin, demo: DemoShop
) -> None:
    """By weight steps: 1.7 kg from Hainan to Zhejiang is 30 less 11; name and phone stay."""
    before = demo.snapshot()
    customer = talk("c1007", "en")
    proposal = await customer.answer(
        "Please change the address of K3016 to 8 West Lake Road, Hangzhou, Zhejiang"
    )
    for figure in ("CNY 30.00", "CNY 11.00", "CNY 19.00"):
        assert figure in proposal.text
    corrected = await customer.answer(
        "no, make it 9 West Lake Road, Hangzhou, Zhejiang"
    )
    assert "9 West Lake Road" in corrected.text
    await customer.answer("Yes, go ahead")
    assert changes(before, demo) == {
        "orders/K3016.version": (1, 2),
        "orders/K3016.region": ("Hainan", "Zhejiang"),
        "orders/K3016.city": ("Sanya", "Hangzhou"),
        "orders/K3016.street": ("7 Yalong Bay Road, Jiyang", "9 West Lake Road"),
        "orders/K3016.freight_minor": (3000, 1100),
        "orders/K3016.refunded_minor": (0, 1900),
        "refunds": [("K3016", 0, 1900, 0)],
        "told": ["c1007"],
    }


async def test_higher_freight_is_paid_by_link_first(
    talk: Begin, demo: DemoShop
) -> None:
    """A dearer address waits for its payment, and the customer is told so honestly."""
    before = demo.snapshot()
    customer = talk("c1001")
    proposal = await customer.answer("K3001改地址，寄到新疆乌鲁木齐市天山区光明路12号")
    assert proposal.actions[0].amount_minor == -1000
    assert "付款后新地址才生效" in proposal.text
    done = await customer.answer("确认")
    assert "仍寄往原地址" in done.text
    found = changes(before, demo)
    [link] = found.pop("new payment_links")
    assert found == {"told": ["c1001"]}
    assert (link["amount_minor"], link["status"]) == (1000, "open")
    record = await customer.record(done.actions[0].id)
    url = record.steps[0].detail["payment_url"]
    assert url in done.text
    await pay(url)
    after = changes(before, demo)
    after.pop("new payment_links")
    assert after["orders/K3001.paid_minor"] == (8700, 9700)
    assert after["orders/K3001.region"] == ("浙江", "新疆")


async def test_there_and_back_restores_the_fee(talk: Begin, demo: DemoShop) -> None:
    """From Xinjiang to Zhejiang and back: what was paid in the end is the table's."""
    customer = talk("c1002")
    await customer.answer("K3004地址改成浙江省宁波市海曙区中山西路9号")
    await customer.answer("确认")
    await customer.answer("K3004地址改成新疆乌鲁木齐市天山区光明路 12 号")
    done = await customer.answer("确认")
    record = await customer.record(done.actions[0].id)
    await pay(record.steps[0].detail["payment_url"])
    assert demo.sql(
        "SELECT freight_minor, paid_minor - refunded_minor FROM orders WHERE id = 'K3004'"
    ) == [(1800, 9700)]


async def test_missing_things_are_asked_for_one_by_one(
    talk: Begin, demo: DemoShop
) -> None:
    """Order, then address, then the rest of the address; each asked once."""
    customer = talk("c1001")
    which = await customer.answer("我要改地址")
    assert which.open_task is not None
    assert which.open_task.waits_for == "order"
    assert "K3001" in which.text
    assert "K3002" in which.text
    assert "K3003" not in which.text
    where = await customer.answer("第二个")
    assert where.open_task is not None
    assert where.open_task.waits_for == "address"
    assert "K3002" in where.text
    again = await customer.answer("杭州市西湖区")
    assert "不完整" in again.text
    proposal = await customer.answer("文三路 1 号，就这个：浙江省杭州市西湖区文三路1号")
    assert proposal.open_task is not None
    assert proposal.open_task.waits_for == "consent"
    assert "西湖区文三路1号" in proposal.text


async def test_line_is_asked_for_when_words_fit_none(talk: Begin) -> None:
    """An order is clear, the item is not: it is asked for and found by its answer."""
    customer = talk("c1001")
    which = await customer.answer("K3003里有一件想退货")
    assert which.open_task is not None
    assert which.open_task.waits_for == "line"
    proposal = await customer.answer("牙刷，退1件")
    assert proposal.actions[0].amount_minor == 18244


async def test_correction_makes_a_new_proposal(talk: Begin, demo: DemoShop) -> None:
    """Another line, another quantity, another order: only the last one is done."""
    customer = talk("c1001")
    first = await customer.answer("K3002第2件退掉")
    second = await customer.answer("不是第2件，是第3件")
    assert "保温杯" in second.text
    third = await customer.answer("还是第2件，退1件就好")
    assert third.actions[0].amount_minor == 2441
    await customer.answer("确认")
    states = [
        (await customer.record(answer.actions[0].id)).state
        for answer in (first, second, third)
    ]
    assert states == [ActionState.SUPERSEDED, ActionState.SUPERSEDED, ActionState.DONE]
    assert demo.sql("SELECT amount_minor FROM refunds WHERE order_id = 'K3002'") == [
        (2441,)
    ]


async def test_question_and_digression_keep_the_proposal_open(
    talk: Begin, demo: DemoShop
) -> None:
    """Questions are answered or the proposal shown again; consent later still counts."""
    before = demo.snapshot()
    customer = talk("c1008")
    proposal = await customer.answer("K3018第1件退1件")
    again = await customer.answer("多久能到账？")
    assert again.actions[0].id == proposal.actions[0].id
    assert "还没有执行" in again.text
    aside = await customer.answer("K3020退款到哪了")
    assert "¥159.00" in aside.text
    assert aside.open_task is not None
    assert changes(before, demo) == {}
    done = await customer.answer("好的，办吧")
    assert done.actions[0].id == proposal.actions[0].id
    assert done.actions[0].state == "done"


async def test_refusal_changes_nothing(talk: Begin, demo: DemoShop) -> None:
    """不用了 puts the proposal away for good; a later yes finds nothing to confirm."""
    before = demo.snapshot()
    customer = talk("c1009")
    await customer.answer("取消订单")
    proposal = await customer.answer("K3022")
    refused = await customer.answer("算了，不用了")
    assert refused.open_task is None
    record = await customer.record(proposal.actions[0].id)
    assert record.state is ActionState.REJECTED
    escalation = await customer.handed_over("确认")
    assert escalation.reason is Reason.NO_MATCH
    assert changes(before, demo) == {}


async def test_several_items_are_proposed_together(talk: Begin, demo: DemoShop) -> None:
    """Two items in one message: two proposals, one consent, two refunds."""
    customer = talk("c1004", "en")
    first = await customer.answer("return one T-shirt and the jacket")
    assert [action.amount_minor for action in first.actions] == [7218, 41944]
    assert demo.sql("SELECT count(*) FROM refunds WHERE order_id = 'K3009'") == [(0,)]
    done = await customer.answer("yes")
    assert [(action.state, action.amount_minor) for action in done.actions] == [
        ("done", 7218),
        ("done", 41944),
    ]
    assert done.open_task is None
    assert demo.sql(
        "SELECT line, quantity, amount_minor, points_minor FROM refunds "
        "WHERE order_id = 'K3009' ORDER BY id"
    ) == [(1, 1, 7218, 114), (2, 1, 41944, 659)]


async def test_two_tasks_in_one_message(talk: Begin, demo: DemoShop) -> None:
    """The refund comes first, so that freight is computed for what is still sent."""
    customer = talk("c1001")
    first = await customer.answer(
        "K3002地址改成浙江省宁波市海曙区中山西路9号，另外第2件退掉"
    )
    assert [action.kind for action in first.actions] == [
        "refund_item",
        "change_address",
    ]
    done = await customer.answer("确认")
    assert {action.state for action in done.actions} == {"done"}
    assert demo.sql(
        "SELECT version, city, refunded_minor FROM orders WHERE id = 'K3002'"
    ) == [(3, "宁波市", 4882)]


async def test_declining_several_leaves_everything(talk: Begin, demo: DemoShop) -> None:
    """One no puts all proposals of the message away."""
    before = demo.snapshot()
    customer = talk("c1001")
    proposal = await customer.answer("K3001和K3002都取消")
    await customer.answer("不用了")
    states = {(await customer.record(one.id)).state for one in proposal.actions}
    assert states == {ActionState.REJECTED}
    assert changes(before, demo) == {}


async def test_all_but_one_is_not_a_cancellation(talk: Begin, demo: DemoShop) -> None:
    """除了水壶都退: everything but the kettle goes back, and the kettle stays."""
    customer = talk("c1001")
    first = await customer.answer("把K3002除了水壶都退掉")
    assert "您提了几件事" in first.text
    assert first.actions[1].amount_minor == 9900 - 1566
    await customer.answer("确认")
    assert demo.sql(
        "SELECT line, refunded_quantity FROM order_lines WHERE order_id = 'K3002'"
    ) == [(1, 0), (2, 2), (3, 1)]
    assert demo.sql("SELECT status FROM orders WHERE id = 'K3002'") == [("paid",)]


async def test_two_orders_named_are_cancelled_together(
    talk: Begin, demo: DemoShop
) -> None:
    """K3001和K3002都取消: a proposal for each, one consent for both."""
    customer = talk("c1001")
    await customer.answer("K3001和K3002都取消")
    await customer.answer("确认")
    assert demo.sql(
        "SELECT id FROM orders WHERE user_id = 'c1001' AND status = 'cancelled' ORDER BY id"
    ) == [("K3001",), ("K3002",)]


async def test_second_of_several_is_shown_again_if_its_order_moved(
    talk: Begin, demo: DemoShop
) -> None:
    """What still fits is done; what no longer does is proposed anew, never guessed."""
    customer = talk("c1001")
    first = await customer.answer("K3001和K3002都取消")
    last = first.actions[1].summary.split("K")[1][:4]
    demo.sql(f"UPDATE orders SET version = version + 1 WHERE id = 'K{last}'")
    second = await customer.answer("确认")
    assert [action.state for action in second.actions] == ["done", "proposed"]
    third = await customer.answer("确认")
    assert [action.state for action in third.actions] == ["done"]


async def test_only_the_recipient_changes(talk: Begin, demo: DemoShop) -> None:
    """Another name and phone for the same place: the place and the freight stay."""
    before = demo.snapshot()
    customer = talk("c1002")
    await customer.answer("我要改收货人，改成李雷 13911112222")
    await customer.answer("确认")
    assert changes(before, demo) == {
        "orders/K3004.version": (1, 2),
        "orders/K3004.name": ("陈立", "李雷"),
        "orders/K3004.phone": ("13800010002", "13911112222"),
        "told": ["c1002"],
    }


async def test_whole_unshipped_order_is_a_cancellation(talk: Begin) -> None:
    """整单退 before shipment is proposed as what it is."""
    customer = talk("c1001")
    proposal = await customer.answer("K3002整单退款")
    assert proposal.intent == "cancel_order"
    assert proposal.actions[0].amount_minor == 26600


async def test_order_of_the_conversation_is_remembered(talk: Begin) -> None:
    """An order that was just spoken of is the one that is meant."""
    customer = talk("c1003", "en")
    await customer.answer("where is my order K3007?")
    proposal = await customer.answer("I'd like to return the kettle")
    assert "K3007" in proposal.text
    other = talk("c1009", conversation="other")
    await other.answer("K3021到哪了")
    cancel = await other.answer("取消订单吧")
    assert "K3021" in cancel.text


@pytest.mark.parametrize(
    ("user", "locale", "text", "said"),
    [
        ("c1008", "zh", "退款到哪了", ["K3020", "¥159.00", "处理中"]),
        ("c1006", "zh", "K3015的退款怎么还没到账", ["¥89.00", "已退回"]),
        (
            "c1007",
            "en",
            "where is my refund?",
            ["K3017", "CNY 92.36", "waiting for the goods"],
        ),
        ("c1010", "en", "where is my refund?", ["no refund"]),
        ("c1004", "en", "where is my parcel K3008", ["ZT3008880014", "Guangzhou"]),
    ],
)
async def test_states_are_read_not_guessed(
    talk: Begin, demo: DemoShop, user: str, locale: str, text: str, said: list[str]
) -> None:
    """Where a refund or an order is comes from the shop's records; nothing changes."""
    before = demo.snapshot()
    answer = await talk(user, locale).answer(text)
    for words in said:
        assert words in answer.text
    assert answer.open_task is None
    assert changes(before, demo) == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("转人工", Reason.ASKED_HUMAN),
        ("今天天气不错", Reason.NO_MATCH),
    ],
)
async def test_what_it_does_not_do_goes_on_with_a_note(
    talk: Begin, text: str, reason: Reason
) -> None:
    """Tasks of people are handed over with a note, not tried."""
    escalation = await talk("c1001").handed_over(text)
    assert escalation.reason is reason
    assert escalation.note


async def test_person_is_reached_from_every_state(talk: Begin) -> None:
    """转人工 works while a slot is asked for and while a proposal waits."""
    for start in ("我要改地址", "K3001取消订单"):
        customer = talk("c1001", conversation=start)
        await customer.answer(start)
        escalation = await customer.handed_over("转人工")
        assert (escalation.reason, escalation.to) == (Reason.ASKED_HUMAN, Tier.HUMAN)


async def test_three_misses_end_with_a_person(talk: Begin, demo: DemoShop) -> None:
    """What is not understood is asked again twice, then a person takes over."""
    before = demo.snapshot()
    customer = talk("c1001")
    await customer.answer("我要改地址")
    for _ in range(2):
        assert "没听明白" in (await customer.answer("嘿嘿哈哈")).text
    escalation = await customer.handed_over("嘿嘿哈哈")
    assert (escalation.reason, escalation.to) == (Reason.STUCK, Tier.HUMAN)
    assert changes(before, demo) == {}


async def test_consent_in_the_other_language_counts(
    talk: Begin, demo: DemoShop
) -> None:
    """A proposal shown in Chinese may be agreed to in English; it is the same one."""
    customer = talk("c1002")
    proposal = await customer.answer("取消订单")
    customer.locale = "en"
    done = await customer.answer("yes please")
    assert done.actions[0].id == proposal.actions[0].id
    assert done.actions[0].state == "done"


async def test_every_answer_speaks_the_language_of_the_turn(talk: Begin) -> None:
    """An English customer never gets a Chinese sentence, nor the other way round."""
    for user, locale, texts in (
        ("c1003", "en", ["refund item 2 of K3006", "hm?", "only one", "no thanks"]),
        ("c1001", "zh", ["K3002第2件退掉", "嗯？", "算了"]),
    ):
        customer = talk(user, locale, conversation=locale)
        for text in texts:
            outcome = await customer.say(text)
            assert isinstance(outcome, Answer)
            has_chinese = any("\u4e00" <= mark <= "\u9fff" for mark in outcome.text)
            assert has_chinese == (locale == "zh")


async def test_how_many_orders_are_said_must_be_right(talk: Begin) -> None:
    """ "Both" of three could be any two; of two it is these."""
    three = await talk("c1009").answer("两个单都取消")
    assert three.actions == ()
    both = await talk("c1001", conversation="two").answer("两个单都取消")
    assert len(both.actions) == len(["K3001", "K3002"])
    assert "K3001" in both.text
    assert "K3002" in both.text


async def test_the_dearer_and_the_cheaper_order_are_known(talk: Begin) -> None:
    """By what was paid, among the orders that the task may be done on."""
    first = talk("c1009")
    await first.answer("取消K3023")
    await first.answer("确认")
    for said, order in (("把贵的那单取消", "K3022"), ("取消便宜的那个", "K3021")):
        customer = talk("c1009", conversation=order)
        assert order in (await customer.answer(said)).text
    goods = await talk("c1001", conversation="goods").answer("便宜的那个退了吧")
    assert goods.actions == ()


async def test_a_title_that_is_wrong_is_no_title(talk: Begin) -> None:
    """What it should be is asked for; a company named alone is where it goes."""
    customer = talk("c1005")
    asked = await customer.answer("发票抬头写错了")
    assert (asked.actions, "抬头" in asked.text) == ((), True)
    proposal = await customer.answer(
        "改成深圳市云帆科技有限公司 税号91440300MA5EXAMP0K"
    )
    assert "深圳市云帆科技有限公司" in proposal.text
    assert (await customer.answer("对的")).actions[0].state == "done"


async def test_a_photo_is_kept_while_something_else_is_asked(talk: Begin) -> None:
    """Whoever sends it early is not asked for it again."""
    customer = talk("c1008")
    await customer.answer("书包带子断了")
    await customer.answer("拍了照片给你 https://img.example/b.jpg")
    proposal = await customer.answer("第一件")
    assert proposal.actions[0].state == "proposed"


async def test_a_fault_in_words_of_their_own_is_no_dead_end(talk: Begin) -> None:
    """The router's hint is enough to offer a new one, or the money, and to name both."""
    customer = talk("c1001")
    customer.intent = "quality_complaint"
    assert "几件" in (await customer.answer("牙刷毛一用就掉光")).text
    customer.intent = ""
    asked = await customer.answer("一支")
    assert "照片" in asked.text
    assert "退款" in asked.text
    assert "K3003" in (await customer.answer("那就退款")).text


async def test_the_verb_of_what_is_proposed_is_assent(talk: Begin) -> None:
    """Told to do just that; the verb alone may be the wish once more, and is none."""
    customer = talk("c1001")
    await customer.answer("K3001和K3002合成一个包裹")
    assert (await customer.answer("嗯合吧")).actions[0].state == "done"
    other = talk("c1001", conversation="other")
    await other.answer("K3003的牙刷退一支")
    for word in ("退", "退款"):
        said = await other.answer(word)
        assert all(one.state != "done" for one in said.actions)


async def test_change_it_is_no_assent_to_a_change(talk: Begin) -> None:
    """It may well be the proposal that is to change."""
    customer = talk("c1001")
    await customer.answer("K3001地址改成杭州市滨江区江南大道100号")
    said = await customer.answer("改")
    assert all(one.state != "done" for one in said.actions)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("质量有问题，寄回去的邮费归谁", "return_rule"),
        ("同一件东西能换几次货", "exchange_request"),
        ("the box is gone, can I still return it", "return_rule"),
        ("how often can I exchange the same item", "exchange_request"),
    ],
)
async def test_a_question_on_the_rules_is_for_l2(
    talk: Begin, text: str, intent: str
) -> None:
    """However grave it was thought; nobody is asked for an order that does not matter."""
    customer = talk("c1001" if text[0] > "z" else "c1003")
    customer.intent = intent
    escalation = await customer.handed_over(text)
    assert (escalation.reason, escalation.to) == (Reason.NO_MATCH, Tier.L2)


@pytest.mark.parametrize(
    ("locale", "request_", "question", "told"),
    [
        ("zh", "K3002第2件退掉", "一共能退我多少钱？", "合计退您"),
        ("zh", "K3002第2件退掉", "钱几天能到账？", "回执"),
        ("zh", "K3002第2件退掉", "怎么比我买的时候少？", "分摊"),
        ("en", "refund item 2 of K3002", "how much will I get back?", "In all CNY"),
        ("en", "refund item 2 of K3002", "where does the money go?", "original"),
    ],
)
async def test_a_question_amid_a_proposal_is_answered(
    talk: Begin, locale: Locale, request_: str, question: str, told: str
) -> None:
    """From the proposal itself; it stays open and nothing is done."""
    customer = talk("c1001", locale)
    await customer.say(request_)
    said = await customer.say(question)
    assert isinstance(said, Answer)
    assert told in said.text
    assert said.open_task is not None
    assert {one.state for one in said.actions} == {"proposed"}
