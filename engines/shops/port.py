"""
The port to a shop's business system: orders, parcels, products, effects.

All amounts are integers in minor units (fen, cents). Reads may be repeated
freely. Every effect carries an idempotency key made by the ledger; the same
key never takes effect twice, and :meth:`ShopPort.find_effect` tells what
became of a key whose answer was lost.

    ShopError
    ├── ShopUnavailable    no answer, or a 5xx: the outcome of an effect is unknown
    ├── ShopRefused        the shop says no; nothing changed; has code and message
    └── NotFound           no such record for this customer
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec


OrderStatus = Literal[
    "unpaid", "paid", "shipped", "delivered", "completed", "cancelled"
]


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
        unit_price_minor: Price of one unit.
        refunded_quantity: Units already refunded.
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


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """
    One order of one customer.

    Attributes:
        version: Rises with every change; a proposal names the one it was
            computed on.
        coupon_minor: Order-level discount, allocated by the money rules.
        coupon_threshold_minor: Goods total the coupon needs.
        points_minor: Part paid with points.
        paid_minor: Money paid: lines - coupon - points + freight.
        refunded_minor: Money given back so far.
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


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """Where a parcel is; events newest first as (time, place, text)."""

    tracking_id: str
    order_id: str
    carrier: str
    status: Literal["created", "in_transit", "out_for_delivery", "delivered"]
    events: tuple[tuple[str, str, str], ...]
    expected_on: str | None = None


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """A product with its stock."""

    sku: str
    title_zh: str
    title_en: str
    price_minor: int
    currency: str
    stock: int
    weight_g: int


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """
    The shop's proof that an effect took place.

    Attributes:
        receipt: Reference in the shop's books.
        detail: What changed, plain JSON, for the ledger.
    """

    key: str
    kind: str
    receipt: str
    detail: dict[str, Any]


class ShopPort(Protocol):
    """What engines may ask of, and tell, one shop's business system."""

    async def orders(self, user_id: str) -> tuple[Order, ...]:
        """The customer's orders, newest first; empty if none."""
        ...

    async def order(self, user_id: str, order_id: str) -> Order:
        """One order of this customer; another's order is :class:`NotFound`."""
        ...

    async def parcel(self, user_id: str, order_id: str) -> Parcel:
        """The parcel of an order of this customer."""
        ...

    async def products(self, query: str, limit: int = 5) -> tuple[Product, ...]:
        """Products whose title or alias matches *query*, best first."""
        ...

    async def quote_freight(self, region: str, weight_g: int, goods_minor: int) -> int:
        """Freight in minor units from the shop's table (region, weight steps)."""
        ...

    async def change_address(
        self, key: str, user_id: str, order_id: str, version: int, address: Address, freight_minor: int
    ) -> Effect:
        """Change the address of an unshipped order and set its new freight."""
        ...

    async def refund_line(
        self,
        key: str,
        user_id: str,
        order_id: str,
        version: int,
        line: int,
        quantity: int,
        amount_minor: int,
        points_minor: int,
    ) -> Effect:
        """Refund units of one line; the rest of the order stays."""
        ...

    async def cancel_order(
        self, key: str, user_id: str, order_id: str, version: int, amount_minor: int, points_minor: int
    ) -> Effect:
        """Cancel a whole unshipped order and give back what was paid."""
        ...

    async def notify(self, key: str, user_id: str, template: str, text: str) -> Effect:
        """Tell the customer through the shop's own notifications."""
        ...

    async def find_effect(self, key: str) -> Effect | None:
        """What became of *key*: the effect, or None if it never took place."""
        ...


class ShopError(Exception):
    """Base of what a shop connector may raise."""


class ShopUnavailable(ShopError):
    """The shop does not answer; what it did with an effect is unknown."""


class ShopRefused(ShopError):
    """The shop says no, and changed nothing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotFound(ShopError):
    """There is no such record for this customer."""
