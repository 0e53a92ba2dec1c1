"""
The port to a shop's business system: orders, parcels, products, effects.

All amounts are integers in minor units (fen, cents). Reads may be repeated
freely. Every effect carries an idempotency key made by the ledger; the same
key never takes effect twice, and :meth:`ShopPort.find_effect` tells what
became of a key whose answer was lost.

    ShopError
    ├── ShopUnavailable     no answer, or a 5xx: the outcome of an effect is unknown
    │   └── ShopUnreachable    the call never left; nothing changed
    ├── ShopRefused         the shop says no; nothing changed; has code and message
    └── NotFound            no such record for this customer
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from engines.shops.effects import InvoiceKind, OrderEffect


OrderStatus = Literal[
    "unpaid", "paid", "shipped", "delivered", "completed", "cancelled"
]

ParcelStatus = Literal["created", "in_transit", "out_for_delivery", "delivered"]

RefundStatus = Literal["awaiting_return", "processing", "paid_back"]


class EffectSupport(StrEnum):
    """What a shop does with the key of an effect; decides how a lost answer is settled."""

    #: The same key takes effect once: look it up, then the same call may go again.
    IDEMPOTENT = "idempotent"
    #: Keys are stored but not honoured: look up after a grace, never in a hurry.
    FINDABLE = "findable"
    #: Keys mean nothing: a lost answer goes to a person.
    BLIND = "blind"


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


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """
    A product with its stock.

    Attributes:
        family: Variants of one product share it; empty if there are none.
        options: What tells this variant from the others: size, colour.
    """

    sku: str
    title_zh: str
    title_en: str
    price_minor: int
    currency: str
    stock: int
    weight_g: int
    family: str = ""
    options: tuple[str, ...] = ()


class Points(msgspec.Struct, frozen=True):
    """Points of a customer, and what they take off an order at most."""

    balance: int
    worth_minor: int
    currency: str


class Coupon(msgspec.Struct, frozen=True, kw_only=True):
    """
    A coupon that a customer holds and has not used.

    Attributes:
        off_minor: What it takes off an order of at least *threshold_minor*.

        last_day: Last day on which it can be used, ISO 8601.
    """

    id: str
    off_minor: int
    threshold_minor: int
    currency: str
    last_day: str


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


class ShopError(Exception):
    """Base of what a shop connector may raise."""


class ShopUnavailable(ShopError):
    """The shop does not answer; what it did with an effect is unknown."""


class ShopUnreachable(ShopUnavailable):
    """The call never left this machine; nothing changed."""


class ShopRefused(ShopError):
    """The shop says no, and changed nothing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotFound(ShopError):
    """There is no such record for this customer."""
