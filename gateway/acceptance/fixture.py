"""
From a suite's fixture to a whole shop: catalogue and seed of the demo service.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from engines import yamlfile
from engines.shops.demo import seed
from engines.shops.demo.bench import Fresh
from engines.shops.port import Address
from gateway.acceptance.suite import Fixture, FixtureOrder, Suite


T = TypeVar("T", bound=msgspec.Struct)


def shop_of(suite: Suite, path: Path) -> Fresh:
    """
    The shop that every case of *suite* finds.

    Args:
        path: Of the suite, to say where something is wrong.

    Raises:
        BadFile: If the fixture names what is not there.
    """
    fixture = suite.shop
    shipped, base = _shipped()
    problems: list[str] = []
    orders = [_order(one, fixture, problems) for one in fixture.orders]
    is_bare = fixture.extends == "none"
    catalogue = seed.Catalogue(
        currency=fixture.currency or shipped.currency,
        products=_over(() if is_bare else shipped.products, fixture.products, "sku"),
    )
    content = seed.Seed(
        facts=seed.ShopFacts(fixture.return_address or base.facts.return_address),
        freight=fixture.freight or base.freight,
        customers=_over(() if is_bare else base.customers, _customers(fixture), "id"),
        orders=_over(() if is_bare else base.orders, orders, "id"),
    )
    problems += _dangling(suite, catalogue, content)
    if problems:
        raise yamlfile.BadFile(
            yamlfile.Problem(str(path), 1, text, "correct the fixture")
            for text in problems
        )
    return Fresh(catalogue, content)


def _shipped() -> tuple[seed.Catalogue, seed.Seed]:
    folder = resources.files(seed.__package__ or "")
    with (
        resources.as_file(folder.joinpath("catalog.yaml")) as catalogue,
        resources.as_file(folder.joinpath("seed.yaml")) as content,
    ):
        return seed.load(catalogue, content)


def _over(base: Iterable[T], own: Iterable[T], key: str) -> tuple[T, ...]:
    """*base* with the same keys replaced by *own*, and the rest of *own* after it."""
    found = {getattr(one, key): one for one in base}
    found.update({getattr(one, key): one for one in own})
    return tuple(found.values())


def _customers(fixture: Fixture) -> list[seed.SeedCustomer]:
    return [
        seed.SeedCustomer(
            id=one.id,
            name=one.name,
            locale=one.locale,
            points=one.points,
            person=one.person,
        )
        for one in fixture.customers
    ]


def _order(
    order: FixtureOrder, fixture: Fixture, problems: list[str]
) -> seed.SeedOrder:
    """The order with its coupon, address, parcel and invoices in place."""
    fields = msgspec.structs.asdict(order)
    coupon, threshold = _coupon(order, fixture, problems)
    fields |= {"coupon": coupon, "coupon_threshold": threshold}
    fields["address"] = order.address or _home(order, fixture, problems)
    parcels = [one for one in fixture.parcels if one.order == order.id]
    if parcels and order.parcel is None:
        fields["parcel"] = seed.SeedParcel(**_without_order(parcels[0]))
    more = tuple(
        seed.SeedInvoice(**_without_order(one))
        for one in fixture.invoices
        if one.order == order.id
    )
    fields["invoices"] = order.invoices + more
    if order.status in {"delivered", "completed"} and not order.delivered_hours_ago:
        fields["delivered_hours_ago"] = order.hours_ago / 2
    return seed.SeedOrder(**fields)


def _without_order(part: msgspec.Struct) -> dict[str, Any]:
    fields = msgspec.structs.asdict(part)
    fields.pop("order")
    return fields


def _coupon(
    order: FixtureOrder, fixture: Fixture, problems: list[str]
) -> tuple[int, int]:
    if isinstance(order.coupon, int):
        return order.coupon, order.coupon_threshold
    for coupon in fixture.coupons:
        if coupon.id == order.coupon:
            return coupon.discount, coupon.threshold
    problems.append(f"order {order.id!r}: no coupon {order.coupon!r}")
    return 0, 0


def _home(order: FixtureOrder, fixture: Fixture, problems: list[str]) -> Address:
    for customer in fixture.customers:
        if customer.id == order.customer and customer.address:
            return customer.address
    known: tuple[FixtureOrder | seed.SeedOrder, ...] = fixture.orders
    for other in (*known, *_shipped()[1].orders):
        if other.customer == order.customer and other.address:
            return other.address
    problems.append(f"order {order.id!r}: neither it nor its customer has an address")
    return Address(name="", phone="", region="", city="", street="")


def _dangling(suite: Suite, catalogue: seed.Catalogue, content: seed.Seed) -> list[str]:
    """What is named and not there."""
    skus = {one.sku for one in catalogue.products}
    people = {one.id for one in content.customers}
    orders = {one.id for one in content.orders}
    regions = {
        name for row in content.freight for r in row.regions for name in (r.zh, r.en)
    }
    named: Sequence[tuple[str, str, object, set[str]]] = [
        *(("order", one.id, one.customer, people) for one in content.orders),
        *(
            ("order", one.id, line.sku, skus)
            for one in content.orders
            for line in one.lines
        ),
        *(
            ("order", one.id, one.address.region, regions)
            for one in content.orders
            if one.freight is None
        ),
        *(("parcel", one.tracking_id, one.order, orders) for one in suite.shop.parcels),
        *(("invoice", one.id, one.order, orders) for one in suite.shop.invoices),
        *(("case", case.id, case.customer, people) for case in suite.cases),
    ]
    return [
        f"{kind} {name!r} names {what!r}, which the fixture does not have"
        for kind, name, what, known in named
        if what not in known
    ]
