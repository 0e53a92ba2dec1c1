"""
The port over HTTP with JSON: one pooled client, errors in the port's words.

    no connection                     ShopUnreachable   nothing was sent
    no answer, a cut answer, any 5xx  ShopUnavailable   an effect's outcome is unknown
    404 with code not_found           NotFound
    any other 4xx                     ShopRefused       with the problem's code
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import httpx
import msgspec

from engines.shops.effects import OrderEffect, kind_of
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
    ShopRefused,
    ShopUnavailable,
    ShopUnreachable,
)
from engines.shops.wire import (
    KEY_HEADER,
    NOT_FOUND,
    AddressChange,
    Cancellation,
    Notification,
    Problem,
    Quote,
    RefundRequest,
    segment,
)


T = TypeVar("T")

#: Connections to one shop; more callers wait for a free one.
MAX_CONNECTIONS = 32
_SERVER_ERROR = 500
_CLIENT_ERROR = 400


class HttpShop:
    """
    A shop behind an HTTP service.

    Args:
        timeout_s: For a whole call; after it the outcome of an effect is
            unknown.

        effect_support: What the service does with idempotency keys.

        moves_freight_apart: As in :class:`engines.shops.port.ShopPort`.

    Close it when done, or use it as an async context manager.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        timeout_s: float = 3.0,
        effect_support: EffectSupport = EffectSupport.IDEMPOTENT,
        *,
        moves_freight_apart: bool = False,
    ) -> None:
        self._effect_support = effect_support
        self._moves_freight_apart = moves_freight_apart
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def effect_support(self) -> EffectSupport:
        """What the service does with idempotency keys."""
        return self._effect_support

    @property
    def moves_freight_apart(self) -> bool:
        """Whether address and freight are changed by two calls."""
        return self._moves_freight_apart

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def orders(self, user_id: str) -> tuple[Order, ...]:
        """The customer's orders, newest first."""
        try:
            path = f"/v1/customers/{segment(user_id)}/orders"
            return await self._get(path, tuple[Order, ...])
        except NotFound:
            return ()

    async def order(self, user_id: str, order_id: str) -> Order:
        """One order of this customer."""
        return await self._get(_order_path(user_id, order_id), Order)

    async def parcel(self, user_id: str, order_id: str) -> Parcel:
        """The parcel of an order of this customer."""
        return await self._get(f"{_order_path(user_id, order_id)}/parcel", Parcel)

    async def refunds(self, user_id: str, order_id: str) -> tuple[Refund, ...]:
        """Refunds of an order of this customer, newest first."""
        path = f"{_order_path(user_id, order_id)}/refunds"
        return await self._get(path, tuple[Refund, ...])

    async def invoices(self, user_id: str, order_id: str) -> tuple[Invoice, ...]:
        """Invoices of an order of this customer, newest first."""
        path = f"{_order_path(user_id, order_id)}/invoices"
        return await self._get(path, tuple[Invoice, ...])

    async def variants(self, sku: str) -> tuple[Product, ...]:
        """The product and the other variants of its family."""
        return await self._get(
            f"/v1/products/{segment(sku)}/variants", tuple[Product, ...]
        )

    async def products(self, query: str, limit: int = 5) -> tuple[Product, ...]:
        """Products that match *query*, best first."""
        params = {"query": query, "limit": limit}
        return await self._get("/v1/products", tuple[Product, ...], params)

    async def coupons(self, user_id: str) -> tuple[Coupon, ...]:
        """Coupons that the customer can use now; none where the shop has no such call."""
        try:
            path = f"/v1/customers/{segment(user_id)}/coupons"
            return await self._get(path, tuple[Coupon, ...])
        except NotFound:
            return ()

    async def points(self, user_id: str) -> Points | None:
        """Points of the customer; None where the shop has no such call."""
        try:
            return await self._get(f"/v1/customers/{segment(user_id)}/points", Points)
        except NotFound:
            return None

    async def companions(self, sku: str) -> tuple[Product, ...]:
        """Products bought together with *sku*; none where the shop has no such call."""
        try:
            path = f"/v1/products/{segment(sku)}/companions"
            return await self._get(path, tuple[Product, ...])
        except NotFound:
            return ()

    async def quote_freight(self, region: str, weight_g: int, goods_minor: int) -> int:
        """Freight by the shop's table."""
        params = {"region": region, "weight_g": weight_g, "goods_minor": goods_minor}
        return (await self._get("/v1/freight", Quote, params)).freight_minor

    async def change_address(
        self, key: str, at: OrderAt, address: Address, freight_minor: int
    ) -> Effect:
        """Change the address of an unshipped order."""
        body = AddressChange(at.version, address, freight_minor)
        return await self._post(key, f"{_at_path(at)}/address", body)

    async def change_address_when_paid(
        self, key: str, at: OrderAt, address: Address, freight_minor: int
    ) -> Effect:
        """Ask for the higher freight by link."""
        body = AddressChange(at.version, address, freight_minor)
        return await self._post(key, f"{_at_path(at)}/address-when-paid", body)

    async def refund_line(self, key: str, at: OrderAt, refund: LineRefund) -> Effect:
        """Refund units of one line."""
        body = RefundRequest(at.version, **msgspec.structs.asdict(refund))
        return await self._post(key, f"{_at_path(at)}/line-refunds", body)

    async def cancel_order(
        self, key: str, at: OrderAt, amount_minor: int, points_minor: int
    ) -> Effect:
        """Cancel a whole unshipped order."""
        body = Cancellation(at.version, amount_minor, points_minor)
        return await self._post(key, f"{_at_path(at)}/cancellation", body)

    async def perform(
        self, key: str, user_id: str, order_id: str, effect: OrderEffect
    ) -> Effect:
        """Carry out any other effect on an order."""
        path = f"{_order_path(user_id, order_id)}/effects/{kind_of(effect)}"
        return await self._post(key, path, effect)

    async def notify(self, key: str, user_id: str, template: str, text: str) -> Effect:
        """Tell the customer through the shop's notifications."""
        path = f"/v1/customers/{segment(user_id)}/notifications"
        return await self._post(key, path, Notification(template, text))

    async def find_effect(self, key: str) -> Effect | None:
        """What became of *key*."""
        try:
            return await self._get(f"/v1/effects/{segment(key)}", Effect)
        except NotFound:
            return None

    async def _get(
        self, path: str, kind: type[T], params: dict[str, Any] | None = None
    ) -> T:
        return _decoded(await self._send("GET", path, params=params), kind)

    async def _post(self, key: str, path: str, body: msgspec.Struct) -> Effect:
        headers = {KEY_HEADER: key, "Content-Type": "application/json"}
        content = msgspec.json.encode(body)
        reply = await self._send("POST", path, headers=headers, content=content)
        return _decoded(reply, Effect)

    async def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        with unanswered(method):
            reply = await self._client.request(method, path, **kwargs)
        if reply.status_code >= _CLIENT_ERROR:
            raise _error(reply)
        return reply


@contextmanager
def unanswered(method: str) -> Iterator[None]:
    """In the port's words: whether a call that got no answer was sent at all."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
        raise ShopUnreachable(f"{method}: {type(exc).__name__}") from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise ShopUnavailable(f"{method}: {type(exc).__name__}") from exc


def _order_path(user_id: str, order_id: str) -> str:
    return f"/v1/customers/{segment(user_id)}/orders/{segment(order_id)}"


def _at_path(at: OrderAt) -> str:
    return _order_path(at.user_id, at.order_id)


def _decoded(reply: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(reply.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ShopUnavailable(f"the answer is no {kind.__name__}") from exc


def _error(reply: httpx.Response) -> ShopUnavailable | ShopRefused | NotFound:
    if reply.status_code >= _SERVER_ERROR:
        return ShopUnavailable(f"the shop answered {reply.status_code}")
    try:
        problem = msgspec.json.decode(reply.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ShopUnavailable(f"{reply.status_code} without problem details")
    if problem.code == NOT_FOUND:
        return NotFound(problem.detail)
    return ShopRefused(problem.code, problem.detail)
