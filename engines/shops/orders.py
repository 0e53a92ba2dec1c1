"""
A shop's records of orders: lines, parcels, refunds, invoices.

All amounts are integers in minor units (fen, cents).
"""

from __future__ import annotations

from typing import Literal

import msgspec


OrderStatus = Literal[
    "unpaid", "paid", "shipped", "delivered", "completed", "cancelled"
]

ParcelStatus = Literal["created", "in_transit", "out_for_delivery", "delivered"]

InvoiceKind = Literal["personal", "company"]

RefundStatus = Literal["awaiting_return", "processing", "paid_back"]


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery address; *region* is the key of the freight table."""

    name: str
    phone: str
    region: str
    city: str
    street: str


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One line of an order.

    Attributes:
        line: Position, from 1, as the customer counts.
        unit_price_minor: Price of one unit; of a gift its worth, which nobody
            paid and which no total contains.
        refunded_quantity: Units already refunded.
        gift_of: Line that earned this gift; 0 if the whole order did.
        protected_minor: Price difference already given back, of one unit.
        replaced_quantity: Units sent again, as damaged, missing or exchanged.
        shipment: Parcel of the order it goes in, from 1.
    """

    line: int
    sku: str
    title_zh: str
    title_en: str
    quantity: int
    unit_price_minor: int
    weight_g: int
    refunded_quantity: int = 0
    is_gift: bool = False
    gift_of: int = 0
    protected_minor: int = 0
    replaced_quantity: int = 0
    shipment: int = 1


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """
    One order of one customer.

    Attributes:
        version: Rises with every change; a proposal names the one it was
            computed on.
        coupon_minor: Order-level discount, allocated by the money rules.
        coupon_threshold_minor: Goods total the coupon needs.
        points_minor: Part paid with points, in minor units.
        paid_minor: Money paid: lines that are no gifts - coupon - points +
            freight.
        refunded_minor: Money given back or promised back so far.
        refunded_points_minor: Points given back so far, in minor units.
        placed_at / delivered_at: ISO 8601 with offset.
        deliver_on: Date that the customer asked for.
        ships_with: Order in whose parcel this one travels, if they were merged.
        joined: Orders that travel in this one's parcel.
    """

    id: str
    user_id: str
    status: OrderStatus
    version: int
    currency: str
    lines: tuple[OrderLine, ...]
    coupon_minor: int
    coupon_threshold_minor: int
    points_minor: int
    freight_minor: int
    paid_minor: int
    refunded_minor: int
    address: Address
    placed_at: str
    channel: str
    tracking_id: str | None = None
    delivered_at: str | None = None
    refunded_points_minor: int = 0
    deliver_on: str | None = None
    ships_with: str | None = None
    joined: tuple[str, ...] = ()


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """
    One refund and how far it is; *line* is 0 if it is not of one line.

    Attributes:
        requested_at / paid_at: ISO 8601; *paid_at* is None until paid back.
        expected_by: Date by which the money should arrive, if known.
        chased_at: When the payment provider was last urged.
    """

    id: str
    order_id: str
    line: int
    quantity: int
    amount_minor: int
    points_minor: int
    status: RefundStatus
    requested_at: str
    expected_by: str | None = None
    paid_at: str | None = None
    chased_at: str | None = None


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice of an order; a void one was replaced."""

    id: str
    order_id: str
    title: str
    kind: InvoiceKind
    amount_minor: int
    status: Literal["issued", "void"]
    issued_at: str
    tax_id: str = ""
    email: str = ""


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """Where a parcel is; events newest first as (time, place, text)."""

    tracking_id: str
    order_id: str
    carrier: str
    status: ParcelStatus
    events: tuple[tuple[str, str, str], ...]
    expected_on: str | None = None


class OrderAt(msgspec.Struct, frozen=True):
    """An order of a customer, at the version an effect was computed on."""

    user_id: str
    order_id: str
    version: int


class LineRefund(msgspec.Struct, frozen=True, kw_only=True):
    """
    Units of one line that are given back.

    Attributes:
        amount_minor: Money to the customer; what they are worth, less coupon
            and points.
        points_minor: Points that come back, in minor units.
        gifts: Gift lines that go back with it.
    """

    line: int
    quantity: int
    amount_minor: int
    points_minor: int = 0
    gifts: tuple[int, ...] = ()
