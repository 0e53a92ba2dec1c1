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

from engines.agent.plan import Draft, Plan, Wants
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
    )
    scene = scene_of(turn, orders_of(user), None, None, policy=policy(), now=NOW)
    assert said(await planner().plan(scene)) == sorted(wanted.split("; "))


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
