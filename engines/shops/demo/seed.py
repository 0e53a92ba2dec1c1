"""
What a fresh demo shop holds: products from a catalogue, all else from a seed file.

Times in the seed are hours before the moment of seeding, so windows behave the
same on any day. What an order cost is computed by ``filling``, not written
down here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from engines import yamlfile
from engines.shops.orders import (
    Address,
    InvoiceKind,
    OrderStatus,
    ParcelStatus,
    RefundStatus,
)


Minor = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Units = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Hours = Annotated[float, msgspec.Meta(ge=0, le=100_000)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\s/]+$")]


class CatalogueProduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One product; price in minor units, weight in grams.

    Attributes:
        aliases: Other names customers use.

        family: Variants of one product share it.

        options: What tells a variant from its family: size, colour, in any language.
    """

    sku: Id
    title_zh: str
    title_en: str
    price: Minor
    weight: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 500
    stock: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 100
    aliases: tuple[str, ...] = ()
    family: str = ""
    options: tuple[str, ...] = ()


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the shop sells."""

    currency: str
    products: tuple[CatalogueProduct, ...]


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same words in both languages."""

    zh: str
    en: str


class FreightRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Price of a parcel to some regions; each name is a key of the table."""

    first_kg: Minor
    next_kg: Minor
    regions: tuple[Text, ...]
    free_from: Minor | None = None


class SeedCoupon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A coupon in a customer's account; *days* is how long it holds from today."""

    id: Id
    off: Minor
    threshold: Minor
    days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 30


class SeedCustomer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    A customer; points in minor units.

    Attributes:
        person: Accounts with the same value are proven to be one person's.
    """

    id: Id
    name: str
    locale: Literal["zh", "en"] = "zh"
    points: Minor = 0
    person: str = ""
    coupons: tuple[SeedCoupon, ...] = ()


class SeedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line; *price* differs from the catalogue's if it was bought in a sale."""

    sku: Id
    quantity: Units = 1
    price: Minor | None = None
    refunded: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    is_gift: bool = False
    gift_of: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0


class SeedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scan of a parcel."""

    hours_ago: Hours
    place: str
    text: str


class SeedParcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A parcel and its scans; *expected_in_days* counts from the seeding."""

    tracking_id: str
    carrier: str
    status: ParcelStatus = "in_transit"
    events: tuple[SeedEvent, ...] = ()
    expected_in_days: int | None = None


class SeedRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A refund that was asked for earlier."""

    status: RefundStatus
    amount: Minor
    hours_ago: Hours
    line: int = 0
    quantity: int = 0
    points: Minor = 0
    paid_hours_ago: float | None = None
    expected_in_days: int | None = None


class SeedInvoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An invoice of an order; its amount is what was paid and not given back."""

    id: Id
    title: str
    tax_id: str = ""
    kind: InvoiceKind = "personal"
    email: str = ""
    hours_ago: Hours = 1.0


class SeedOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One order.

    Attributes:
        freight: Only written where it is not the table's.
        was_paid: False for an order that was cancelled unpaid.

        deliver_in_days: A delivery day the customer asked for, from the seeding.
    """

    id: Id
    customer: str
    status: OrderStatus
    lines: Annotated[tuple[SeedLine, ...], msgspec.Meta(min_length=1)]
    address: Address
    hours_ago: Hours = 24.0
    channel: str = "web"
    coupon: Minor = 0
    coupon_threshold: Minor = 0
    points: Minor = 0
    freight: Minor | None = None
    delivered_hours_ago: Hours | None = None
    parcel: SeedParcel | None = None
    refunds: tuple[SeedRefund, ...] = ()
    invoices: tuple[SeedInvoice, ...] = ()
    note: str = ""
    was_paid: bool = True
    deliver_in_days: int | None = None


class ShopFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the shop itself says of its ways."""

    return_address: Text


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a fresh demo shop holds beside its catalogue."""

    facts: ShopFacts
    freight: tuple[FreightRow, ...]
    customers: tuple[SeedCustomer, ...]
    orders: tuple[SeedOrder, ...]


def load(catalogue: Path, seed: Path) -> tuple[Catalogue, Seed]:
    """
    Read both files strictly.

    Raises:
        BadFile: With file, line and fix; also for an order that names an
            unknown product or customer.
    """
    products = yamlfile.convert(yamlfile.read(catalogue), Catalogue)
    document = yamlfile.read(seed)
    content = yamlfile.convert(document, Seed)
    problems = _dangling(document, products, content)
    if problems:
        raise yamlfile.BadFile(problems)
    return products, content


def _dangling(
    document: yamlfile.Document, catalogue: Catalogue, seed: Seed
) -> list[yamlfile.Problem]:
    skus = {product.sku for product in catalogue.products}
    people = {customer.id for customer in seed.customers}
    problems = []
    for at, order in enumerate(seed.orders):
        if order.customer not in people:
            text, fix = f"no customer {order.customer!r}", "add it to customers"
            problems.append(document.problem(text, "orders", at, "customer", fix=fix))
        for position, line in enumerate(order.lines):
            if line.sku not in skus:
                text, fix = f"no product {line.sku!r}", "add it to the catalogue"
                problems.append(
                    document.problem(text, "orders", at, "lines", position, fix=fix)
                )
    return problems
