"""
Amounts, addresses and records in words, and the citations that carry them.

Every figure that an answer says stands in one of these citations or in the
summary of an action, in the same form, so that a guard can compare them.
"""

from __future__ import annotations

from typing import Any

from engines.agent.ledger import ActionRecord
from engines.contract import ActionRef, Citation, Locale
from engines.shops.naming import title
from engines.shops.port import Address, Order, OrderLine, Parcel, Refund


_SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
_STATUS = {
    "unpaid": ("待付款", "not paid yet"),
    "paid": ("已付款未发货", "paid, not shipped"),
    "shipped": ("已发货", "shipped"),
    "delivered": ("已签收", "delivered"),
    "completed": ("已完成", "completed"),
    "cancelled": ("已取消", "cancelled"),
}
_REFUND_STATUS = {
    "awaiting_return": ("等待寄回商品", "waiting for the goods"),
    "processing": ("退款处理中", "on its way"),
    "paid_back": ("已退回原支付方式", "paid back"),
}
_VISIBLE_HEAD, _VISIBLE_TAIL = 3, 4
_DATE_CHARS = 10


def amount(minor: int, currency: str, locale: Locale) -> str:
    """An amount as people write it, without a sign: ``¥8.00``, ``CNY 8.00``."""
    number = f"{abs(minor) // 100}.{abs(minor) % 100:02d}"
    if locale == "zh":
        return f"{_SIGNS.get(currency, currency + ' ')}{number}"
    return f"{currency} {number}"


def masked_phone(phone: str) -> str:
    """A phone number of which strangers learn nothing."""
    if len(phone) <= _VISIBLE_HEAD + _VISIBLE_TAIL:
        return "***"
    return f"{phone[:_VISIBLE_HEAD]}****{phone[-_VISIBLE_TAIL:]}"


def address_text(address: Address, locale: Locale) -> str:
    """A whole address in one line, with the phone masked."""
    phone = masked_phone(address.phone)
    if locale == "zh":
        region = "" if address.city.startswith(address.region) else address.region
        return f"{region}{address.city}{address.street}，{address.name} {phone}"
    place = dict.fromkeys((address.street, address.city, address.region))
    return f"{', '.join(place)} ({address.name}, {phone})"


def status_text(order: Order, locale: Locale) -> str:
    """The status of an order in words."""
    return _STATUS[order.status][locale == "en"]


def day(moment: str) -> str:
    """The date of an ISO 8601 time."""
    return moment[:_DATE_CHARS]


def line_text(line: OrderLine, currency: str, locale: Locale) -> str:
    """One line of an order: place, title, units, price of one."""
    gift = {"zh": "（赠品）", "en": " (gift)"}[locale] if line.is_gift else ""
    price = amount(line.unit_price_minor, currency, locale)
    place = f"第 {line.line} 件" if locale == "zh" else f"item {line.line}:"
    return f"{place} {title(line, locale)}{gift} ×{line.quantity} {price}"


def order_text(order: Order, locale: Locale) -> str:
    """One order in one short line, to choose it by."""
    first = next((line for line in order.lines if not line.is_gift), order.lines[0])
    paid = amount(_price(order), order.currency, locale)
    more = len(order.lines) - 1
    if locale == "zh":
        kind = "应付" if order.status == "unpaid" else "实付"
        rest = f"等 {more + 1} 件" if more else ""
        return f"{order.id}（{status_text(order, locale)}，{title(first, locale)}{rest}，{kind} {paid}）"
    rest = f" and {more} more" if more else ""
    kind = "to pay" if order.status == "unpaid" else "paid"
    return f"{order.id} ({status_text(order, locale)}, {title(first, locale)}{rest}, {kind} {paid})"


def _price(order: Order) -> int:
    """What was paid, or is to be paid."""
    if order.status != "unpaid":
        return order.paid_minor
    goods = sum(
        line.unit_price_minor * line.quantity
        for line in order.lines
        if not line.is_gift
    )
    return goods - order.coupon_minor - order.points_minor + order.freight_minor


def order_citation(order: Order, locale: Locale) -> Citation:
    """All figures of an order, as the shop has it."""
    facts = [
        order_text(order, locale),
        *(line_text(line, order.currency, locale) for line in order.lines),
        *(
            f"{name} {amount(minor, order.currency, locale)}"
            for name, minor in (
                ("coupon", order.coupon_minor),
                ("points", order.points_minor),
                ("freight", order.freight_minor),
                ("paid", order.paid_minor),
                ("refunded", order.refunded_minor),
            )
        ),
        address_text(order.address, locale),
        day(order.placed_at),
        day(order.delivered_at or ""),
    ]
    heading = f"订单 {order.id}" if locale == "zh" else f"order {order.id}"
    return Citation(id=f"order:{order.id}", title=heading, quote=" · ".join(facts))


def refund_text(refund: Refund, currency: str, locale: Locale) -> str:
    """One refund: how much, since when, how far."""
    status = _REFUND_STATUS[refund.status][locale == "en"]
    back = amount(refund.amount_minor, currency, locale)
    asked = day(refund.requested_at)
    if locale == "zh":
        until = f"，预计 {refund.expected_by} 前到账" if refund.expected_by else ""
        paid = f"，到账日 {day(refund.paid_at)}" if refund.paid_at else ""
        return f"{back}（{asked} 申请，{status}{until}{paid}）"
    until = f", expected by {refund.expected_by}" if refund.expected_by else ""
    paid = f", paid on {day(refund.paid_at)}" if refund.paid_at else ""
    return f"{back} (asked for on {asked}, {status}{until}{paid})"


def refund_citation(refund: Refund, currency: str, locale: Locale) -> Citation:
    """All figures of a refund."""
    return Citation(
        id=f"refund:{refund.id}",
        title=refund.id,
        quote=refund_text(refund, currency, locale),
    )


def parcel_text(parcel: Parcel, locale: Locale) -> str:
    """Where a parcel is: its newest event."""
    if not parcel.events:
        return f"{parcel.carrier} {parcel.tracking_id}"
    at, place, text = parcel.events[0]
    until = f"，预计 {parcel.expected_on} 送达" if parcel.expected_on else ""
    if locale == "en":
        until = f", expected on {parcel.expected_on}" if parcel.expected_on else ""
    return f"{parcel.carrier} {parcel.tracking_id}: {day(at)} {place} {text}{until}"


def receipt_citation(record: ActionRecord) -> Citation:
    """The receipt behind a "done": the summary and every detail the shop gave."""
    step = record.steps[0]
    locale: Locale = record.args["locale"]
    facts = [record.summary, *_flat(step.detail, record.currency, locale)]
    return Citation(
        id=f"receipt:{step.receipt}", title=step.receipt, quote=" · ".join(facts)
    )


def _flat(detail: Any, currency: str, locale: Locale, name: str = "") -> list[str]:
    """Every value of a receipt's detail in words, amounts as amounts."""
    if isinstance(detail, dict):
        return [
            text
            for key, value in detail.items()
            for text in _flat(value, currency, locale, key)
        ]
    if isinstance(detail, int) and name.endswith("_minor"):
        return [amount(detail, currency, locale)]
    return [] if detail is None or name == "phone" else [str(detail)]


def action_ref(record: ActionRecord) -> ActionRef:
    """An action as the customer sees it."""
    return ActionRef(
        id=record.id,
        kind=record.recipe,
        state=record.state.value,
        summary=record.summary,
        amount_minor=record.amount_minor or None,
    )
