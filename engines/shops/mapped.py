"""
The port over a shop's own operations, as its mapping file says.

What a shop answers is text of a stranger: it is decoded into the records of the port
or refused, and nothing in it names an operation, a customer or an order. A record of
somebody else is no record. What is not mapped is refused without a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from engines.shops.effects import OrderEffect, kind_of
from engines.shops.mapping import Operation, ShopMapping
from engines.shops.port import (
    Address,
    Coupon,
    Effect,
    EffectSupport,
    Invoice,
    LineRefund,
    NotFound,
    Order,
    OrderAt,
    Parcel,
    Points,
    Product,
    Refund,
    ShopError,
    ShopRefused,
    ShopUnavailable,
)
from engines.shops.shapes import WHOLE, Misshapen, filled, reshaped, text_at, whole
from engines.shops.wire import NOT_FOUND, segment


T = TypeVar("T")

#: Code of what the shop has no operation for.
NOT_SUPPORTED = "not_supported"
#: Identifiers: what is none names nothing, and is not sent at all.
_IDENTIFIERS = ("user_id", "order_id", "key", "sku")


class Source(Protocol):
    """Where a shop's operations are called."""

    async def call(
        self, operation: Operation, arguments: dict[str, Any], body: Any
    ) -> Any:
        """
        Call one operation and return its answer as plain data.

        Raises:
            Refused: If the shop says no.
            ShopUnavailable: If there is no answer, or none that can be read.
        """
        ...


class Refused(Exception):
    """The shop says no, in its own words."""

    def __init__(self, answer: Any) -> None:
        super().__init__("the shop says no")
        self.answer = answer


