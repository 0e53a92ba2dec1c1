"""
A connector to a household appliance shop kept in JSON files, with Chinese fields.

As :mod:`bench.tau_retail`: facts and effects; the rules are the policy file's.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from typing import Any

from bench.orders import order_in
from engines.agent.policy import Case
from engines.shops.port import OrderStatus


Json = dict[str, Any]
STATUS: dict[str, OrderStatus] = {
    "待付款": "unpaid",
    "已付款": "paid",
    "处理中": "paid",
    "已发货": "shipped",
    "已签收": "delivered",
    "已退货": "completed",
    "已取消": "cancelled",
}
#: Calls of this shop, with what they are told to do, in the words of recipes.
RECIPES = {
    ("manage_order", "取消"): "cancel_order",
    ("manage_order", "修改地址"): "change_address",
    ("manage_order", "增加"): "place_order",
    ("manage_return", None): "refund_item",
    ("manage_exchange", "换货"): "exchange_item",
    ("manage_ecard", "退款"): "credit_card",
    ("manage_ecard", "余额使用"): "charge_card",
    ("manage_urgent", None): "hurry",
    ("manage_invoice", None): "reissue_invoice",
    ("schedule_service", None): "book_service",
}
#: Orders that are paid with it get their money back on it.
CARD = "京东E卡"
#: Id that the reference gives to every new order.
NEW_ORDER = "1234567890"
_ON_SALE = "已上架"


class EcomShop:
    """One database, changed in place; *db* holds its files by name."""

    def __init__(self, db: Json) -> None:
        self.db = copy.deepcopy(db)
        self._effects: dict[str, Callable[[Json], None]] = {
            "cancel_order": lambda args: self._set_status(args, "已取消"),
            "refund_item": lambda args: self._set_status(args, "已退货"),
            "place_order": self._place,
            "exchange_item": self._exchange,
            "credit_card": lambda args: self._balance(args, args["amount"]),
            "charge_card": lambda args: self._balance(args, -self._price(args)),
            "hurry": self._hurry,
            "reissue_invoice": self._invoice,
            "book_service": self._book,
        }

    @staticmethod
    def recipe(tool: str, args: Json) -> str | None:
        """The recipe of a call; None if we have none for it."""
        return RECIPES.get((tool, args.get("action")))

    def case(self, recipe: str, args: Json, now: dt.datetime) -> Case:
        """What policy is asked about one call."""
        order = self._find(args) if "order_id" in args else None
        status = STATUS[order["订单状态"]] if order else "unpaid"
        return Case(
            recipe=recipe,
            order=order_in(args.get("order_id", ""), status),
            now=now,
            marks=frozenset(self._marks(recipe, args, has_order=order is not None)),
        )

    def owes_card(self, order_id: str, user: str) -> bool:
        """Tell if an order's money must go back to the customer's card."""
        order = self._find({"order_id": order_id, "user_id": user})
        return order is not None and order["支付方式"] == CARD

    def apply(self, recipe: str, args: Json) -> None:
        """Carry out what policy allowed."""
        self._effects[recipe](args)

    def _marks(self, recipe: str, args: Json, *, has_order: bool) -> set[str]:
        marks = set()
        if "order_id" in args and not has_order:
            marks.add("unknown_order")
        wanted = [one["product_id"] for one in args.get("product_info_list", ())]
        wanted += [args[name] for name in ("product_id",) if name in args]
        if any(self._product(one).get("商品状态") != _ON_SALE for one in wanted):
            marks.add("not_on_sale")
        if (
            recipe == "charge_card"
            and self._price(args) >= self._user(args)["电子卡余额"]
        ):
            marks.add("short_balance")
        return marks

    def _find(self, args: Json) -> Json | None:
        for shops in self.db["orders"].values():
            for users in shops.values():
                found: Json | None = users.get(args.get("user_id"), {}).get(
                    args["order_id"]
                )
                if found is not None:
                    return found
        return None

    def _order(self, args: Json) -> Json:
        found = self._find(args)
        assert found is not None
        return found

    def _user(self, args: Json) -> Json:
        found: Json = self.db["users_info"][args["user_id"]]
        return found

    def _product(self, product_id: str) -> Json:
        for shops in self.db["products"].values():
            for products in shops.values():
                if product_id in products:
                    found: Json = products[product_id]
                    return found
        return {}

    def _price(self, args: Json) -> float:
        price = float(self._product(args["product_id"])["商品价格"])
        return price * float(args["quantity"])

    def _set_status(self, args: Json, status: str) -> None:
        self._order(args)["订单状态"] = status

    def _balance(self, args: Json, amount: float) -> None:
        user = self._user(args)
        user["电子卡余额"] = round(user["电子卡余额"] + amount, 2)

    def _hurry(self, args: Json) -> None:
        self._order(args)["是否加急"] = True

    def _exchange(self, args: Json) -> None:
        for line in self._order(args)["订单商品列表"]:
            if line["商品ID"] == args["original_product_id"]:
                line["商品ID"] = args["exchange_product_id"]

    def _place(self, args: Json) -> None:
        user = self._user(args)
        lines = [
            {
                "商品ID": one["product_id"],
                "商品价格": self._product(one["product_id"])["商品价格"],
                "数量": one["quantity"],
            }
            for one in args["product_info_list"]
        ]
        who = {"收件人姓名": user["用户姓名"], "电话号码": user["电话号码"]}
        orders = self.db["orders"][args["platform"]][args["shop_id"]]
        orders.setdefault(args["user_id"], {})[NEW_ORDER] = {
            "用户ID": args["user_id"],
            "订单ID": NEW_ORDER,
            "订单状态": "已付款",
            "订单总金额": sum(one["商品价格"] * one["数量"] for one in lines),
            "是否加急": False,
            "订单商品列表": lines,
            "收货地址": who | user["地址信息"],
            "支付方式": args["payment"],
        }

    def _invoice(self, args: Json) -> None:
        self.db["invoices"][args["order_id"]] = {
            "发票抬头": args["title"],
            "发票类型": args["invoice_type"],
            "订单ID": args["order_id"],
            "手机号码": args["phone_number"],
        }

    def _book(self, args: Json) -> None:
        names = {
            "服务类型": "service_type",
            "店铺ID": "shop_id",
            "用户ID": "user_id",
            "订单ID": "order_id",
            "平台": "platform",
            "电话号码": "phone_number",
            "用户姓名": "user_name",
            "预约日期": "service_time",
        }
        users = self.db["service"].setdefault(args["platform"], {})
        orders = users.setdefault(args["shop_id"], {}).setdefault(args["user_id"], {})
        orders[args["order_id"]] = {field: args[name] for field, name in names.items()}
