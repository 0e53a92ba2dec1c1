"""
The port's reads over HTTP; effects are at the counter.

``GET /v1/effects/{key}`` tells what became of a key.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get
from litestar.datastructures import State
from litestar.params import FromPath, QueryParameter

from engines.shops.demo import offers, records
from engines.shops.demo.books import (
    Books,
    KeyUse,
    Refusal,
    find_effect,
)
from engines.shops.port import (
    Coupon,
    Effect,
    Invoice,
    Order,
    Parcel,
    Points,
    Product,
    Refund,
)
from engines.shops.wire import (
    Quote,
)


Weight = Annotated[int, QueryParameter(ge=0, le=10**9)]
Goods = Annotated[int, QueryParameter(ge=0, le=10**12)]
Words = Annotated[str, QueryParameter(name="query", max_length=200)]
Region = Annotated[str, QueryParameter(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=50)]


class Desk(Controller):
    """Reads: what the shop knows of a customer, a product or a parcel's price."""

    path = "/v1"

    @get("/customers/{user_id:str}/orders")
    async def orders(
        self, *, state: State, user_id: FromPath[str]
    ) -> tuple[Order, ...]:
        """Orders of one customer, newest first."""
        return await books(state).read(lambda db: records.orders(db, user_id))

    @get("/customers/{user_id:str}/orders/{order_id:str}")
    async def order(
        self, *, state: State, user_id: FromPath[str], order_id: FromPath[str]
    ) -> Order:
        """One order of this customer."""
        return await books(state).read(lambda db: records.order(db, user_id, order_id))

    @get("/customers/{user_id:str}/orders/{order_id:str}/parcel")
    async def parcel(
        self, *, state: State, user_id: FromPath[str], order_id: FromPath[str]
    ) -> Parcel:
        """The parcel of an order."""
        return await books(state).read(lambda db: records.parcel(db, user_id, order_id))

    @get("/customers/{user_id:str}/orders/{order_id:str}/refunds")
    async def refunds(
        self, *, state: State, user_id: FromPath[str], order_id: FromPath[str]
    ) -> tuple[Refund, ...]:
        """Refunds of an order, newest first."""
        return await books(state).read(
            lambda db: records.refunds(db, user_id, order_id)
        )

    @get("/customers/{user_id:str}/orders/{order_id:str}/invoices")
    async def invoices(
        self, *, state: State, user_id: FromPath[str], order_id: FromPath[str]
    ) -> tuple[Invoice, ...]:
        """Invoices of an order, newest first."""
        return await books(state).read(
            lambda db: records.invoices(db, user_id, order_id)
        )

    @get("/products/{sku:str}/variants")
    async def variants(
        self, *, state: State, sku: FromPath[str]
    ) -> tuple[Product, ...]:
        """A product and the other variants of its family."""
        return await books(state).read(lambda db: records.variants(db, sku))

    @get("/products")
    async def products(
        self, *, state: State, words: Words = "", limit: Limit = 5
    ) -> tuple[Product, ...]:
        """Products that match some words."""
        return await books(state).read(lambda db: records.products(db, words, limit))

    @get("/customers/{user_id:str}/coupons")
    async def coupons(
        self, *, state: State, user_id: FromPath[str]
    ) -> tuple[Coupon, ...]:
        """Coupons that a customer can use today."""
        today = state.clock().date()
        return await books(state).read(lambda db: offers.coupons(db, user_id, today))

    @get("/customers/{user_id:str}/points")
    async def points(self, *, state: State, user_id: FromPath[str]) -> Points:
        """Points that a customer has."""
        return await books(state).read(lambda db: offers.points(db, user_id))

    @get("/products/{sku:str}/companions")
    async def companions(
        self, *, state: State, sku: FromPath[str]
    ) -> tuple[Product, ...]:
        """What is bought together with a product."""
        return await books(state).read(lambda db: offers.companions(db, sku))

    @get("/freight")
    async def freight(
        self, *, state: State, region: Region, weight_g: Weight, goods_minor: Goods
    ) -> Quote:
        """Freight of a parcel by the table."""
        minor = await books(state).read(
            lambda db: records.quote_freight(db, region, weight_g, goods_minor)
        )
        return Quote(minor)

    @get("/effects/{key:str}")
    async def effect(self, *, state: State, key: FromPath[str]) -> Effect:
        """What became of an idempotency key."""
        if books(state).key_use is KeyUse.IGNORED:
            raise Refusal("no_route", "this shop cannot tell", 404)
        found = await books(state).read(lambda db: find_effect(db, key))
        if found is None:
            raise records.missing("effect")
        return found


def books(state: State) -> Books:
    """The open books of the running service."""
    found: Books = state.books
    return found