class MappedShop:
    """
    A shop whose operations stand in for the calls of the port.

    Args:
        source: Calls them; opened and closed by whoever made it.
    """

    def __init__(self, mapping: ShopMapping, source: Source) -> None:
        self._mapping = mapping
        self._source = source

    @property
    def effect_support(self) -> EffectSupport:
        """What the shop does with idempotency keys."""
        return self._mapping.effects

    @property
    def moves_freight_apart(self) -> bool:
        """Whether address and freight are changed by two calls."""
        return self._mapping.moves_freight_apart

    async def orders(self, user_id: str) -> tuple[Order, ...]:
        """The customer's orders, newest first."""
        said = {"user_id": user_id}
        found = await self._some("orders", tuple[Order, ...], (), said)
        return tuple(order for order in found if order.user_id == user_id)

    async def order(self, user_id: str, order_id: str) -> Order:
        """One order of this customer."""
        order = await self._ask("order", Order, _of(user_id, order_id))
        if (order.user_id, order.id) != (user_id, order_id):
            raise NotFound("no such order")
        return order

    async def parcel(self, user_id: str, order_id: str) -> Parcel:
        """The parcel of an order of this customer."""
        return await self._ask("parcel", Parcel, _of(user_id, order_id))

    async def refunds(self, user_id: str, order_id: str) -> tuple[Refund, ...]:
        """Refunds of an order of this customer, newest first."""
        return await self._ask("refunds", tuple[Refund, ...], _of(user_id, order_id))

    async def invoices(self, user_id: str, order_id: str) -> tuple[Invoice, ...]:
        """Invoices of an order of this customer, newest first."""
        return await self._ask("invoices", tuple[Invoice, ...], _of(user_id, order_id))

    async def products(self, query: str, limit: int = 5) -> tuple[Product, ...]:
        """Products that match *query*, best first; none where it cannot be asked."""
        said = {"query": query, "limit": limit}
        return (await self._some("products", tuple[Product, ...], (), said))[:limit]

    async def variants(self, sku: str) -> tuple[Product, ...]:
        """The product and the other variants of its family."""
        return await self._ask("variants", tuple[Product, ...], {"sku": sku})

    async def companions(self, sku: str) -> tuple[Product, ...]:
        """Products bought together with *sku*; none where it cannot be asked."""
        return await self._some("companions", tuple[Product, ...], (), {"sku": sku})

    async def coupons(self, user_id: str) -> tuple[Coupon, ...]:
        """Coupons that the customer can use now; none where it cannot be asked."""
        said = {"user_id": user_id}
        return await self._some("coupons", tuple[Coupon, ...], (), said)

    async def points(self, user_id: str) -> Points | None:
        """Points of the customer; None where it cannot be asked."""
        said = {"user_id": user_id}
        return await self._some("points", Points | None, None, said)  # type: ignore[arg-type]

    async def quote_freight(self, region: str, weight_g: int, goods_minor: int) -> int:
        """Freight by the shop's table."""
        said = {"region": region, "weight_g": weight_g, "goods_minor": goods_minor}
        return await self._ask("quote_freight", int, said)

    async def change_address(
        self, key: str, at: OrderAt, address: Address, freight_minor: int
    ) -> Effect:
        """Change the address of an unshipped order."""
        said = {"address": address, "freight_minor": freight_minor}
        return await self._do("change_address", key, _at(at) | said)

    async def change_address_when_paid(
        self, key: str, at: OrderAt, address: Address, freight_minor: int
    ) -> Effect:
        """Ask for the higher freight by link."""
        said = {"address": address, "freight_minor": freight_minor}
        return await self._do("change_address_when_paid", key, _at(at) | said)

    async def refund_line(self, key: str, at: OrderAt, refund: LineRefund) -> Effect:
        """Refund units of one line."""
        said = _at(at) | msgspec.structs.asdict(refund)
        return await self._do("refund_line", key, said)

    async def cancel_order(
        self, key: str, at: OrderAt, amount_minor: int, points_minor: int
    ) -> Effect:
        """Cancel a whole unshipped order."""
        said = {"amount_minor": amount_minor, "points_minor": points_minor}
        return await self._do("cancel_order", key, _at(at) | said)

    async def perform(
        self, key: str, user_id: str, order_id: str, effect: OrderEffect
    ) -> Effect:
        """Carry out any other effect on an order."""
        said = _of(user_id, order_id) | msgspec.to_builtins(effect)
        return await self._do(kind_of(effect), key, said)

    async def notify(self, key: str, user_id: str, template: str, text: str) -> Effect:
        """Tell the customer through the shop's notifications."""
        said = {"user_id": user_id, "template": template, "text": text}
        return await self._do("notify", key, said)

    async def find_effect(self, key: str) -> Effect | None:
        """What became of *key*."""
        if self.effect_support is EffectSupport.BLIND:
            raise ShopUnavailable("the shop cannot tell what became of a key")
        try:
            found = await self._shaped("find_effect", {"key": key})
        except NotFound:
            return None
        if found in (None, []):
            return None
        if isinstance(found, list):
            [found, *more] = found
            if more:
                raise ShopUnavailable("one key has several effects")
        return _receipt(found, key, "effect")

    async def _some(
        self, name: str, kind: type[T], none: T, said: Mapping[str, Any]
    ) -> T:
        """As :meth:`_ask`, but nothing where nothing is found or mapped."""
        if name not in self._mapping.operations:
            return none
        try:
            return await self._ask(name, kind, said)
        except NotFound:
            return none

    async def _do(self, name: str, key: str, said: Mapping[str, Any]) -> Effect:
        return _receipt(await self._shaped(name, {**said, "key": key}), key, name)

    async def _ask(self, name: str, kind: type[T], said: Mapping[str, Any]) -> T:
        return _record(await self._shaped(name, said), kind, name)

    async def _shaped(self, name: str, said: Mapping[str, Any]) -> Any:
        operation = self._mapping.operations.get(name)
        if operation is None:
            raise ShopRefused(NOT_SUPPORTED, f"the shop has no operation for {name}")
        answer = await self._answer(operation, said)
        try:
            return reshaped(answer, operation.answer)
        except Misshapen as exc:
            raise ShopUnavailable(f"{operation.operation}: {exc}"[:300]) from exc

    async def _answer(self, operation: Operation, said: Mapping[str, Any]) -> Any:
        for name in _IDENTIFIERS:
            if name in said:
                segment(str(said[name]))
        values = msgspec.to_builtins(said)
        arguments = filled(operation.arguments, values)
        try:
            return await self._source.call(
                operation, arguments, _body(operation, values)
            )
        except Refused as exc:
            raise self._error(exc.answer) from exc

    def _error(self, answer: Any) -> ShopError:
        """A refusal in the port's words; one without a code says nothing surely."""
        refusals = self._mapping.refusals
        code = text_at(answer, refusals.code)
        if not code:
            return ShopUnavailable("the shop refused without a code")
        code = refusals.words.get(code, code)
        message = (text_at(answer, refusals.message) or "")[:500]
        return NotFound(message) if code == NOT_FOUND else ShopRefused(code, message)


def _of(user_id: str, order_id: str) -> dict[str, Any]:
    return {"user_id": user_id, "order_id": order_id}


def _at(at: OrderAt) -> dict[str, Any]:
    return {"user_id": at.user_id, "order_id": at.order_id, "version": at.version}


def _receipt(found: Any, key: str, kind: str) -> Effect:
    """The proof of an effect; a shop that repeats neither key nor kind need not."""
    if not isinstance(found, dict):
        raise ShopUnavailable("the answer is no receipt")
    whole = {"key": key, "kind": kind, "detail": {}} | found
    effect = _record(whole, Effect, kind)
    if effect.key != key:
        raise ShopUnavailable("the answer is of another effect")
    return effect


def _record(found: Any, kind: type[T], name: str) -> T:
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as exc:
        raise ShopUnavailable(f"the answer does not fit {name}: {exc}"[:300]) from exc


def _body(operation: Operation, values: Mapping[str, Any]) -> Any:
    if operation.body == WHOLE:
        return whole(values)
    if isinstance(operation.body, dict):
        return filled(operation.body, values)
    return None
