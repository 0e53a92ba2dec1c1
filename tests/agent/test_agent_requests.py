"""
What messages ask for, zh and en, on the orders of the acceptance suites' customers.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from functools import cache
from pathlib import Path

import pytest

from engines.agent.plan import Scene, Wants
from engines.agent.planner import OfflinePlanner
from engines.agent.policy import Policy
from engines.agent.scenes import scene_of
from engines.contract import ConversationId, MessageId, ShopId, Turn, UserId
from engines.shops.demo import filling, records
from engines.shops.port import Order
from gateway.acceptance.fixture import shop_of
from gateway.acceptance.suite import load


pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
#: A Monday.
NOW = dt.datetime(2026, 11, 23, 4, 0, tzinfo=dt.UTC)


@cache
def orders_of(user: str) -> tuple[Order, ...]:
    """A customer's orders, as the demo shop keeps them."""
    path = ROOT / "configs/suites/zh.yaml"
    fresh = shop_of(load(path), path)
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    schema = ROOT / "engines/shops/demo/schema.sql"
    db.executescript(schema.read_text("utf-8"))
    filling.fill(db, fresh.catalogue, fresh.seed, NOW)
    found = records.orders(db, user)
    db.close()
    return found


@cache
def planner() -> OfflinePlanner:
    return OfflinePlanner.load()


def scene(user: str, text: str) -> Scene:
    """The first message of a conversation."""
    turn = Turn(
        turn_id="t",
        shop=ShopId("demo"),
        channel="web",
        conversation_id=ConversationId("c"),
        message_id=MessageId("m"),
        user_id=UserId(user),
        seq=1,
        text=text,
        locale="zh",
    )
    policy = Policy.load(ROOT / "configs/policies/default.yaml")
    return scene_of(turn, orders_of(user), None, None, policy=policy, now=NOW)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("我要把A01里的第二样和第三样都退了，第一样留着", ["refund_item A01 2 0", "refund_item A01 3 0"]),
        ("第二件和第三件帮我退了，订单A01，第一件我要的", ["refund_item A01 2 0", "refund_item A01 3 0"]),
        ("A01第2、3件退掉", ["refund_item A01 2 0", "refund_item A01 3 0"]),
        ("订单A01，快充线退一条，其它照常发", ["refund_item A01 2 1"]),
        ("A11的两个杯子一个退掉一个留下", ["refund_item A11 1 1"]),
        ("不退第2件，退第3件，A01的", ["refund_item A01 3 0"]),
        ("别取消A02了，改成把A03取消", ["cancel_order A03 0 0"]),
        ("A02不要了，A03也不要了，A01第2件退一条", ["cancel_order A02 0 0", "cancel_order A03 0 0", "refund_item A01 2 1"]),
        ("A04那两件短袖，一件退掉，一件换成L码", ["refund_item A04 1 1", "exchange_item A04 1 1"]),
        ("第2件退掉，第3件换成马克杯，订单A01", ["refund_item A01 2 0", "exchange_item A01 3 0"]),
        ("A02 A03合并，另外A06改成周六送", ["merge_orders A02 0 0", "reschedule_delivery A06 0 0"]),
        ("先把A01里的保温杯发出来，水壶和线可以晚点", ["split_shipment A01 0 0"]),
        ("A05买完第二天就降价了，差价退我", ["price_protection A05 1 0"]),
        ("A01退第2件，地址改为北京市朝阳区建国路88号，发票抬头改成北京潮汐有限公司税号91110105MA01XXXX2B", ["refund_item A01 2 0", "change_address A01 0 0", "reissue_invoice A01 0 0"]),
        ("我要投诉，A04的赠品没给我，还有台灯是坏的，照片：https://a.cn/1.jpg", ["claim_gift A04 0 0", "replace_item A04 2 0"]),
        ("A04的台灯坏了，退掉", ["refund_item A04 2 0"]),
        ("A06快递别送了，我周五才在家", ["reschedule_delivery A06 0 0"]),
    ],
)  # fmt: skip
async def test_chinese_requests(text: str, wanted: list[str]) -> None:
    """Ordinals, quantities, what stays, corrections, several orders and tasks."""
    assert await read("a1", text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("B01: keep item 1, return 2 and 3", ["refund_item B01 2 0", "refund_item B01 3 0"]),
        ("refund everything in B01 but the kettle", ["refund_item B01 2 0", "refund_item B01 3 0"]),
        ("return one of the cables from B01; the other items stay", ["refund_item B01 2 1"]),
        ("cancel B02, sorry I meant B03", ["cancel_order B03 0 0"]),
        ("don't cancel B02, cancel B03", ["cancel_order B03 0 0"]),
        ("Could you cancel B03 for me? And send B06 next Monday instead.", ["cancel_order B03 0 0", "reschedule_delivery B06 0 0"]),
        ("please cancel my rice cooker order and return the hair dryer", ["cancel_order B10 0 0", "refund_item B08 1 0"]),
        ("Please combine B02 with B03 and refund the extra shipping", ["merge_orders B02 0 0"]),
        ("I ordered two T-shirts in B04 but want to swap one for a large", ["exchange_item B04 1 1"]),
        ("update phone on B02 and B03 to 13611112222", ["change_phone B02 0 0", "change_phone B03 0 0"]),
        ("return the cables of B01, then send the remaining items to 9 Zhongshan West Road, Haishu, Ningbo, Zhejiang", ["refund_item B01 2 0", "change_address B01 0 0"]),
        ("The mug in B11: one of the two broke, please replace it. Photo: https://x.co/1.jpg", ["replace_item B11 1 1"]),
        ("I never received the free pouch with B04", ["claim_gift B04 0 0"]),
        ("hold B06 until December 5th", ["reschedule_delivery B06 0 0"]),
    ],
)  # fmt: skip
async def test_english_requests(text: str, wanted: list[str]) -> None:
    """The same in English."""
    assert await read("b1", text) == wanted


@pytest.mark.parametrize("text", ["Z01取消", "A02取消，Z01也取消", "把A02和Z01合并"])
async def test_an_order_of_a_stranger_is_named_as_such(text: str) -> None:
    """Wherever it stands among one's own, it is no order of this customer."""
    plan = await planner().plan(scene("a1", text))
    assert isinstance(plan, Wants)
    assert plan.foreign == "z01"


async def read(user: str, text: str) -> list[str]:
    """Task, order, line and units of every request of a message."""
    plan = await planner().plan(scene(user, text))
    assert isinstance(plan, Wants), plan
    return [
        f"{one.recipe} {one.order_id} {one.line} {one.quantity}" for one in plan.drafts
    ]
