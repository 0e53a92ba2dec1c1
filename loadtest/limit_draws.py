"""
Customers, orders and wishes of a limit run: drawn, and put into words or drafts.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import count
from typing import Any, get_args

import msgspec

from engines.agent.plan import Draft
from engines.agent.reading.addresses import AddressParts
from engines.agent.reading.particulars import InvoiceParts
from engines.agent.reading.task_cues import Recipe


RECIPES: tuple[Recipe, ...] = get_args(Recipe)
_STATUSES = ("unpaid", "paid", "paid", "shipped", "delivered", "delivered", "completed")
_DELIVERED = frozenset({"delivered", "completed"})
_SKUS = (
    "KT-01", "RC-02", "AF-03", "VC-04", "HP-05", "CB-08", "LP-09", "TS-13", "TH-15",
    "BD-16", "SC-18", "NT-19",
)  # fmt: skip
#: Hours around the ends of windows: 7, 15 and 180 days, a little less and more.
_AGES = (1.0, 30.0, 167.9, 168.1, 200.0, 359.9, 360.1, 2_000.0, 4_321.0)
AGREEMENTS = ("确认", "好的，就这样办", "是的，确认", "yes, go ahead", "同意")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """
    One try: what one customer writes in one conversation.

    Attributes:
        drafts: What the planner is told the first text means; if empty it has to
            read for itself.

        may_act: False if nothing the customer writes is consent.

        later_ms: What passes between the first text and the rest.

        moves_to: Where the shop puts the order in that time; empty is nowhere.

        is_counted: The shop counts that as a new version of the order.
    """

    conversation: str
    user: str
    order_id: str
    texts: tuple[str, ...]
    drafts: tuple[Draft, ...] = ()
    may_act: bool = True
    later_ms: int = 0
    moves_to: str = ""
    is_counted: bool = True


class Draw:
    """Draws customers, orders and wishes; every id once."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self._numbers = count(1)

    def user(self) -> str:
        return f"u{next(self._numbers):06}"

    def order(self, user: str, **fields: Any) -> dict[str, Any]:
        chance = self.chance
        status = str(fields.get("status") or chance.choice(_STATUSES))
        age = chance.choice(_AGES)
        lines = [self._line() for _ in range(chance.randint(1, 4))]
        if chance.random() < 0.2:  # noqa: PLR2004 - a share
            lines.append({"sku": "GF-20", "is_gift": True, "gift_of": 1})
        order = {
            "id": f"K{200_000 + next(self._numbers)}",
            "customer": user,
            "status": status,
            "hours_ago": age + 40,
            "address": _address(user),
            "lines": lines,
        }
        if status in _DELIVERED:
            order["delivered_hours_ago"] = age
        if chance.random() < 0.3:  # noqa: PLR2004 - a share
            order |= {"coupon": chance.choice((500, 2_000)), "coupon_threshold": 0}
        return order | fields

    def _line(self) -> dict[str, Any]:
        line: dict[str, Any] = {"sku": self.chance.choice(_SKUS)}
        line["quantity"] = self.chance.choice((1, 1, 2, 3, 20))
        if self.chance.random() < 0.3:  # noqa: PLR2004 - a share
            line["price"] = self.chance.choice((9_900, 20_000, 49_900, 60_000))
        return line

    def wish(self, order: Mapping[str, Any], recipe: Recipe = "refund_item") -> Wish:
        """A wish about *order*, in words or as a draft, and agreement to it."""
        chance, order_id = self.chance, str(order["id"])
        line = chance.randint(1, len(order["lines"]))
        return Wish(
            conversation=f"t{next(self._numbers)}",
            user=str(order["customer"]),
            order_id=order_id,
            texts=(words_for(recipe, order_id, line), chance.choice(AGREEMENTS)),
            drafts=() if chance.random() < 0.5 else (draft_of(recipe, order_id, line),),  # noqa: PLR2004 - a share
        )

    def recipe(self) -> Recipe:
        return self.chance.choice(RECIPES)


def draft_of(recipe: Recipe, order_id: str, line: int) -> Draft:
    """Everything that any recipe asks for, so that policy has to decide."""
    return Draft(
        recipe,
        order_id=order_id,
        line=line,
        quantity=1,
        address=AddressParts(region="新疆", city="乌鲁木齐市", street="光明路9号"),
        target="智能体脂秤",
        lines=(1,),
        phone="13900020002",
        invoice=InvoiceParts(title="林晓"),
        reason="damaged",
        evidence="https://img.example/1.jpg",
    )


def said_in(draft: Draft) -> str:
    """Every word of a draft, for what nobody said is not believed."""
    words = (
        draft.order_id, *draft.others, "新疆乌鲁木齐市光明路9号", draft.target,
        draft.phone, draft.invoice.title, draft.evidence,
    )  # fmt: skip
    return " ".join(words)


def words_for(recipe: Recipe, order_id: str, line: int) -> str:
    said: dict[Recipe, str] = {
        "cancel_order": f"取消订单{order_id}",
        "merge_orders": f"把订单{order_id}和我别的订单合并发货",
        "split_shipment": f"订单{order_id}第{line}件先发，其他的后面再发",
        "change_address": f"订单{order_id}地址改成新疆乌鲁木齐市光明路9号",
        "change_phone": f"订单{order_id}的电话改成13900020002",
        "reschedule_delivery": f"订单{order_id}后天再送",
        "exchange_item": f"订单{order_id}第{line}件换成智能体脂秤",
        "replace_item": f"订单{order_id}第{line}件坏了，补发一件 https://img.example/1.jpg",
        "claim_gift": f"订单{order_id}赠品没收到，补发",
        "refund_item": f"订单{order_id}第{line}件退掉一件",
        "price_protection": f"订单{order_id}第{line}件降价了，退差价",
        "chase_refund": f"订单{order_id}的退款催一下",
        "reissue_invoice": f"订单{order_id}重开发票，抬头林晓",
    }
    # Every word a draft may need, so that a told one is grounded.
    return f"{said[recipe]} （{said_in(draft_of(recipe, order_id, line))}）" if line % 2 else said[recipe]  # fmt: skip


def _address(user: str) -> dict[str, str]:
    return {
        "name": user,
        "phone": "13800010001",
        "region": "浙江",
        "city": "杭州市",
        "street": "西湖区文三路90号",
    }
