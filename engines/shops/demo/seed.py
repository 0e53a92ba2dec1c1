"""
What a fresh demo shop holds: products from a catalogue, all else from a seed file.

Times in the seed are hours before the moment of seeding, so windows behave the
same on any day. What an order cost is computed by ``filling``, not written
down here.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from engines import yamlfile
from engines.shops.port import Address, OrderStatus, RefundStatus


class CatalogueProduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One product; price in minor units, weight in grams."""

    sku: str
    title_zh: str
    title_en: str
    price: int
    weight: int
    stock: int
    aliases: tuple[str, ...] = ()


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

    first_kg: int
    next_kg: int
    regions: tuple[Text, ...]
    free_from: int | None = None


class SeedCustomer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer; points in minor units."""

    id: str
    name: str
    locale: str
    points: int = 0


class SeedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line; *price* differs from the catalogue's if it was bought in a sale."""

    sku: str
    quantity: int = 1
    price: int | None = None
    refunded: int = 0
    is_gift: bool = False
    gift_of: int = 0


class SeedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scan of a parcel."""

    hours_ago: float
    place: str
    text: str


class SeedParcel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A parcel and its scans; *expected_in_days* counts from the seeding."""

    tracking_id: str
    carrier: str
    status: str
    events: tuple[SeedEvent, ...]
    expected_in_days: int | None = None


class SeedRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A refund that was asked for earlier."""

    status: RefundStatus
    amount: int
    hours_ago: float
    line: int = 0
    quantity: int = 0
    points: int = 0
    paid_hours_ago: float | None = None
    expected_in_days: int | None = None


class SeedOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One order.

    Attributes:
        freight: Only written where it is not the table's.
        was_paid: False for an order that was cancelled unpaid.
    """

    id: str
    customer: str
    status: OrderStatus
    hours_ago: float
    channel: str
    address: Address
    lines: tuple[SeedLine, ...]
    coupon: int = 0
    coupon_threshold: int = 0
    points: int = 0
    freight: int | None = None
    delivered_hours_ago: float | None = None
    parcel: SeedParcel | None = None
    refunds: tuple[SeedRefund, ...] = ()
    note: str = ""
    was_paid: bool = True


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
