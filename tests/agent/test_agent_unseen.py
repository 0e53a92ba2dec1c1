"""
Requests in another shop than the suites': other goods, ids of another make.
"""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from functools import cache
from pathlib import Path

import pytest

from engines.agent.plan import Draft, LooksUp, Plan, Wants
from engines.agent.planner import OfflinePlanner
from engines.agent.policy import Policy
from engines.agent.scenes import scene_of
from engines.contract import (
    ConversationId,
    MessageId,
    ShopId,
    Turn,
    UserId,
    Utterance,
)
from engines.shops.demo import filling, records
from engines.shops.port import Order
from gateway.acceptance.fixture import shop_of
from gateway.acceptance.suite import load


pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
UNSEEN = Path(__file__).parent / "unseen"
#: A Monday.
NOW = dt.datetime(2026, 11, 23, 4, 0, tzinfo=dt.UTC)
#: The Chinese customer's orders, and the English one's.
_MAKE = re.compile(r"^(?:8823100|SO-200)")


def written() -> list[tuple[str, str]]:
    """Messages with what they ask for."""
    lines = (UNSEEN / "requests.txt").read_text("utf-8").splitlines()
    pairs = (line.split(" => ") for line in lines if not line.startswith("#"))
    return [(text, wanted) for text, wanted in pairs]


@cache
def orders_of(user: str) -> tuple[Order, ...]:
    """A customer's orders, as the demo shop keeps them."""
    path = UNSEEN / "suite.yaml"
    fresh = shop_of(load(path), path)
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    db.executescript((ROOT / "engines/shops/demo/schema.sql").read_text("utf-8"))
    filling.fill(db, fresh.catalogue, fresh.seed, NOW)
    found = records.orders(db, user)
    db.close()
    return found


@cache
def planner() -> OfflinePlanner:
    return OfflinePlanner.load()


@cache
def policy() -> Policy:
    return Policy.load(ROOT / "configs/policies/default.yaml")


@pytest.mark.parametrize(("text", "wanted"), written())
async def test_what_another_shops_customers_ask_for(text: str, wanted: str) -> None:
    """Goods, ordinals, units, what stays, corrections and lists of a shop nobody tuned to."""
    assert said(await read(text)) == sorted(wanted.split("; "))


@pytest.mark.parametrize(
    ("before", "text", "wanted"),
    [
        ("键盘用了两天就按不动了", "质量问题，换一个新的给我", "replace_item 3 1 1"),
        ("the keyboard stopped working", "I'd like a refund", "refund_item 3 1 0"),
        ("音箱多少钱来着", "退掉键盘", "refund_item 3 1 0"),
    ],
)
async def test_goods_named_a_line_before_are_meant(
    before: str, text: str, wanted: str
) -> None:
    """If the request itself names none."""
    assert said(await read(text, before)) == [wanted]


async def test_an_urging_is_about_the_order_spoken_of() -> None:
    """Nobody spoke of a refund, so the order is what they wait for."""
    plan = await read("能帮我催一下吗", "瑜伽垫那单怎么还没到")
    assert isinstance(plan, LooksUp)
    assert (plan.what, plan.order_id) == ("order_status", "88231004")


async def read(text: str, *before: str) -> Plan:
    """What the customer means by *text* after the lines *before*."""
    is_english = "SO-" in text or not re.search("[\u4e00-\u9fff]", text)
    user = "g1" if is_english else "h1"
    turn = Turn(
        turn_id="t",
        shop=ShopId("demo"),
        channel="web",
        conversation_id=ConversationId("c"),
        message_id=MessageId("m"),
        user_id=UserId(user),
        seq=1,
        text=text,
        locale="en" if is_english else "zh",
        history=tuple(Utterance("customer", line) for line in before),
    )
    scene = scene_of(turn, orders_of(user), None, None, policy=policy(), now=NOW)
    return await planner().plan(scene)


def said(plan: Plan) -> list[str]:
    """A plan as the file of messages writes it."""
    if not isinstance(plan, Wants):
        return [type(plan).__name__ if type(plan).__name__ == "LooksUp" else "none"]
    if plan.foreign:
        return ["foreign"]
    return sorted(_short(one) for one in plan.drafts)


def _short(draft: Draft) -> str:
    order = _MAKE.sub("", draft.order_id)
    gift = " gift" if draft.keeps_gift else ""
    return f"{draft.recipe} {order} {draft.line} {draft.quantity}{gift}"
