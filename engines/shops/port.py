"""
The port to a shop's business system: what engines may ask of it and tell it.

Reads may be repeated freely. Every effect carries an idempotency key made by the
ledger; the same key never takes effect twice, and :meth:`ShopPort.find_effect`
tells what became of a key whose answer was lost.

The words of the port come with it: records (:mod:`engines.shops.orders`,
:mod:`engines.shops.goods`) and errors (:mod:`engines.shops.errors`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import msgspec

from engines.shops.effects import OrderEffect
from engines.shops.errors import (
    NotFound,
    ShopError,
    ShopRefused,
    ShopUnavailable,
    ShopUnreachable,
)
from engines.shops.goods import (
    Coupon,
    Points,
    Product,
)
from engines.shops.orders import (
    Address,
    Invoice,
    InvoiceKind,
    LineRefund,
    Order,
    OrderAt,
    OrderLine,
    OrderStatus,
    Parcel,
    ParcelStatus,
    Refund,
    RefundStatus,
)


__all__ = [
    "Address",
    "Coupon",
    "Effect",
    "EffectSupport",
    "Invoice",
    "InvoiceKind",
    "LineRefund",
    "NotFound",
    "Order",
    "OrderAt",
    "OrderLine",
    "OrderStatus",
    "Parcel",
    "ParcelStatus",
    "Points",
    "PointsPort",
    "Product",
    "Refund",
    "RefundStatus",
    "SalesPort",
    "ShopError",
    "ShopPort",
    "ShopRefused",
    "ShopUnavailable",
    "ShopUnreachable",
]


class EffectSupport(StrEnum):
    """What a shop does with the key of an effect; decides how a lost answer is settled."""

    #: The same key takes effect once: look it up, then the same call may go again.
    IDEMPOTENT = "idempotent"
    #: Keys are stored but not honoured: look up after a grace, never in a hurry.
    FINDABLE = "findable"
    #: Keys mean nothing: a lost answer goes to a person.
    BLIND = "blind"


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
    """
    What engines may ask of, and tell, one shop's business system.

    Every read and effect names the customer; the gateway's identity goes in
    here, never an identity from text. Every effect names the version of the
    order it was computed on and is refused with ``version_conflict`` if the
    order has moved.
    """

    @property
    def effect_support(self) -> EffectSupport:
        """What this shop does with idempotency keys."""
        ...

    @property
    def moves_freight_apart(self) -> bool:
        """
        True if an order's address and its freight are changed by two calls.

        Then :class:`SetAddress` and :class:`RefundFreight` take the place of
        :meth:`change_address`.
        """
        ...

    async def orders(self, user_id: str) -> tuple[Order, ...]:
        """The customer's orders, newest first; empty if none."""
        ...

    async def order(self, user_id: str, order_id: str) -> Order:
        """One order of this customer; another's order is :class:`NotFound`."""
        ...

    async def parcel(self, user_id: str, order_id: str) -> Parcel:
        """The parcel of an order of this customer."""
        ...

    async def refunds(self, user_id: str, order_id: str) -> tuple[Refund, ...]:
        """Refunds of an order of this customer, newest first."""
        ...

    async def invoices(self, user_id: str, order_id: str) -> tuple[Invoice, ...]:
        """Invoices of an order of this customer, newest first."""
        ...

    async def products(self, query: str, limit: int = 5) -> tuple[Product, ...]:
        """Products whose title or alias matches *query*, best first."""
        ...

    async def variants(self, sku: str) -> tuple[Product, ...]:
        """
        The product *sku* first, then the other variants of its family.

        Raises:
            NotFound: If there is no such product.
        """
        ...

    async def quote_freight(self, region: str, weight_g: int, goods_minor: int) -> int:
        """
        Freight in minor units from the shop's table (region, weight steps).

        Raises:
            ShopRefused: With ``unknown_region`` if the shop does not deliver
                there.
        """
        ...

    async def change_address(
        self,
        key: str,
        at: OrderAt,
        address: Address,
        freight_minor: int,
    ) -> Effect:
        """
        Change the address of an unshipped order and set its new freight.

        A paid order's freight may fall or stay; the difference is refunded in
        the same effect (``detail.refund_minor``).
        """
        ...

    async def change_address_when_paid(
        self,
        key: str,
        at: OrderAt,
        address: Address,
        freight_minor: int,
    ) -> Effect:
        """
        Ask for the higher freight by link; the address changes once it is paid.

        Until then the order keeps address and version. ``detail`` has
        ``payment_url`` and ``amount_minor``.
        """
        ...

    async def refund_line(self, key: str, at: OrderAt, refund: LineRefund) -> Effect:
        """
        Refund units of one line; the rest of the order stays.

        ``detail.status`` is a :data:`RefundStatus`; while it is
        ``awaiting_return``, ``detail.return_to`` says where the goods go.
        """
        ...

    async def cancel_order(
        self, key: str, at: OrderAt, amount_minor: int, points_minor: int
    ) -> Effect:
        """Cancel a whole unshipped order and give back what was paid."""
        ...

    async def perform(
        self, key: str, user_id: str, order_id: str, effect: OrderEffect
    ) -> Effect:
        """
        Carry out any other effect on an order; see :mod:`engines.shops.effects`.

        ``detail`` holds what changed; ``payment_url`` if it waits for payment.
        """
        ...

    async def notify(self, key: str, user_id: str, template: str, text: str) -> Effect:
        """Tell the customer through the shop's own notifications."""
        ...

    async def find_effect(self, key: str) -> Effect | None:
        """What became of *key*: the effect, or None if it never took place."""
        ...


@runtime_checkable
class SalesPort(Protocol):
    """
    What a shop may tell beside its orders; one that has it not is not asked.

    Raises:
        ShopUnavailable: From every call, if the shop does not answer.
    """

    async def coupons(self, user_id: str) -> tuple[Coupon, ...]:
        """Coupons that the customer can use now, the one that ends first first."""
        ...

    async def companions(self, sku: str) -> tuple[Product, ...]:
        """Products in stock that are bought together with *sku*, most often first."""
        ...


@runtime_checkable
class PointsPort(Protocol):
    """A shop that keeps points for its customers."""

    async def points(self, user_id: str) -> Points | None:
        """
        What the customer has now; None where the shop keeps none.

        Raises:
            ShopUnavailable: If the shop does not answer.
        """
        ...
