"""
A connector to a retail shop kept in JSON files, and the facts of its calls.

What may be done is the policy file's beside this module; here is only what a
call is about (:meth:`TauShop.case`) and what it does (:meth:`TauShop.apply`).
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from typing import Any

from bench.orders import order_in
from engines.agent.policy import Case
from engines.shops.port import OrderStatus


#: Statuses of this shop in the words of the port.
STATUS: dict[str, OrderStatus] = {
    "pending": "paid",
    "processed": "shipped",
    "delivered": "delivered",
    "cancelled": "cancelled",
}
#: Calls of this shop in the words of our recipes.
RECIPES = {
    "cancel_pending_order": "cancel_order",
    "modify_pending_order_address": "change_address",
    "modify_pending_order_payment": "change_payment",
    "modify_pending_order_items": "exchange_unshipped",
    "return_delivered_order_items": "refund_item",
    "exchange_delivered_order_items": "exchange_item",
}
REASONS = ("no longer needed", "ordered by mistake")
Json = dict[str, Any]


class TauShop:
    """
    One database, changed in place.

    Args:
        db: ``orders``, ``users`` and ``products`` as the files have them.
    """

    def __init__(self, db: Json) -> None:
        self.db = copy.deepcopy(db)
        self._effects: dict[str, Callable[[Json, Json], None]] = {
            "cancel_order": self._cancel,
            "change_address": self._move,
            "change_payment": self._pay_otherwise,
            "exchange_unshipped": self._exchange_unshipped,
            "refund_item": self._take_back,
            "exchange_item": self._exchange,
        }

    def case(self, tool: str, args: Json, now: dt.datetime) -> Case:
        """What policy is asked about one call; amounts in cents."""
        order = self.db["orders"].get(args["order_id"])
        marks = {"unknown_order"} if order is None else self._marks(tool, order, args)
        status = STATUS.get(order["status"], "completed") if order else "cancelled"
        return Case(
            recipe=RECIPES[tool],
            order=order_in(args["order_id"], status),
            now=now,
            marks=frozenset(marks),
        )

    def apply(self, tool: str, args: Json) -> None:
        """Carry out what policy allowed."""
        self._effects[RECIPES[tool]](self.db["orders"][args["order_id"]], args)

    def _marks(self, tool: str, order: Json, args: Json) -> set[str]:
        marks: set[str] = set()
        if tool == "cancel_pending_order" and args["reason"] not in REASONS:
            marks.add("unknown_reason")
        if "item_ids" in args:
            marks |= self._item_marks(order, args)
        if "payment_method_id" in args:
            marks |= self._payment_marks(tool, order, args, marks)
        return marks

    def _item_marks(self, order: Json, args: Json) -> set[str]:
        own = [item["item_id"] for item in order["items"]]
        wanted = args["item_ids"]
        if any(wanted.count(item) > own.count(item) for item in wanted):
            return {"unknown_item"}
        if "new_item_ids" not in args:
            return set()
        if len(args["new_item_ids"]) != len(wanted):
            return {"unlike_count"}
        return set() if all(self._swaps(order, args)) else {"unavailable"}

    def _swaps(self, order: Json, args: Json) -> list[Json | None]:
        """The variant of the same product that takes each item's place, if there is one."""
        pairs = zip(args["item_ids"], args["new_item_ids"], strict=True)
        found = []
        for old, new in pairs:
            product = self.db["products"][_item(order, old)["product_id"]]
            variant = product["variants"].get(new)
            found.append(variant if variant and variant["available"] else None)
        return found

    def _difference(self, order: Json, args: Json) -> float:
        pairs = zip(args["item_ids"], self._swaps(order, args), strict=True)
        prices = (
            new["price"] - _item(order, old)["price"] for old, new in pairs if new
        )
        return float(round(sum(prices), 2))

    def _payment_marks(
        self, tool: str, order: Json, args: Json, marks: set[str]
    ) -> set[str]:
        method = self._methods(order).get(args["payment_method_id"])
        if method is None:
            return {"unknown_payment"}
        first = order["payment_history"][0]
        is_gift_card = method["source"] == "gift_card"
        is_original = method["id"] == first["payment_method_id"]
        if tool == "return_delivered_order_items":
            return set() if is_gift_card or is_original else {"other_payment"}
        due = first["amount"] if tool == "modify_pending_order_payment" else 0.0
        if tool != "modify_pending_order_payment" and not marks:
            due = self._difference(order, args)
        found = {"short_balance"} if is_gift_card and method["balance"] < due else set()
        if tool == "modify_pending_order_payment" and is_original:
            found.add("same_payment")
        return found

    def _methods(self, order: Json) -> Json:
        methods: Json = self.db["users"][order["user_id"]]["payment_methods"]
        return methods

    def _pay(self, order: Json, method_id: str, amount: float) -> None:
        """Note money from the customer, or to them if below nothing."""
        kind = "payment" if amount > 0 else "refund"
        order["payment_history"].append(
            {
                "transaction_type": kind,
                "amount": abs(amount),
                "payment_method_id": method_id,
            }
        )
        method = self._methods(order)[method_id]
        if method["source"] == "gift_card":
            method["balance"] = round(method["balance"] - amount, 2)

    def _cancel(self, order: Json, args: Json) -> None:
        for payment in list(order["payment_history"]):
            self._pay(order, payment["payment_method_id"], -payment["amount"])
        order |= {"status": "cancelled", "cancel_reason": args["reason"]}

    def _move(self, order: Json, args: Json) -> None:
        names = ("address1", "address2", "city", "country", "state", "zip")
        order["address"] = {name: args[name] for name in names}

    def _pay_otherwise(self, order: Json, args: Json) -> None:
        first = order["payment_history"][0]
        self._pay(order, args["payment_method_id"], first["amount"])
        self._pay(order, first["payment_method_id"], -first["amount"])

    def _exchange_unshipped(self, order: Json, args: Json) -> None:
        difference = self._difference(order, args)
        swaps = self._swaps(order, args)
        for old, new in zip(args["item_ids"], swaps, strict=True):
            if new is not None:
                taken = {name: new[name] for name in ("item_id", "price", "options")}
                _item(order, old).update(taken)
        self._pay(order, args["payment_method_id"], difference)
        order["status"] = "pending (item modified)"

    def _take_back(self, order: Json, args: Json) -> None:
        order |= {
            "status": "return requested",
            "return_items": sorted(args["item_ids"]),
            "return_payment_method_id": args["payment_method_id"],
        }

    def _exchange(self, order: Json, args: Json) -> None:
        order |= {
            "status": "exchange requested",
            "exchange_items": sorted(args["item_ids"]),
            "exchange_new_items": sorted(args["new_item_ids"]),
            "exchange_payment_method_id": args["payment_method_id"],
            "exchange_price_difference": self._difference(order, args),
        }


def _item(order: Json, item_id: str) -> Json:
    found: Json = next(one for one in order["items"] if one["item_id"] == item_id)
    return found
