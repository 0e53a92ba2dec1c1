"""
What the customers of an L3 run want, the shop they want it of, and what must become of it.

Each customer has one order and one errand with it, so that every order may move
once at most.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from loadtest.shop_process import OrderBook


Kind = Literal["cancel_order", "refund_line", "change_address"]
KINDS: tuple[Kind, ...] = ("cancel_order", "refund_line", "change_address")

OLD_STREET = {"zh": "西湖区文三路90号", "en": "90 Wensan Road, Xihu"}
NEW_STREET = {"zh": "海曙区中山西路9号", "en": "8 West Lake Road"}
REGION = {"zh": "浙江", "en": "Zhejiang"}

OPENINGS: dict[tuple[Kind, str], str] = {
    ("cancel_order", "zh"): "帮我取消订单{order}，不想要了",
    ("cancel_order", "en"): "please cancel my order {order}",
    ("refund_line", "zh"): "我想把订单{order}里第2件商品退掉，其他保留",
    ("refund_line", "en"): (
        "I want to return the second item of order {order} and keep the rest"
    ),
    (
        "change_address",
        "zh",
    ): "订单{order}收货地址写错了，改成浙江省宁波市海曙区中山西路9号",
    ("change_address", "en"): (
        "Please change the address of {order} to 8 West Lake Road, Hangzhou, Zhejiang"
    ),
}
CONSENT = {"zh": "确认", "en": "yes, please go ahead"}


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """
    One customer with one wish.

    Attributes:
        name: Of the conversation; the customer's id, too.
    """

    name: str
    order_id: str
    kind: Kind
    locale: Literal["zh", "en"]

    @property
    def opening(self) -> str:
        """What the customer says first."""
        return OPENINGS[self.kind, self.locale].format(order=self.order_id)

    @property
    def consent(self) -> str:
        """What the customer says to a proposal."""
        return CONSENT[self.locale]

    def is_as_before(self, order: OrderBook) -> bool:
        """True if nothing at all became of the order."""
        return (
            order.version == 1
            and order.status == self._status
            and order.refunded_minor == order.refunds == sum(order.units.values()) == 0
            and order.street == OLD_STREET[self.locale]
        )

    def is_done_once(self, order: OrderBook) -> bool:
        """True if exactly the wish came true, once, and nothing else."""
        if order.version != 2:  # noqa: PLR2004 - one more than a fresh order's
            return False
        if self.kind == "cancel_order":
            is_back = order.refunded_minor == order.paid_minor
            return order.status == "cancelled" and is_back and order.refunds == 1
        if self.kind == "refund_line":
            is_one = {line for line, units in order.units.items() if units} == {2}
            is_some = 0 < order.refunded_minor < order.paid_minor
            return is_one and is_some and order.refunds == 1
        is_moved = NEW_STREET[self.locale] in order.street
        return is_moved and order.refunds == order.refunded_minor == 0

    @property
    def _status(self) -> str:
        return "delivered" if self.kind == "refund_line" else "paid"


def errands(count: int) -> list[Errand]:
    """Every kind in both languages, in turn."""
    return [
        Errand(
            name=f"e{number:03}",
            order_id=f"K{5001 + number}",
            kind=KINDS[number % len(KINDS)],
            locale="zh" if number // len(KINDS) % 2 == 0 else "en",
        )
        for number in range(count)
    ]


def seed_of(wanted: list[Errand]) -> dict[str, Any]:
    """A demo shop that has these customers and their orders."""
    return {
        "facts": {"return_address": {"zh": "海盐县潮汐路18号", "en": "18 Chaoxi Road"}},
        "freight": [
            {
                "first_kg": 800,
                "next_kg": 300,
                "free_from": 9900,
                "regions": [{"zh": REGION["zh"], "en": REGION["en"]}],
            }
        ],
        "customers": [
            {"id": one.name, "name": f"Customer {one.name}", "locale": one.locale}
            for one in wanted
        ],
        "orders": [_order(one) for one in wanted],
    }


def _order(errand: Errand) -> dict[str, Any]:
    order: dict[str, Any] = {
        "id": errand.order_id,
        "customer": errand.name,
        "status": "paid",
        "hours_ago": 20,
        "channel": "app",
        "address": {
            "name": f"Customer {errand.name}",
            "phone": "13800010001",
            "region": REGION[errand.locale],
            "city": {"zh": "杭州市", "en": "Hangzhou"}[errand.locale],
            "street": OLD_STREET[errand.locale],
        },
        "lines": [{"sku": "KT-01"}],
    }
    if errand.kind == "refund_line":
        order["status"] = "delivered"
        order["hours_ago"] = 120
        order["delivered_hours_ago"] = 60
        order["lines"] = [{"sku": "KT-01"}, {"sku": "LP-09"}, {"sku": "TH-15"}]
        order["coupon"], order["coupon_threshold"] = 2000, 19900
    return order
