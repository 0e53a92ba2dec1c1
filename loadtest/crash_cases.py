"""
What the customers of a crash run want: every recipe, each on an order of its own.

The planner is no part of these runs: a case says its task as the planner would
have understood it, so that what dies is the work on it and nothing else.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from engines.agent.plan import Draft
from engines.agent.reading.addresses import AddressParts
from engines.agent.reading.particulars import InvoiceParts


Way = Literal["turn", "given_up", "approval"]

_ZONE = ZoneInfo("Asia/Shanghai")
_NEAR, _FAR = "浙江", "新疆"
#: Of every order; what two lines of it are worth stays below every ceiling.
_LINES: Sequence[Mapping[str, Any]] = (
    {"sku": "TH-15", "quantity": 2},
    {"sku": "CB-08", "quantity": 2},
    {"sku": "TS-13"},
)
_DELIVERED = {"status": "delivered", "hours_ago": 120, "delivered_hours_ago": 60}
#: Where every order goes at first, and where some shall go.
STREET = "西湖区文三路90号"
_ELSEWHERE = AddressParts(region=_NEAR, city="宁波市", street="海曙区中山西路9号")


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """
    One kind of task: the order it needs, and what is wanted of it.

    Attributes:
        order: Fields of the seed's order that differ from a paid one.

        draft: Without the ids, which the case fills in.

        joins: A second order of the customer joins.

        is_apart: The shop changes address and freight by two calls.
    """

    draft: Draft
    order: Mapping[str, Any] = {}
    joins: bool = False
    is_apart: bool = False


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """
    One customer with one wish, and the way it goes.

    Attributes:
        name: Of the conversation; the customer's id, too.

        way: The turn is repeated until it ends; or it is given up and the sweeper
            settles; or an operator has to approve first.
    """

    name: str
    order_id: str
    errand: str
    way: Way
    draft: Draft
    is_apart: bool = False

    @property
    def text(self) -> str:
        """Every word of the draft, for what nobody said is not believed."""
        draft = self.draft
        day = dt.date.fromisoformat(draft.day) if draft.day else None
        words = (
            draft.order_id,
            *draft.others,
            *msgspec.structs.astuple(draft.address),
            *msgspec.structs.astuple(draft.invoice),
            draft.target,
            draft.evidence,
            draft.phone,
            f"{day.month}月{day.day}日" if day else "",
        )
        return " ".join(word for word in words if word)


def errands(today: dt.date) -> dict[str, Errand]:
    """Every recipe, and the variants that call the shop in another way."""
    day = (today + dt.timedelta(days=3)).isoformat()
    return {
        "cancel_order": Errand(draft=Draft("cancel_order")),
        "refund_item": Errand(draft=Draft("refund_item", line=1, quantity=1)),
        "return_item": Errand(
            draft=Draft("refund_item", line=2, quantity=1), order=_DELIVERED
        ),
        "change_address": Errand(
            draft=Draft("change_address", address=_ELSEWHERE),
            order={"region": _FAR, "freight": 1800},
        ),
        "address_then_freight": Errand(
            draft=Draft("change_address", address=_ELSEWHERE),
            order={"region": _FAR, "freight": 1800},
            is_apart=True,
        ),
        "address_taken_back": Errand(
            draft=Draft("change_address", address=_ELSEWHERE),
            # All but 5 of what was paid went back: no freight can be refunded.
            order={
                "region": _FAR,
                "freight": 1800,
                "refunds": [{"status": "paid_back", "amount": 35_295, "hours_ago": 9}],
            },
            is_apart=True,
        ),
        "dearer_address": Errand(
            draft=Draft(
                "change_address",
                address=msgspec.structs.replace(_ELSEWHERE, region=_FAR),
            ),
        ),
        "exchange_item": Errand(
            draft=Draft("exchange_item", line=1, quantity=1, target="智能体脂秤")
        ),
        "replace_item": Errand(
            draft=Draft(
                "replace_item",
                line=1,
                quantity=1,
                reason="damaged",
                evidence="https://img.example/1.jpg",
            ),
            order=_DELIVERED,
        ),
        "claim_gift": Errand(
            draft=Draft("claim_gift"),
            order=_DELIVERED
            | {"lines": [*_LINES, {"sku": "GF-20", "is_gift": True, "gift_of": 1}]},
        ),
        "merge_orders": Errand(draft=Draft("merge_orders"), joins=True),
        "split_shipment": Errand(draft=Draft("split_shipment", lines=(1,))),
        "price_protection": Errand(
            draft=Draft("price_protection", line=1),
            order={"lines": [{"sku": "TH-15", "price": 10900}, *_LINES[1:]]},
        ),
        "reissue_invoice": Errand(
            draft=Draft("reissue_invoice", invoice=InvoiceParts(title="林晓"))
        ),
        "reschedule_delivery": Errand(draft=Draft("reschedule_delivery", day=day)),
        "change_phone": Errand(draft=Draft("change_phone", phone="13900020002")),
        "chase_refund": Errand(
            draft=Draft("chase_refund"),
            order={
                "refunds": [
                    {
                        "status": "processing",
                        "amount": 100,
                        "hours_ago": 240,
                        "expected_in_days": -3,
                    }
                ]
            },
        ),
    }


def approvals() -> dict[str, Errand]:
    """Tasks above what the machine may do alone."""
    return {
        "cancel_order": Errand(
            draft=Draft("cancel_order"),
            order={"lines": [{"sku": "VC-04", "quantity": 2}]},
        ),
        "refund_item": Errand(
            draft=Draft("refund_item", line=1, quantity=1),
            order={"lines": [{"sku": "HP-05", "quantity": 2}, {"sku": "CB-08"}]},
        ),
        "replace_item": Errand(
            draft=Draft(
                "replace_item",
                line=1,
                quantity=1,
                reason="damaged",
                evidence="https://img.example/2.jpg",
            ),
            order=_DELIVERED | {"lines": [{"sku": "AF-03"}]},
        ),
    }


def cases(
    count: int, chance: random.Random, today: dt.date, only: Sequence[str] = ()
) -> list[Case]:
    """
    Cases of every errand in turn; a fifth needs approval, a fifth is given up.

    With *only* these errands, and none that needs approval.
    """
    usual, large = errands(today), approvals()
    ways: tuple[Way, ...] = ("turn", "turn", "turn", "given_up", "approval")
    if only:
        usual, ways = {name: usual[name] for name in only}, ways[:-1]
    found = []
    for number in range(count):
        way = chance.choice(ways)
        known = large if way == "approval" else usual
        kind = list(known)[number % len(known)]
        found.append(_case(number, way, kind, known[kind]))
    return found


def _case(number: int, way: Way, kind: str, errand: Errand) -> Case:
    order_id = f"K{100_000 + number}"
    draft = msgspec.structs.replace(
        errand.draft,
        order_id=order_id,
        others=(f"{order_id}B",) if errand.joins else (),
    )
    return Case(
        name=f"c{number:05}",
        order_id=order_id,
        errand=kind,
        way=way,
        draft=draft,
        is_apart=errand.is_apart,
    )


def today_of(now_s: float) -> dt.date:
    """The shop's date."""
    return dt.datetime.fromtimestamp(now_s, _ZONE).date()


