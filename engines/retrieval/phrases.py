"""
The few sentences of L2 that are not quoted: what a look-up found, said plainly.

Templates only; every value comes from the shop's records and is repeated in
the citation. Times are the shop's own, to the minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engines.contract import Locale
from engines.guard.figures import figures
from engines.shops.naming import goods_named, options, title
from engines.shops.port import Coupon, Order, OrderStatus, Parcel, Points, Product


_VARIANTS: Final[dict[Locale, str]] = {
    "zh": "{title}现有：{had}。",
    "en": "{title} is to be had in: {had}.",
}
_GONE: Final[dict[Locale, str]] = {
    "zh": "暂时缺货：{gone}。",
    "en": " Out of stock: {gone}.",
}
_ONLY_ONE: Final[dict[Locale, str]] = {
    "zh": "{title}目前只有这一款，没有别的规格。",
    "en": "{title} comes in this version only.",
}
#: Longest question that is repeated, in characters.
_QUOTED: Final = 60
_EDGES: Final = " ，,。.？?！!；;、\n"

_STATUS: Final[dict[Locale, dict[OrderStatus, str]]] = {
    "zh": {
        "unpaid": "还没有付款",
        "paid": "已付款，还没有发货",
        "shipped": "已发货，正在路上",
        "delivered": "已签收",
        "completed": "已完成",
        "cancelled": "已取消",
    },
    "en": {
        "unpaid": "is not paid yet",
        "paid": "is paid and has not been shipped yet",
        "shipped": "has been shipped and is on its way",
        "delivered": "was delivered",
        "completed": "is completed",
        "cancelled": "was cancelled",
    },
}
_PARCEL: Final[dict[Locale, dict[str, str]]] = {
    "zh": {
        "created": "已出单，等待快递揽收",
        "in_transit": "运输中",
        "out_for_delivery": "派送中",
        "delivered": "已签收",
    },
    "en": {
        "created": "is waiting to be picked up",
        "in_transit": "is on its way",
        "out_for_delivery": "is out for delivery",
        "delivered": "was delivered",
    },
}


def amount(minor: int, currency: str, locale: Locale) -> str:
    """``30 元``, ``30.50 元``, ``CNY 30.50``."""
    number = f"{minor / 100:.2f}".removesuffix(".00")
    if locale == "zh" and currency == "CNY":
        return f"{number} 元"
    return f"{currency} {number}"


def moment(iso: str, locale: Locale) -> str:
    """``11月22日 14:05`` or ``22 Nov 14:05``; unreadable times stay as they are."""
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    day = f"{at.month}月{at.day}日" if locale == "zh" else f"{at.day} {at:%b}"
    return f"{day} {at:%H:%M}" if len(iso) > len("2026-01-01") else day


def order_status(order: Order, locale: Locale) -> str:
    """How far an order is, in one sentence."""
    state, what = _STATUS[locale][order.status], goods_named(order, locale)
    if locale == "zh":
        return f"订单 {order.id}（{what}）{state}。"
    return f"Order {order.id} ({what}) {state}."


def parcel_status(order: Order, parcel: Parcel, locale: Locale) -> str:
    """Where a parcel is, what happened last and when it should come."""
    state, what = _PARCEL[locale][parcel.status], goods_named(order, locale)
    if locale == "zh":
        text = f"订单 {order.id}（{what}）的包裹{state}，{parcel.carrier} {parcel.tracking_id}。"
    else:
        text = f"The parcel of order {order.id} ({what}) {state}: {parcel.carrier} {parcel.tracking_id}."
    return text + _last_event(parcel, locale) + _expected(parcel, locale)


def _last_event(parcel: Parcel, locale: Locale) -> str:
    if not parcel.events:
        return ""
    when, place, what = parcel.events[0]
    if locale == "zh":
        return f"最新进展：{moment(when, locale)} {place} {what}。"
    return f" Latest: {moment(when, locale)}, {place}, {what}."


def _expected(parcel: Parcel, locale: Locale) -> str:
    if parcel.expected_on is None or parcel.status == "delivered":
        return ""
    day = moment(parcel.expected_on, locale)
    return f"预计 {day} 送达。" if locale == "zh" else f" Expected on {day}."


def stock(product: Product, locale: Locale) -> str:
    """Whether a product can be had; small numbers are told."""
    if locale == "zh":
        if product.stock <= 0:
            return f"{product.title_zh}暂时缺货。"
        return f"{product.title_zh}有现货，库存 {product.stock} 件。"
    if product.stock <= 0:
        return f"{product.title_en} is out of stock at the moment."
    return f"{product.title_en} is in stock: {product.stock} available."


def variants(family: Sequence[Product], locale: Locale) -> str:
    """Which variants of a product can be had, and which cannot; the first one names it."""
    named = title(family[0], locale)
    if len(family) == 1:
        return _ONLY_ONE[locale].format(title=named)
    joint, within = ("、", "") if locale == "zh" else ("; ", ", ")
    sorts = [(within.join(options(one, locale)), one.stock > 0) for one in family]
    had = joint.join(name for name, is_there in sorts if name and is_there)
    gone = joint.join(name for name, is_there in sorts if name and not is_there)
    told = _VARIANTS[locale].format(title=named, had=had) if had else ""
    return told + (_GONE[locale].format(gone=gone) if gone else "")


def price(product: Product, locale: Locale) -> str:
    """What a product costs now."""
    cost = amount(product.price_minor, product.currency, locale)
    if locale == "zh":
        return f"{product.title_zh}现价 {cost}。"
    return f"{product.title_en} costs {cost} now."


def total(found: Sequence[Product], locale: Locale) -> str:
    """What one of each costs together; of one currency."""
    cost = sum(product.price_minor for product in found)
    words = amount(cost, found[0].currency, locale)
    if locale == "zh":
        return f"各一件合计 {words}，未计运费和优惠。"
    return f"One of each comes to {words} before postage and discounts."


def coupon(held: Coupon, locale: Locale) -> str:
    """What a coupon takes off, from which total, and until when."""
    off = amount(held.off_minor, held.currency, locale)
    least = amount(held.threshold_minor, held.currency, locale)
    day = moment(held.last_day, locale)
    if locale == "zh":
        return f"您有一张满 {least}减 {off}的券，{day}前有效（含当天）。"
    return f"You hold a coupon of {off} off from {least}, valid through {day}."


def points(held: Points, locale: Locale) -> str:
    """How many points there are, and their worth."""
    worth = amount(held.worth_minor, held.currency, locale)
    if locale == "zh":
        return f"您现在有 {held.balance} 积分，可抵 {worth}。"
    return f"You have {held.balance} points, worth {worth}."


def companions(title: str, found: Sequence[Product], locale: Locale) -> str:
    """What others bought together with a product, with the price of each."""
    costs = [amount(one.price_minor, one.currency, locale) for one in found]
    if locale == "zh":
        named = "、".join(
            f"{p.title_zh}（{c}）" for p, c in zip(found, costs, strict=True)
        )
        return f"和{title}一起买得最多的是：{named}。"
    named = ", ".join(f"{p.title_en} ({c})" for p, c in zip(found, costs, strict=True))
    return f"Often bought together with {title}: {named}."


def freight(region: str, kilograms: str, cost: str, locale: Locale) -> str:
    """What sending a weight somewhere costs."""
    if locale == "zh":
        return f"寄到{region}，{kilograms} 公斤，未达到包邮金额时运费 {cost}。"
    return f"Sending {kilograms} kg to {region} costs {cost} below the free-shipping amount."


def no_such_order(order_id: str, locale: Locale) -> str:
    """The customer named an order that is not theirs, or not there."""
    if locale == "zh":
        return f"在您的账户下没有查到订单 {order_id}，请核对一下订单号。"
    return f"I can't find order {order_id} in your account. Please check the number."


def no_order(locale: Locale) -> str:
    """The customer has no order at all."""
    if locale == "zh":
        return "您的账户下还没有订单。如果是用其他账户下的单，请切换账户后再查询。"
    return "There is no order in your account. If you used another account, please sign in with it."


def others_on_the_way(orders: list[Order], locale: Locale) -> str:
    """Which other orders are on their way."""
    ids = (
        "、".join(o.id for o in orders)
        if locale == "zh"
        else ", ".join(o.id for o in orders)
    )
    if locale == "zh":
        return f"另外在路上的订单：{ids}。"
    return f" Also on the way: {ids}."


def older_orders(count: int, locale: Locale) -> str:
    """That there are *count* more than were told."""
    if locale == "zh":
        return f"还有 {count} 个更早的订单，需要的话请告诉我订单号。"
    return f"And {count} older; tell me the number of the one you mean."


def which_product(locale: Locale) -> str:
    """Asked back when no product is known."""
    return {
        "zh": "请问您想了解哪一款商品？",
        "en": "Which product do you mean?",
    }[locale]


def left_open(questions: Sequence[str], locale: Locale) -> str:
    """
    Which questions stay open, in the customer's own words.

    Words with a figure are not repeated: said by us they would look like ours.
    """
    words = [question.strip(_EDGES)[:_QUOTED] for question in questions]
    if figures("\n".join(words)):
        return (
            "其余的问题我没有查到确切的说法，需要的话可以回复“转人工”。"
            if locale == "zh"
            else "I found nothing certain on the rest; if you like, ask for a person."
        )
    if locale == "zh":
        named = "、".join(f"“{word}”" for word in words)
        return f"关于{named}，我没有查到确切的说法，需要的话可以回复“转人工”。"
    named = ", ".join(f'"{word}"' for word in words)
    return f"I found nothing certain on {named}; if you like, ask for a person."


#: Every question that L2 asks back.
ASKED_BACK: Final = frozenset({which_product("zh"), which_product("en")})