def seed_of(wanted: Sequence[Case], today: dt.date) -> dict[str, Any]:
    """A demo shop that has these customers and their orders."""
    return {
        "facts": {"return_address": {"zh": "海盐县潮汐路18号", "en": "18 Chaoxi Road"}},
        "freight": [
            {"first_kg": 800, "next_kg": 300, "regions": [{"zh": _NEAR, "en": "A"}]},
            {"first_kg": 1800, "next_kg": 900, "regions": [{"zh": _FAR, "en": "B"}]},
        ],
        "customers": [{"id": one.name, "name": one.name} for one in wanted],
        "orders": [order for one in wanted for order in _orders(one, today)],
    }


def _orders(case: Case, today: dt.date) -> list[dict[str, Any]]:
    known = approvals() if case.way == "approval" else errands(today)
    errand = known[case.errand]
    orders = [_order(case, case.order_id, errand.order)]
    if errand.joins:
        orders.append(_order(case, f"{case.order_id}B", {"channel": "app"}))
    return orders


def _order(case: Case, order_id: str, other: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: value for key, value in other.items() if key != "region"}
    return {
        "id": order_id,
        "customer": case.name,
        "status": "paid",
        "hours_ago": 20,
        "address": {
            "name": case.name,
            "phone": "13800010001",
            "region": other.get("region", _NEAR),
            "city": "杭州市",
            "street": STREET,
        },
        "lines": list(_LINES),
        **fields,
    }
